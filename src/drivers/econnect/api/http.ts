import { type Dispatcher, request } from "undici";
import { EconnectError } from "./errors.ts";

export interface Get {
  readonly dispatcher: Dispatcher;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** The only clock. */
  readonly signal: AbortSignal;
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: string;
}

/** Aborts a call that took too long, told apart from a caller who gave up. */
export const DEADLINE = new Error("no answer within the deadline");

/**
 * One GET and its whole answer, redirects included.
 *
 * @throws EconnectError; the signal's reason where it is another than {@link DEADLINE}
 */
export async function get({ dispatcher, url, headers, signal, maxBytes }: Get): Promise<HttpAnswer> {
  const place = url.origin;
  try {
    const answer = await request(url, {
      dispatcher,
      headers: { ...headers },
      signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const chunks: Buffer[] = [];
    let size = 0;
    for await (const chunk of answer.body as AsyncIterable<Buffer>) {
      size += chunk.byteLength;
      // Leaving the loop ends the connection.
      if (size > maxBytes) throw tooLarge(place, maxBytes);
      chunks.push(chunk);
    }
    return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks).toString() };
  } catch (error) {
    if (error instanceof EconnectError) throw error;
    if (signal.aborted && signal.reason !== DEADLINE) throw signal.reason;
    throw signal.aborted ? late(place) : unreachable(place, error);
  }
}

function tooLarge(place: string, maxBytes: number): EconnectError {
  return new EconnectError(
    `${place} sent a page of more than ${maxBytes} bytes; it was not read to its end`,
    {
      fault: "answer",
      code: "too large",
    },
  );
}

function late(place: string): EconnectError {
  return new EconnectError(`${place} did not answer in time`, { fault: "unreachable", code: "timeout" });
}

function unreachable(place: string, cause: unknown): EconnectError {
  const { code = "network", message } = cause as { code?: string; message: string };
  return new EconnectError(`${place} cannot be reached (${message || code})`, {
    fault: "unreachable",
    code,
    cause,
  });
}
