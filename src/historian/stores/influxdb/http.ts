import { Agent, type Dispatcher } from "undici";
import { HistorianError } from "../../errors.ts";
import type { InfluxTarget } from "./settings.ts";

export interface HttpRequest {
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  readonly body: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
  /** Milliseconds that the server asks to be left alone. */
  readonly retryAfterMs?: number;
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
  readonly #now: () => number;
  #agent: Agent | undefined;
  /** No new request goes to these. */
  readonly #retired = new Set<Agent>();

  constructor(target: InfluxTarget, now: () => number) {
    this.#target = target;
    this.#now = now;
  }

  /** Throws a HistorianError of kind `retry` where no complete answer came. */
  async post(request: HttpRequest, signal?: AbortSignal): Promise<HttpAnswer> {
    const { url, authorization, timeoutMs } = this.#target;
    const deadline = AbortSignal.timeout(timeoutMs);
    const all = signal ? AbortSignal.any([signal, deadline]) : deadline;
    const address = new URL(url + request.path);
    for (const [name, value] of Object.entries(request.query)) address.searchParams.set(name, value);
    try {
      const { statusCode, headers, body } = await this.#request({
        origin: address.origin,
        path: address.pathname + address.search,
        method: "POST",
        headers: { ...request.headers, ...(authorization === undefined ? {} : { authorization }) },
        body: request.body,
        signal: all,
        headersTimeout: timeoutMs,
        bodyTimeout: timeoutMs,
      });
      const retryAfterMs = waitOf(headers["retry-after"], this.#now());
      return {
        status: statusCode,
        body: await textOf(body),
        ...(retryAfterMs === undefined ? {} : { retryAfterMs }),
      };
    } catch (error) {
      if (error instanceof HistorianError) throw error;
      throw new HistorianError(
        "retry",
        `InfluxDB at ${url}: ${this.#why(error as Error, deadline, signal)}`,
        {
          cause: error,
        },
      );
    }
  }

  /**
   * A server may close a connection that it kept open just as the next request leaves (RFC 9112, 9.3.1). That says nothing of the
   * request, so it is sent once more, on a new connection: all that is posted here can be posted twice.
   */
  async #request(options: Dispatcher.RequestOptions): Promise<Dispatcher.ResponseData> {
    const agent = this.#open();
    try {
      return await agent.request(options);
    } catch (error) {
      if (!CLOSED.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      // What else it keeps open may have gone the same way.
      this.#retire(agent);
      return await this.#open().request(options);
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

  #why(error: Error, deadline: AbortSignal, signal: AbortSignal | undefined): string {
    if (signal?.aborted) return "the request was ended";
    if (deadline.aborted) return `no complete answer within ${this.#target.timeoutMs / 1000} s`;
    const { code, message } = error as NodeJS.ErrnoException;
    return message || code || String(error);
  }
}

async function textOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of body) {
    length += chunk.length;
    if (length > MAX_ANSWER)
      throw new HistorianError(
        "retry",
        `InfluxDB: its answer is longer than ${MAX_ANSWER} bytes; ask for fewer rows`,
      );
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

/** `Retry-After` is seconds or a date (RFC 9110, 10.2.3). */
function waitOf(header: string | string[] | undefined, now: number): number | undefined {
  if (typeof header !== "string") return undefined;
  const wait = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(wait) ? undefined : Math.max(0, Math.min(wait, LONGEST_WAIT_MS));
}
