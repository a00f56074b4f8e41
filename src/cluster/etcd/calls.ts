import { Agent } from "undici";
import type { EtcdConnection } from "../../config/bridge/cluster-schema.ts";
import { readBounded } from "../../config/files/file-access.ts";
import { type BodyReceiver, exchange, type HttpAnswer, HttpError } from "../../net/http.ts";
import { systemClock } from "../../time/clock.ts";
import { ClusterUnavailableError } from "../contract.ts";

/** Maximum size of an answer, in bytes: a page of a range has at most {@link PAGE} values of about a kilobyte. */
const MAX_ANSWER_BYTES = 32_000_000;
const MAX_PEM_BYTES = 1_000_000;
/** Number of keys that a range asks for at a time. */
export const PAGE = 1000;
/** Pause after every endpoint has failed, in milliseconds. */
const ROUND_PAUSE_MS = 50;

/** gRPC codes of failures that another endpoint, or a later attempt, may not have: deadline, resources, aborted, unavailable. */
const TRANSIENT: readonly number[] = [4, 8, 10, 14];
const UNAUTHENTICATED = 16;

/** An error that etcd answered. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  /** gRPC status code. */
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/** Calls of etcd's JSON gateway. Each tries the endpoints in turn until one answers or the time is over. */
export class EtcdCalls {
  readonly #connection: EtcdConnection;
  readonly #agent: Agent;
  readonly #endpoints: readonly URL[];
  readonly #closed = new AbortController();
  #current = 0;
  #token: string | undefined;

