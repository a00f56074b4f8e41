import type { IncomingHttpHeaders } from "node:http";
import type { Dispatcher } from "undici";

export interface HttpCall {
  readonly method: "GET" | "POST" | "PUT";
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
  /** Aborts the call. */
  readonly signal: AbortSignal;
  /**
   * Last moment by the monotonic clock (`performance.now()`), in milliseconds, at which the request may leave; its connection is destroyed
   * then. Default: none.
   */
  readonly deadline?: number | undefined;
  /** Maximum size of the response's body, in bytes. */
  readonly maxBytes: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/** Receives the body of a response in chunks. */
export interface BodyReceiver {
  /** Returns false to pause until `flow` is resumed. Throws to reject the response as too large. */
  take(chunk: Buffer, headers: IncomingHttpHeaders, flow: { resume(): void }): boolean;
  whole(): Buffer;
}

/** A failed exchange. `cause` is the network's error, the signal's reason, or the receiver's error. */
export class HttpError extends Error {
  override readonly name = "HttpError";
  readonly kind: "network" | "aborted" | "too large" | "encoding" | "late";
  /** Whether the request may have been sent: it was started on a connection. */
  readonly sent: boolean;
  /** Whether a response had started. */
  readonly answered: boolean;

  constructor(kind: HttpError["kind"], sent: boolean, cause?: unknown, answered = false) {
    super(kind, { cause });
    this.kind = kind;
    this.sent = sent;
    this.answered = answered;
  }
}

/**
 * Sends a request and reads its response, without following redirects. Nothing is sent after it rejects: a request that still waits for
 * its connection is withdrawn.
 *
 * @throws HttpError
 */
export function exchange(
  dispatcher: Dispatcher,
  { method, url, headers, body, signal, maxBytes, deadline }: HttpCall,
  receiver: BodyReceiver = new Chunks(),
): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    let sent = false;
    let settled = false;
    let timer: NodeJS.Timeout | undefined;
    let controller: Dispatcher.DispatchController | undefined;
    let status = 0;
    let answered: IncomingHttpHeaders = {};
    let size = 0;

    const settle = (): boolean => {
      if (settled) return false;
      settled = true;
      signal.removeEventListener("abort", abort);
      clearTimeout(timer);
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
    const isLate = () => deadline !== undefined && performance.now() >= deadline;
    if (deadline !== undefined)
      timer = setTimeout(() => fail("late"), Math.max(0, Math.ceil(deadline - performance.now())));

    const handler: Dispatcher.DispatchHandler = {
      onRequestStart(started) {
        if (settled) return started.abort(new Error("withdrawn"));
        // undici writes the request right after this call, in the same turn. A process that was stopped comes here with its timers late.
        if (isLate()) {
          fail("late");
          return started.abort(new Error("withdrawn"));
        }
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
        // undici reuses the connection only one turn later; an earlier call would open another one.
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
