import { createHash } from "node:crypto";
import { Agent, type Dispatcher } from "undici";
import { isLoopback } from "../../../config/loopback.ts";
import { type Log, Secrets } from "../../../log/log.ts";
import { exchange, type HttpAnswer, type HttpCall, type HttpError } from "../../../net/http.ts";
import { backoff, CALL_BACKOFF, jittered } from "../../../time/backoff.ts";
import { type Clock, pause, systemClock } from "../../../time/clock.ts";
import { EconnectError } from "./errors.ts";
import { type Asked, judge } from "./judge.ts";

/** The service's own address. */
export const ECONNECT_ENDPOINT = "https://api.services-emobility.com";
/** Records requested per page. */
export const PAGE_SIZE = 100;

/** A charging station as the service returns it: its unchanged JSON object. Only some of its fields are documented. */
export type StationEntry = Readonly<Record<string, unknown>>;

/** An account of the Masterdata API, version 1. */
export interface EconnectOptions {
  /** Address of the service, without `/masterdata`. Default {@link ECONNECT_ENDPOINT}. */
  readonly endpoint?: string;
  /** Number of the business partner that owns the stations. */
  readonly businessPartner: string;
  readonly username: string;
  readonly password: string;
  readonly log?: Log;
  /** Maximum time for a page, retries included, in milliseconds. Default 30 s. */
  readonly deadlineMs?: number;
  /** Further attempts for a page after a temporary failure. Default 2. */
  readonly retries?: number;
  /** Maximum size of a page, in bytes. Default 16 MiB. */
  readonly maxBodyBytes?: number;
  /** Maximum number of pages of a walk. Default 2000. */
  readonly maxPages?: number;
  /** Called with the outcome of every request: its error, if any, and its duration. Must not throw. */
  readonly onCall?: (error: EconnectError | undefined, tookMs: number) => void;
  readonly clock?: Clock;
}

