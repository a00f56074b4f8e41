import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import {
  type BodyReceiver,
  exchange,
  type HttpAnswer,
  type HttpCall,
  HttpError,
} from "../../../../net/http.ts";
import { MarkupGuard } from "../documents/markup-guard.ts";
import type { AnswerShare, BodyBytes } from "./answer-budget.ts";
import { gunzip, TooLargeError } from "./gunzip.ts";

/** One POST; `maxBytes` applies to the answer before and after decompression. */
export interface SoapPost extends HttpCall {
  /** The answer's share of the process's memory and time. */
  readonly share: AnswerShare;
}

export interface SoapAnswer extends HttpAnswer {
  /** Decompressed; valid until the share is closed. */
  readonly body: Buffer;
  /** Size of the body on the wire, in bytes. */
  readonly bytes: number;
}

/** Sends a request and returns its decompressed answer. @throws HttpError */
export async function post(dispatcher: Dispatcher, request: SoapPost): Promise<SoapAnswer> {
  const { maxBytes, share, signal } = request;
  const { status, headers, body } = await exchange(dispatcher, request, new SharedBody(share));
  const bytes = body.byteLength;
  if (!isPacked(headers)) return { status, headers, body, bytes };
  const encoding = encodingOf(headers);
  if (encoding !== "gzip" && encoding !== "x-gzip") throw new HttpError("encoding", true);
  try {
    return { status, headers, body: await gunzip(body, { maxBytes, share, signal }), bytes };
  } catch (cause) {
    if (cause instanceof HttpError) throw cause;
    throw new HttpError(cause instanceof TooLargeError ? "too large" : "encoding", true, cause);
  }
}

function encodingOf(headers: IncomingHttpHeaders): string {
  return String(headers["content-encoding"] ?? "identity")
    .trim()
    .toLowerCase();
}

function isPacked(headers: IncomingHttpHeaders): boolean {
  return headers["content-encoding"] !== undefined && encodingOf(headers) !== "identity";
}

/** Receives the bytes of an answer as its share of the budget allows, and checks them as they arrive. */
class SharedBody implements BodyReceiver {
  readonly #share: AnswerShare;
  readonly #bytes: BodyBytes;
  readonly #guard = new MarkupGuard();

  constructor(share: AnswerShare) {
    this.#share = share;
    this.#bytes = share.newBody();
  }

  take(chunk: Buffer, headers: IncomingHttpHeaders, flow: { resume(): void }): boolean {
    const wrong = isPacked(headers) ? undefined : this.#guard.pass(chunk);
    if (wrong !== undefined) throw new TooLargeError(wrong);
    this.#bytes.add(chunk);
    return this.#share.take(chunk.byteLength, () => flow.resume());
  }

  whole(): Buffer {
    return this.#bytes.view();
  }
}
