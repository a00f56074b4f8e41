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

export interface InfluxAnswer {
  readonly status: number;
  readonly body: string;
  /** Milliseconds that the server asks to be left alone. */
  readonly retryAfterMs: number | undefined;
}

const CONNECTIONS = 8;
/** Bytes of an answer: rows of one page, each with a large text. */
const MAX_ANSWER = 256 * 1024 * 1024;
/** The connection ended before an answer began. */
const CLOSED: ReadonlySet<string> = new Set(["UND_ERR_SOCKET", "ECONNRESET", "EPIPE"]);
/** A server that asks for more is asked again all the same. */
const LONGEST_WAIT_MS = 300_000;

/** POST requests to one server. Each ends by its deadline: connection, headers and the whole body within `timeoutMs`. */
export class InfluxHttp {
  readonly #target: InfluxTarget;
  #agent: Agent | undefined;
  /** No new request goes to these. */
  readonly #retired = new Set<Agent>();

  constructor(target: InfluxTarget) {
    this.#target = target;
  }

  /** Throws a HistorianError of kind `retry` where no complete answer came. */
  async post(request: HttpRequest, signal?: AbortSignal): Promise<InfluxAnswer> {
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
        maxBytes: MAX_ANSWER,
      });
      const seconds = retryAfterSeconds(headers);
      const retryAfterMs = seconds === undefined ? undefined : Math.min(seconds * 1000, LONGEST_WAIT_MS);
      return { status, body: body.toString(), retryAfterMs };
    } catch (error) {
      const why = this.#why(error as HttpError, deadline, signal);
      throw new HistorianError("retry", `InfluxDB at ${url}: ${why}`, { cause: error });
    }
  }

  /**
   * A server may close a connection that it kept open just as the next request leaves (RFC 9112, 9.3.1). That says nothing of the
   * request, so it is sent once more, on a new connection: all that is posted here can be posted twice.
   */
  async #exchange(call: HttpCall): Promise<HttpAnswer> {
    const agent = this.#open();
    try {
      return await exchange(agent, call);
    } catch (error) {
      const { answered, cause } = error as HttpError;
      if (answered || !CLOSED.has((cause as NodeJS.ErrnoException | undefined)?.code ?? "")) throw error;
      // What else it keeps open may have gone the same way.
      this.#retire(agent);
      return await exchange(this.#open(), call);
    }
  }

  #open(): Agent {
    this.#agent ??= new Agent({ connections: CONNECTIONS, connect: { timeout: this.#target.timeoutMs } });
    return this.#agent;
  }

  /** Its requests under way go on. */
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
    if (signal?.aborted) return "the request was ended";
    if (deadline.aborted) return `no complete answer within ${this.#target.timeoutMs / 1000} s`;
    if (kind === "too large") return `its answer is longer than ${MAX_ANSWER} bytes; ask for fewer rows`;
    const { code, message } = cause as NodeJS.ErrnoException;
    return message || code || String(cause);
  }
}
