import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import { TooLargeError, unpack } from "./unpack.ts";

/** One POST and its whole answer, bounded in time by the signal and in size by `maxBytes`. */
export interface Post {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Largest answer, packed and unpacked. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Unpacked. */
  readonly body: Buffer;
  /** Bytes of the body on the wire. */
  readonly bytes: number;
}

/** The exchange failed. `cause` is the network's error, or the signal's reason. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: "network" | "aborted" | "too large" | "encoding";
  /** Whether the request may have left: it was at least begun on a connection. */
  readonly sent: boolean;

  constructor(kind: HttpError["kind"], sent: boolean, cause?: unknown) {
    super(kind, { cause });
    this.kind = kind;
    this.sent = sent;
  }
}

/**
 * Sends a request and reads its answer. Redirects are answers like any other. Once rejected, nothing is sent any
 * more: a request that still waits for its connection is withdrawn.
 *
 * @throws HttpError
 */
export async function post(dispatcher: Dispatcher, request: Post): Promise<HttpAnswer> {
  const { status, headers, body } = await exchange(dispatcher, request);
  const bytes = body.byteLength;
  const encoding = String(headers["content-encoding"] ?? "identity")
    .trim()
    .toLowerCase();
  if (encoding === "identity") return { status, headers, body, bytes };
  if (encoding !== "gzip" && encoding !== "x-gzip") throw new HttpError("encoding", true);
  try {
    return { status, headers, body: await unpack(body, request.maxBytes), bytes };
  } catch (cause) {
    throw new HttpError(cause instanceof TooLargeError ? "too large" : "encoding", true, cause);
  }
}

type Exchange = Omit<HttpAnswer, "bytes">;

function exchange(dispatcher: Dispatcher, request: Post): Promise<Exchange> {
  const { url, signal, maxBytes } = request;
  return new Promise((resolve, reject) => {
    let sent = false;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const chunks: Buffer[] = [];
    let size = 0;

    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      signal.removeEventListener("abort", abort);
      return true;
    };
    const fail = (kind: HttpError["kind"], cause?: unknown): void => {
      if (!settle()) return;
      const error = new HttpError(kind, sent, cause);
      reject(error);
      controller?.abort(error);
    };
    const abort = (): void => fail("aborted", signal.reason);
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        if (settled) return started.abort(new Error("withdrawn"));
        controller = started;
        sent = true;
      },
      onResponseStart(_controller, statusCode, answered) {
        status = statusCode;
        headers = answered;
        if (Number(answered["content-length"]) > maxBytes) fail("too large");
      },
      onResponseData(_controller, chunk) {
        size += chunk.byteLength;
        if (size > maxBytes) return fail("too large");
        if (!settled) chunks.push(chunk);
      },
      onResponseEnd() {
        if (!settle()) return;
        // undici takes the connection back a turn later; a next call before that would open another.
        const answer = { status, headers, body: Buffer.concat(chunks, size) };
        setImmediate(() => setImmediate(resolve, answer));
      },
      onResponseError: (_controller, cause) => fail("network", cause),
    };
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method: "POST",
          headers: request.headers,
          body: request.body,
          // The signal is the only clock.
          headersTimeout: 0,
          bodyTimeout: 0,
        },
        handler,
      );
    } catch (cause) {
      fail("network", cause);
    }
  });
}
