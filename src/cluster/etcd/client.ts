import { readFileSync } from "node:fs";
import { Agent, type Dispatcher } from "undici";
import type { EtcdConnection } from "../../config/bridge/cluster-schema.ts";
import { messageOf } from "../../log/log.ts";
import { exchange, HttpError } from "../../net/http.ts";
import { ClusterUnavailableError, LeaseLostError } from "../contract.ts";

/** Maximum size of an answer, in bytes: a page of the state of a shard, and more than etcd takes in one request (1.5 MiB). */
const MOST_BYTES = 16 * 1024 * 1024;
/** Maximum size of one message of a watch. */
const MOST_LINE_BYTES = 4 * 1024 * 1024;

/** Codes of gRPC (github.com/grpc/grpc, doc/statuscodes.md) that the gateway gives as `code`. */
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const PERMISSION_DENIED = 7;
const FAILED_PRECONDITION = 9;
const UNIMPLEMENTED = 12;
const UNAUTHENTICATED = 16;
/** Codes after which another server would answer the same. */
const FINAL: readonly number[] = [
  INVALID_ARGUMENT,
  NOT_FOUND,
  PERMISSION_DENIED,
  FAILED_PRECONDITION,
  UNIMPLEMENTED,
];

/** The service refuses the request. */
export class EtcdError extends Error {
  override readonly name = "EtcdError";
  readonly code: number;

  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

/**
 * Calls of etcd's JSON gateway (etcd, Documentation/dev-guide/api_grpc_gateway.md: paths `/v3/…`, bytes as base64, 64-bit numbers as
 * text). A call goes to the server that answered last, and to the others where that does not answer, within one deadline for all.
 */
export class EtcdClient {
  readonly #connection: EtcdConnection;
  readonly #agent: Agent;
  readonly #urls: readonly URL[];
  #next = 0;
  #token: string | undefined;
  readonly #closing = new AbortController();

  constructor(connection: EtcdConnection) {
    this.#connection = connection;
    this.#urls = connection.endpoints.map((endpoint) => new URL(endpoint));
    const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
    const { ca, cert, key, timeout } = connection;
    this.#agent = new Agent({
      connect: { ca: read(ca), cert: read(cert), key: read(key), timeout: timeout * 1000 },
    });
  }

  /**
   * @throws {ClusterUnavailableError} where no server answers in time; it may have done what was asked
   * @throws {LeaseLostError} where the lease does not exist
   */
  async call<Answer>(path: string, body: object, signal?: AbortSignal): Promise<Answer> {
    const late = AbortSignal.timeout(this.#connection.timeout * 1000);
    const all = AbortSignal.any([late, this.#closing.signal, ...(signal ? [signal] : [])]);
    const failures: string[] = [];
    for (let attempt = 0; attempt < this.#urls.length && !all.aborted; attempt++) {
      const url = this.#urls[this.#next]!;
      // A server that does not answer must leave time for the others.
      const share = Math.ceil((this.#connection.timeout * 1000) / this.#urls.length);
      try {
        return await this.#send(url, path, body, AbortSignal.any([all, AbortSignal.timeout(share)]));
      } catch (error) {
        if (error instanceof EtcdError && FINAL.includes(error.code)) {
          if (error.code === NOT_FOUND && /lease/.test(error.message))
            throw new LeaseLostError("etcd does not have the lease any more");
          throw error;
        }
        failures.push(`${url.host}: ${causeOf(error)}`);
        this.#next = (this.#next + 1) % this.#urls.length;
      }
    }
    if (this.#closing.signal.aborted) failures.push("the connection was closed");
    throw new ClusterUnavailableError(`etcd does not answer ${path} (${failures.join("; ")})`);
  }

  /** Yields the messages of a stream until it ends or fails. */
  async *stream<Message>(path: string, body: object, signal: AbortSignal): AsyncGenerator<Message> {
    const url = this.#urls[this.#next]!;
    const all = AbortSignal.any([signal, this.#closing.signal]);
    try {
      await this.#login(url, all);
      const answer = await this.#agent.request({
        origin: url.origin,
        path,
        method: "POST",
        headers: this.#headers(),
        body: JSON.stringify(body),
        headersTimeout: this.#connection.timeout * 1000,
        bodyTimeout: 0,
        signal: all,
      });
      if (answer.statusCode !== 200)
        throw new Error(`HTTP ${answer.statusCode}: ${await answer.body.text()}`);
      yield* messagesOf<Message>(answer.body);
    } catch (error) {
      this.#next = (this.#next + 1) % this.#urls.length;
      this.#token = undefined;
      throw new ClusterUnavailableError(`etcd ends ${path} (${url.host}: ${causeOf(error)})`, {
        cause: error,
      });
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("closed"));
    await this.#agent.destroy();
  }

  async #send<Answer>(url: URL, path: string, body: object, signal: AbortSignal): Promise<Answer> {
    await this.#login(url, signal);
    try {
      return await this.#post(url, path, body, signal);
    } catch (error) {
      const isOver =
        error instanceof EtcdError && (error.code === UNAUTHENTICATED || /auth token/.test(error.message));
      if (!isOver || this.#token === undefined) throw error;
      // A token ends after some minutes, and with a server that is started again.
      this.#token = undefined;
      await this.#login(url, signal);
      return await this.#post(url, path, body, signal);
    }
  }

  async #login(url: URL, signal: AbortSignal): Promise<void> {
    const { username: name, password } = this.#connection;
    if (name === undefined || this.#token !== undefined) return;
    const { token } = await this.#post<{ token: string }>(
      url,
      "/v3/auth/authenticate",
      { name, password: password ?? "" },
      signal,
    );
    this.#token = token;
  }

  #headers(): Record<string, string> {
    return {
      "content-type": "application/json",
      ...(this.#token !== undefined && { authorization: this.#token }),
    };
  }

  async #post<Answer>(origin: URL, path: string, body: object, signal: AbortSignal): Promise<Answer> {
    const answer = await exchange(this.#agent as Dispatcher, {
      method: "POST",
      url: new URL(path, origin),
      headers: this.#headers(),
      body: JSON.stringify(body),
      signal,
      maxBytes: MOST_BYTES,
    });
    const text = answer.body.toString();
    if (answer.status === 200) return JSON.parse(text) as Answer;
    throw errorOf(answer.status, text);
  }
}

/** Yields the messages of a body, one a line: `{"result": …}` or `{"error": …}`. */
async function* messagesOf<Message>(body: AsyncIterable<Buffer>): AsyncGenerator<Message> {
  let rest = "";
  for await (const chunk of body) {
    rest += chunk.toString();
    if (rest.length > MOST_LINE_BYTES) throw new Error("a message is too large");
    const lines = rest.split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      if (line === "") continue;
      const { result, error } = JSON.parse(line) as { result?: Message; error?: { message?: string } };
      if (result === undefined) throw new Error(error?.message ?? "it sent an error");
      yield result;
    }
  }
}

function errorOf(status: number, text: string): Error {
  try {
    const { code, message, error } = JSON.parse(text) as { code?: number; message?: string; error?: string };
    return new EtcdError(message ?? error ?? `HTTP ${status}`, code ?? status);
  } catch {
    return new Error(`HTTP ${status}`);
  }
}

function causeOf(error: unknown): string {
  return messageOf(error instanceof HttpError ? (error.cause ?? error) : error);
}
