import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";

export interface HttpCall {
  readonly method: "GET" | "POST";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Bounds the call in time; nothing else does. */
  readonly signal: AbortSignal;
  /** Most bytes of the answer's body. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Takes the body of an answer as it comes. */
export interface BodyReceiver {
  /** Returns false where nothing more is to come until `flow` is resumed. Throws to refuse the answer as too large. */
  take(chunk: Buffer, headers: IncomingHttpHeaders, flow: { resume(): void }): boolean;
  whole(): Buffer;
}

/** The exchange failed. `cause` is the network's error, the signal's reason, or what the receiver threw. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: "network" | "aborted" | "too large" | "encoding";
  /** Whether the request may have left: it was at least begun on a connection. */
  readonly sent: boolean;
  /** Whether an answer had begun. */
  readonly answered: boolean;

  constructor(kind: HttpError["kind"], sent: boolean, cause?: unknown, answered = false) {
    super(kind, { cause });
    this.kind = kind;
    this.sent = sent;
    this.answered = answered;
  }
}

/**
 * Sends a request and reads its answer. Redirects are answers like any other. Once rejected, nothing is sent any
 * more: a request that still waits for its connection is withdrawn.
 *
 * @throws HttpError
 */
export function exchange(
  dispatcher: Dispatcher,
  { method, url, headers, body, signal, maxBytes }: HttpCall,
  receiver: BodyReceiver = new Chunks(),
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let settled = false;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let answered: IncomingHttpHeaders = {};
    let size = 0;

    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      signal.removeEventListener("abort", abort);
      return true;
    };
    const fail = (kind: HttpError["kind"], cause?: unknown): void => {
      if (!settle()) return;
      const error = new HttpError(kind, sent, cause, status !== 0);
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
      onResponseStart(_controller, statusCode, fields) {
        status = statusCode;
        answered = fields;
        if (Number(fields["content-length"]) > maxBytes) fail("too large");
      },
      onResponseData(receiving, chunk) {
        if (settled) return;
        size += chunk.byteLength;
        if (size > maxBytes) return fail("too large");
        try {
          if (!receiver.take(chunk, answered, receiving)) receiving.pause();
        } catch (cause) {
          fail("too large", cause);
        }
      },
      onResponseEnd() {
        if (!settle()) return;
        // undici takes the connection back a turn later; a next call before that would open another.
        const answer = { status, headers: answered, body: receiver.whole() };
        setImmediate(() => setImmediate(resolve, answer));
      },
      onResponseError: (_controller, cause) => fail("network", cause),
    };
    try {
      dispatcher.dispatch(
        {
          origin: url.origin,
          path: url.pathname + url.search,
          method,
          headers,
          body,
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

class Chunks implements BodyReceiver {
  readonly #chunks: Buffer[] = [];

  take(chunk: Buffer): true {
    this.#chunks.push(chunk);
    return true;
  }

  whole(): Buffer {
    return Buffer.concat(this.#chunks);
  }
}