  /** @throws when a PEM file cannot be read */
  constructor(connection: EtcdConnection) {
    this.#connection = connection;
    this.#endpoints = connection.endpoints.map((one) => new URL(one));
    this.#agent = new Agent({
      connect: { ca: pem(connection, "ca"), cert: pem(connection, "cert"), key: pem(connection, "key") },
    });
  }

  /**
   * Calls a method. `onRetry` is called before an attempt after one that may have been executed.
   * @throws {ClusterUnavailableError} when no endpoint answered in time, {@link EtcdError} for any other failure
   */
  async call<Answer>(
    path: string,
    request: object,
    signal?: AbortSignal,
    onRetry?: () => void,
  ): Promise<Answer> {
    const end = performance.now() + this.#connection.timeout * 1000;
    const outer = signal ? AbortSignal.any([signal, this.#closed.signal]) : this.#closed.signal;
    let renewed = false;
    for (let attempt = 1; ; attempt++) {
      outer.throwIfAborted();
      const left = Math.max(end - performance.now(), 1);
      // One endpoint that hangs must leave time for the others.
      const share = AbortSignal.timeout(
        Math.ceil(left / (this.#endpoints.length - ((attempt - 1) % this.#endpoints.length))),
      );
      const place = this.#current;
      try {
        return (await this.#attempt(path, request, AbortSignal.any([outer, share]))) as Answer;
      } catch (error) {
        outer.throwIfAborted();
        if (isTokenFault(error) && this.#token !== undefined && !renewed) {
          this.#token = undefined;
          renewed = true;
          continue;
        }
        if (!isTransient(error)) throw error;
        this.#leave(place);
        const pause = attempt % this.#endpoints.length === 0 ? ROUND_PAUSE_MS : 0;
        if (performance.now() + pause >= end) throw this.#unavailable(place, error);
        if (pause > 0) await new Promise<void>((resolve) => systemClock.after(pause, resolve));
        onRetry?.();
      }
    }
  }

  /**
   * Makes a call whose answer is a stream of lines, until the signal aborts or the stream ends. Then the next call uses another endpoint.
   */
  async stream(
    path: string,
    request: object,
    signal: AbortSignal,
    onLine: (line: unknown) => void,
  ): Promise<void> {
    const place = this.#current;
    try {
      await this.#post(path, request, AbortSignal.any([signal, this.#closed.signal]), new Lines(onLine));
      throw new EtcdError("the stream ended", 14);
    } catch (error) {
      if (isTokenFault(error)) this.#token = undefined;
      signal.throwIfAborted();
      this.#leave(place);
      throw isTransient(error) ? this.#unavailable(place, error) : error;
    }
  }

  async close(): Promise<void> {
    this.#closed.abort(new ClusterUnavailableError("the connection to etcd was closed"));
    await this.#agent.destroy();
  }

  /** Uses the next endpoint, unless another call left this one before. */
  #leave(place: number): void {
    if (this.#current === place) this.#current = (place + 1) % this.#endpoints.length;
  }

  async #attempt(path: string, request: object, signal: AbortSignal): Promise<unknown> {
    const { username, password } = this.#connection;
    if (username !== undefined && this.#token === undefined) {
      const answer = await this.#post(
        "/v3/auth/authenticate",
        { name: username, password },
        signal,
        undefined,
        false,
      );
      this.#token = (answer as { token: string }).token;
    }
    return await this.#post(path, request, signal);
  }

  async #post(
    path: string,
    request: object,
    signal: AbortSignal,
    receiver?: BodyReceiver,
    login = true,
  ): Promise<unknown> {
    const answer = await exchange(
      this.#agent,
      {
        method: "POST",
        url: new URL(path, this.#endpoints[this.#current]),
        headers: {
          "content-type": "application/json",
          ...(login && this.#token !== undefined && { authorization: this.#token }),
        },
        body: JSON.stringify(request),
        signal,
        maxBytes: receiver ? Number.POSITIVE_INFINITY : MAX_ANSWER_BYTES,
      },
      receiver,
    );
    return parsed(answer);
  }

  #unavailable(place: number, cause: unknown): ClusterUnavailableError {
    const others = this.#endpoints.length - 1;
    const at = `${this.#endpoints[place]!.origin}${others > 0 ? ` and ${others} more` : ""}`;
    const why = reasonOf(cause, this.#connection.timeout);
    return new ClusterUnavailableError(
      `etcd at ${at} does not answer: ${why}; check cluster.connection.endpoints`,
      { cause },
    );
  }
}

function pem(connection: EtcdConnection, name: "ca" | "cert" | "key"): Buffer | undefined {
  const file = connection[name];
  if (file === undefined) return undefined;
  try {
    return readBounded(file, MAX_PEM_BYTES);
  } catch (error) {
    throw new Error(`cluster.connection.${name}: ${(error as Error).message}`, { cause: error });
  }
}

function parsed({ status, body }: HttpAnswer): unknown {
  if (body.length === 0 && status === 200) return {};
  let answer: { error?: unknown; message?: string; code?: number };
  try {
    answer = JSON.parse(body.toString());
  } catch {
    throw new EtcdError(
      `HTTP ${status}, not in JSON: ${body.toString("utf8", 0, 300).trim() || "no text"}`,
      status >= 500 ? 14 : 2,
    );
  }
  throwError(answer);
  if (status !== 200) throw new EtcdError(answer.message ?? `HTTP ${status}`, answer.code ?? 2);
  return answer;
}

/** Throws the error in an answer or in a line of a stream. */
function throwError(answer: { error?: unknown; message?: string; code?: number }): void {
  if (answer.error === undefined) return;
  if (typeof answer.error === "string") throw new EtcdError(answer.message ?? answer.error, answer.code ?? 2);
  const { message, code, grpc_code } = answer.error as {
    message?: string;
    code?: number;
    grpc_code?: number;
  };
  throw new EtcdError(message ?? "unknown error", grpc_code ?? code ?? 2);
}

function isTokenFault(error: unknown): boolean {
  if (!(error instanceof EtcdError)) return false;
  return error.code === UNAUTHENTICATED || /invalid auth token|revision in header is old/.test(error.message);
}

function isTransient(error: unknown): boolean {
  if (error instanceof HttpError) return error.kind === "network" || error.kind === "aborted";
  return error instanceof EtcdError && TRANSIENT.includes(error.code);
}

function reasonOf(error: unknown, seconds: number): string {
  if (!(error instanceof HttpError)) return (error as Error).message;
  if (error.kind === "aborted") return `no answer within ${seconds} s`;
  const cause = error.cause as { message?: string; code?: string } | undefined;
  return cause?.message || cause?.code || error.message;
}

/** Splits a stream of JSON lines. */
class Lines implements BodyReceiver {
  readonly #onLine: (line: unknown) => void;
  #rest: Buffer[] = [];
  #size = 0;

  constructor(onLine: (line: unknown) => void) {
    this.#onLine = onLine;
  }

  take(chunk: Buffer): true {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      const line = Buffer.concat([...this.#rest, chunk.subarray(start, end)]).toString();
      this.#rest = [];
      this.#size = 0;
      start = end + 1;
      if (line.trim() !== "") this.#onLine(JSON.parse(line));
    }
    const rest = chunk.subarray(start);
    this.#size += rest.length;
    if (this.#size > MAX_ANSWER_BYTES) throw new Error("a line of the stream is too long");
    this.#rest.push(rest);
    return true;
  }

  whole(): Buffer {
    return Buffer.concat(this.#rest);
  }
}
