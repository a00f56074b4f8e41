import { Agent } from "undici";
import { exchange, type HttpAnswer, type HttpCall, type HttpError } from "../../../net/http.ts";
import { retryAfterSeconds } from "../../../time/backoff.ts";
import { HistorianError } from "../../errors.ts";
import type { InfluxTarget } from "./settings.ts";

export interface HttpRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface InfluxResponse {
  readonly status: number;
  readonly body: string;
  /** Pause that the server asks for, in milliseconds. */
  readonly retryAfterMs: number | undefined;
}

const CONNECTIONS = 8;
/** Maximum size of a response, in bytes: a page of rows, each with a large text. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024;
/** Error codes of a connection that was closed before a response started. */
const CLOSED: ReadonlySet<string> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);
/** Maximum pause that a server can ask for, in milliseconds. */
const MAX_WAIT_MS = 300_000;

/** Sends POST requests to one server. `timeoutMs` is the deadline for connection, headers and body together. */
export class InfluxHttp {
  readonly #target: InfluxTarget;
  #agent: Agent | undefined;
  /** Agents that get no new requests. */
  readonly #retired = new Set<Agent>();

  constructor(target: InfluxTarget) {
    this.#target = target;
  }

  /** @throws {HistorianError} of kind `retry` without a complete response. */
  async post(request: HttpRequest, signal?: AbortSignal): Promise<InfluxResponse> {
    const { url, authorization, timeoutMs } = this.#target;
    const deadline = AbortSignal.timeout(timeoutMs);
    const all = signal ? AbortSignal.any([signal, deadline]) : deadline;
    const address = new URL(url + request.path);
    for (const [name, value] of Object.entries(request.query)) address.searchParams.set(name, value);
    try {
      const { status, headers, body } = await this.#exchange({
        method: "POST",
        url: address,
        headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
        body: request.body,
        signal: all,
        maxBytes: MAX_RESPONSE_BYTES,
      });
      const seconds = retryAfterSeconds(headers);
      const retryAfterMs = seconds === undefined ? undefined : Math.min(seconds * 1000, MAX_WAIT_MS);
      return { status, body: body.toString(), retryAfterMs };
    } catch (error) {
      const why = this.#why(error as HttpError, deadline, signal);
      throw new HistorianError("retry", `InfluxDB at ${url}: ${why}`, { cause: error });
    }
  }

  /**
   * A server may close a persistent connection just as the next request is sent (RFC 9112, 9.3.1). The request is then sent once more
   * on a new connection: every request here can be repeated safely.
   */
  async #exchange(call: HttpCall): Promise<HttpAnswer> {
    const agent = this.#open();
    try {
      return await exchange(agent, call);
    } catch (error) {
      const { answered, cause } = error as HttpError;
      if (answered || !CLOSED.has((cause as NodeJS.ErrnoException | undefined)?.code ?? "")) throw error;
      // Its other persistent connections may be closed too.
      this.#retire(agent);
      return await exchange(this.#open(), call);
    }
  }

  #open(): Agent {
    this.#agent ??= new Agent({ connections: CONNECTIONS, connect: { timeout: this.#target.timeoutMs } });
    return this.#agent;
  }

  /** Stops using an agent; its current requests continue. */
  #retire(agent: Agent): void {
    if (this.#agent !== agent) return;
    this.#agent = undefined;
    this.#retired.add(agent);
    const forget = () => void this.#retired.delete(agent);
    agent.close().then(forget, forget);
  }

  async close(): Promise<void> {
    const agents = [...this.#retired];
    if (this.#agent) agents.push(this.#agent);
    this.#agent = undefined;
    await Promise.all(agents.map((agent) => agent.destroy()));
  }

  #why({ kind, cause }: HttpError, deadline: AbortSignal, signal: AbortSignal | undefined): string {
    if (signal?.aborted) return "the request was aborted";
    if (deadline.aborted) return `no complete response within ${this.#target.timeoutMs / 1000} s`;
    if (kind === "too large") return `the response exceeds ${MAX_RESPONSE_BYTES} bytes; request fewer rows`;
    const { code, message } = cause as NodeJS.ErrnoException;
    return message || code || String(cause);
  }
}
