import { Agent } from "undici";
import { isLoopback } from "../../../config/loopback.ts";
import { type Log, Secrets } from "../../../log/log.ts";
import { HttpError } from "../../../net/http.ts";
import { backoff, CALL_BACKOFF, jittered } from "../../../time/backoff.ts";
import { type Clock, pause, systemClock } from "../../../time/clock.ts";
import { ServiceError } from "../../errors.ts";
import { readPage } from "./documents/page-reader.ts";
import { securityHeader } from "./documents/security.ts";
import { buildRequest, type ReadAnswer, soapAction } from "./documents/soap.ts";
import { checkEndpoint } from "./endpoints.ts";
import { ApiError, CredentialsError, ProtocolError, SoapFaultError, TransportError } from "./errors.ts";
import { answerBudget } from "./http/answer-budget.ts";
import { post } from "./http/http.ts";
import { CLOSED, DEADLINE, failure, judge, type Service } from "./judge.ts";
import type { Operation, RequestOf, ResponseOf } from "./message.ts";

export interface ClientOptions {
  /** URL of the service; see `endpointFor`. */
  readonly endpoint: string;
  /** API licence key. */
  readonly username: string;
  /** API password. */
  readonly password: string;
  readonly log?: Log;
  /** Most time for a call in all: connecting, sending, reading, retrying. Default 20 s. */
  readonly deadlineMs?: number;
  /** Further attempts of a read after a failure that may pass. Default 2. */
  readonly retries?: number;
  /** Largest answer, packed and unpacked. Default 16 MiB, some ten times the largest page. */
  readonly maxBodyBytes?: number;
  /** Certificate authorities to trust instead of the usual ones (PEM). */
  readonly ca?: string | Buffer;
  /** Told of every attempt; must not throw. */
  readonly onCall?: (call: CallRecord) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** How answers are read. Default `readPage`; `readAnswer` builds a tree of each and is many times slower. */
  readonly read?: ReadAnswer;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Instead of the client's. */
  readonly deadlineMs?: number;
}

/** One attempt of a call. */
export interface CallRecord {
  readonly operation: string;
  /** From 1. */
  readonly attempt: number;
  readonly tookMs: number;
  readonly outcome: CallOutcome;
  /** Bytes of the answer on the wire; 0 where none came. */
  readonly bytes: number;
}

export type CallOutcome =
  | "success"
  | "empty"
  | "refused"
  | "fault"
  | "credentials"
  | "transport"
  | "timeout"
  | "protocol"
  | "aborted";

/** The ChargePoint web services of one account. Connects when it is first called and keeps its connections until closed. */
export class ChargePointClient {
  readonly #options: ClientOptions;
  readonly #service: Service;
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #headers: Record<string, string>;
  readonly #security: string;
  readonly #calls = new Set<AbortController>();
  #closed = false;