/** Client of the Masterdata API for one account. Connects at the first request and keeps its connection until closed. */
export class EconnectClient {
  readonly #options: EconnectOptions;
  readonly #asked: Asked;
  readonly #agent = new Agent({
    allowH2: false,
    keepAliveTimeout: 90_000,
    connect: { minVersion: "TLSv1.2", rejectUnauthorized: true },
  });
  readonly #headers: Readonly<Record<string, string>>;
  readonly #closing = new AbortController();

  /** @throws TypeError for an invalid endpoint */
  constructor(options: EconnectOptions) {
    const { username, password, businessPartner } = options;
    const base = checkEndpoint(options.endpoint ?? ECONNECT_ENDPOINT);
    const secrets = new Secrets();
    secrets.add(password);
    if (base.protocol === "http:" && !isLoopback(base.hostname)) {
      const endpoint = base.href;
      options.log?.warn("credentials are sent unencrypted: the endpoint is not an https URL", {
        endpoint,
      });
    }
    const path = `${base.pathname.replace(/\/+$/, "")}/masterdata/cpos/${encodeURIComponent(businessPartner)}/chargingstations`;
    this.#options = options;
    this.#asked = {
      url: new URL(path, base),
      username,
      businessPartner,
      redact: (text) => secrets.blank(text),
    };
    this.#headers = {
      authorization: `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`,
      accept: "application/json",
      "accept-encoding": "identity",
      "user-agent": "voltbridge",
    };
  }

  /**
   * Yields all stations of the business partner, in the service's order, page by page until an empty one; each page is
   * fetched when the walk reaches it. Records that are not objects are omitted and logged.
   * @throws EconnectError; the signal's reason when it aborts
   */
  async *stations(signal?: AbortSignal): AsyncGenerator<StationEntry, void, undefined> {
    const { maxPages = 2000, log } = this.#options;
    /** Digests of the pages so far, and their numbers. */
    const seen = new Map<string, number>();
    for (let page = 0; page < maxPages; page++) {
      const records = await this.#page(page, signal);
      if (records.length === 0) return;
      const digest = createHash("sha256").update(JSON.stringify(records)).digest("base64");
      const earlier = seen.get(digest);
      if (earlier !== undefined) throw endless(`page ${page} repeats page ${earlier}`);
      seen.set(digest, page);
      const entries = records.filter(isEntry);
      if (entries.length < records.length) {
        const bad = records.length - entries.length;
        log?.warn(`eConnect: page ${page} has ${bad} records that are not stations; they are omitted`);
      }
      yield* entries;
    }
    throw endless(`more than ${maxPages} pages`);
  }

  /** Ends every request under way and closes the connections. */
  async close(): Promise<void> {
    this.#closing.abort(new Error("the eConnect client is closed"));
    await this.#agent.destroy();
  }

  async #page(page: number, caller: AbortSignal | undefined): Promise<unknown[]> {
    const url = new URL(this.#asked.url);
    url.search = new URLSearchParams({ page: String(page), size: String(PAGE_SIZE) }).toString();
    const { deadlineMs = 30_000, clock = systemClock } = this.#options;
    const end = clock.monotonic() + deadlineMs;
    const deadline = new AbortController();
    const timer = setTimeout(() => deadline.abort(DEADLINE), deadlineMs);
    const signal = AbortSignal.any([deadline.signal, this.#closing.signal, ...(caller ? [caller] : [])]);
    try {
      for (let attempt = 1; ; attempt++) {
        try {
          return await this.#attempt(url, signal);
        } catch (error) {
          const waitMs = this.#waitMs(error, attempt);
          // An error now is more useful to the caller than a wait until the deadline.
          if (waitMs === null || clock.monotonic() + waitMs >= end) throw error;
          this.#options.log?.debug(`eConnect: page ${page} failed and is retried`, {
            attempt,
            err: error,
          });
          await pause(clock, waitMs, signal).catch(() => {
            throw signal.reason === DEADLINE ? error : signal.reason;
          });
        }
      }
    } finally {
      clearTimeout(timer);
    }
  }

  async #attempt(url: URL, signal: AbortSignal): Promise<unknown[]> {
    const { maxBodyBytes: maxBytes = 16 * 1024 * 1024, onCall } = this.#options;
    signal.throwIfAborted();
    const begun = performance.now();
    try {
      const answer = await get(this.#agent, { method: "GET", url, headers: this.#headers, signal, maxBytes });
      const records = judge(this.#asked, answer);
      onCall?.(undefined, performance.now() - begun);
      return records;
    } catch (error) {
      if (error instanceof EconnectError) onCall?.(error, performance.now() - begun);
      throw error;
    }
  }

  /** Returns the milliseconds until the next attempt; null for none. */
  #waitMs(error: unknown, attempt: number): number | null {
    if (!(error instanceof EconnectError) || !error.retryable) return null;
    if (attempt > (this.#options.retries ?? 2)) return null;
    return Math.max(jittered(backoff(CALL_BACKOFF, attempt)), (error.retryAfterSeconds ?? 0) * 1000);
  }
}

/**
 * Yields all stations of an account, through a client of its own that is closed at the end. See {@link
 * EconnectClient.stations}.
 */
export async function* chargingStations(
  options: EconnectOptions,
  signal?: AbortSignal,
): AsyncGenerator<StationEntry, void, undefined> {
  const client = new EconnectClient(options);
  try {
    yield* client.stations(signal);
  } finally {
    await client.close();
  }
}

/** Validates the endpoint. Messages do not repeat it because it may hold a password. */
function checkEndpoint(endpoint: string): URL {
  const url = URL.parse(endpoint);
  if (!url || !/^https?:$/.test(url.protocol))
    throw new TypeError("the eConnect endpoint must be an https:// or http:// URL");
  if (url.username !== "" || url.password !== "")
    throw new TypeError(
      "the eConnect endpoint must not hold credentials: give username and password instead",
    );
  return url;
}

function isEntry(record: unknown): record is StationEntry {
  return typeof record === "object" && record !== null && !Array.isArray(record);
}

function endless(what: string): EconnectError {
  return new EconnectError(`${what}; the walk ends`, { fault: "answer", code: "paging" });
}

/** Abort reason of a call that took too long; distinguishes it from an abort by the caller. */
const DEADLINE = new Error("no answer within the deadline");

/**
 * Makes one call and returns its whole answer, redirects included.
 * @throws EconnectError; the signal's reason where it is not {@link DEADLINE}
 */
async function get(dispatcher: Dispatcher, call: HttpCall): Promise<HttpAnswer> {
  try {
    return await exchange(dispatcher, call);
  } catch (error) {
    const { kind, cause } = error as HttpError;
    throw kind === "aborted" && cause !== DEADLINE ? cause : failure(call, kind, cause);
  }
}

function failure({ url, maxBytes }: HttpCall, kind: HttpError["kind"], cause: unknown): EconnectError {
  const place = url.origin;
  if (kind === "too large")
    return new EconnectError(`${place} sent a page of more than ${maxBytes} bytes; the rest was not read`, {
      fault: "answer",
      code: "too large",
    });
  if (kind === "aborted")
    return new EconnectError(`${place} did not answer in time`, { fault: "unreachable", code: "timeout" });
  const { code = "network", message } = cause as { code?: string; message: string };
  return new EconnectError(`${place} cannot be reached (${message || code})`, {
    fault: "unreachable",
    code,
    cause,
  });
}
