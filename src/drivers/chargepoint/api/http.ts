import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";
import type { AnswerShare } from "./answer-budget.ts";
import { gunzip, TooLargeError } from "./gunzip.ts";
import { HttpError } from "./http-error.ts";
import { MarkupGuard } from "./markup-guard.ts";

/** One POST and its whole answer, bounded in time by the signal and in size by `maxBytes`. */
export interface Post {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
  readonly signal: AbortSignal;
  /** Largest answer, packed and unpacked. */
  readonly maxBytes: number;
  /** What the answer may take of the process's memory and time. */
  readonly share: AnswerShare;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** Unpacked; until the share is closed. */
  readonly body: Buffer;
  /** Bytes of the body on the wire. */
  readonly bytes: number;
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
  if (!isPacked(headers)) return { status, headers, body, bytes };
  const encoding = encodingOf(headers);
  if (encoding !== "gzip" && encoding !== "x-gzip") throw new HttpError("encoding", true);
  try {
    const { maxBytes, share, signal } = request;
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

type Exchange = Omit<HttpAnswer, "bytes">;

function exchange(dispatcher: Dispatcher, request: Post): Promise<Exchange> {
  const { url, signal, maxBytes, share } = request;
  return new Promise((resolve, reject) => {
    let sent = false;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let headers: IncomingHttpHeaders = {};
    const bytes = share.newBody();
    const guard = new MarkupGuard();

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
      onResponseData(receiving, chunk) {
        if (settled) return;
        if (bytes.size + chunk.byteLength > maxBytes) return fail("too large");
        const wrong = isPacked(headers) ? undefined : guard.pass(chunk);
        if (wrong !== undefined) return fail("too large", new TooLargeError(wrong));
        bytes.add(chunk);
        if (!share.take(chunk.byteLength, () => receiving.resume())) receiving.pause();
      },
      onResponseEnd() {
        if (!settle()) return;
        // undici takes the connection back a turn later; a next call before that would open another.
        const answer = { status, headers, body: bytes.view() };
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