  /** @throws TypeError for an endpoint that cannot be one */
  constructor(options: ClientOptions) {
    const url = checkEndpoint(options.endpoint);
    const secrets = new Secrets();
    secrets.add(options.password);
    // A licence key is long; a short name would blank ordinary words.
    if (options.username.length > 8) secrets.add(options.username);
    if (url.protocol === "http:" && !isLoopback(url.hostname)) {
      const endpoint = url.href;
      options.log?.warn("credentials go over the network in clear: the endpoint is no https URL", {
        endpoint,
      });
    }
    this.#options = options;
    this.#service = {
      url,
      username: options.username,
      maxBodyBytes: options.maxBodyBytes ?? 16 * 1024 * 1024,
      read: options.read ?? readPage,
      blank: (text) => secrets.blank(text),
    };
    this.#agent = new Agent({
      allowH2: false,
      // Longer than a usual scrape interval, so that a steady scrape needs no new handshake.
      keepAliveTimeout: 90_000,
      connect: {
        minVersion: "TLSv1.2",
        // Whatever NODE_TLS_REJECT_UNAUTHORIZED says.
        rejectUnauthorized: true,
        ...(options.ca === undefined ? {} : { ca: options.ca }),
      },
    });
    this.#clock = options.clock ?? systemClock;
    this.#headers = {
      "content-type": "text/xml; charset=utf-8",
      accept: "text/xml",
      "accept-encoding": "gzip",
      "user-agent": "voltbridge",
    };
    this.#security = securityHeader(options);
  }

  /**
   * Calls an operation. Resolves for success and for codes that mean an empty result. Reads are tried again after
   * failures that may pass; writes never.
   *
   * @throws ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError; TypeError for a request that
   * does not fit its description (nothing was sent); the signal's reason when it aborts.
   */
  async call<O extends Operation>(
    operation: O,
    request: RequestOf<O>,
    options: CallOptions = {},
  ): Promise<ResponseOf<O>> {
    const body = buildRequest(operation, request, this.#security);
    const deadlineMs = options.deadlineMs ?? this.#options.deadlineMs ?? 20_000;
    const end = this.#clock.monotonic() + deadlineMs;
    const { signal: caller } = options;
    const controller = new AbortController();
    const cancel = (): void => controller.abort(caller?.reason);
    const timer = setTimeout(() => controller.abort(DEADLINE), deadlineMs);
    caller?.addEventListener("abort", cancel, { once: true });
    if (caller?.aborted) cancel();
    if (this.#closed) controller.abort(CLOSED);
    this.#calls.add(controller);
    try {
      return (await this.#attempts(operation, body, end, controller.signal)) as ResponseOf<O>;
    } finally {
      this.#calls.delete(controller);
      clearTimeout(timer);
      caller?.removeEventListener("abort", cancel);
    }
  }

  /** Ends every call under way and closes the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#calls) call.abort(CLOSED);
    await this.#agent.destroy();
  }

  async #attempts(operation: Operation, body: string, end: number, signal: AbortSignal): Promise<unknown> {
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(operation, body, attempt, signal);
      } catch (error) {
        const wait = this.#waitMs(operation, error, attempt);
        // To give up now tells the caller more than to wait for the deadline.
        if (wait === null || this.#clock.monotonic() + wait >= end) throw error;
        this.#options.log?.debug(`${operation.name} failed and is tried again`, { attempt, err: error });
        try {
          await pause(this.#clock, wait, signal);
        } catch {
          throw failure(this.#service, operation, new HttpError("aborted", true, signal.reason));
        }
      }
    }
  }

  /** Milliseconds until the next attempt; null for none. */
  #waitMs(operation: Operation, error: unknown, attempt: number): number | null {
    if (operation.effect !== "read" || attempt > (this.#options.retries ?? 2)) return null;
    if (!(error instanceof ServiceError || error instanceof TransportError) || !error.retryable) return null;
    const own = jittered(backoff(CALL_BACKOFF, attempt), this.#options.random);
    const asked = error instanceof TransportError ? (error.retryAfterSeconds ?? 0) : 0;
    return Math.max(own, asked * 1000);
  }

  /** One exchange; the hook hears how it ended. */
  async #attempt(
    operation: Operation,
    body: string,
    attempt: number,
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const begun = this.#clock.monotonic();
    let bytes = 0;
    const tell = (outcome: CallOutcome): void => {
      const tookMs = this.#clock.monotonic() - begun;
      this.#options.onCall?.({ operation: operation.name, attempt, tookMs, outcome, bytes });
    };
    const share = answerBudget.share();
    try {
      const answer = await post(this.#agent, {
        method: "POST",
        url: this.#service.url,
        headers: { ...this.#headers, soapaction: soapAction(operation) },
        body,
        signal,
        maxBytes: this.#service.maxBodyBytes,
        share,
      });
      bytes = answer.bytes;
      const { value, outcome } = await share.parse(signal, () => judge(this.#service, operation, answer));
      tell(outcome);
      return value;
    } catch (caught) {
      const error = caught instanceof HttpError ? failure(this.#service, operation, caught) : caught;
      tell(outcomeOf(error));
      throw error;
    } finally {
      share.close();
    }
  }
}

function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof ApiError) return "refused";
  if (error instanceof CredentialsError) return "credentials";
  if (error instanceof SoapFaultError) return "fault";
  if (error instanceof ProtocolError) return "protocol";
  if (error instanceof TransportError) return error.timedOut ? "timeout" : "transport";
  return "aborted";
}
