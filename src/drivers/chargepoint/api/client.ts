import { Agent } from "undici";
import { isLoopback } from "../../../config/loopback.ts";
import { type Log, Secrets } from "../../../log/log.ts";
import { HttpError } from "../../../net/http.ts";
import { backoff, CALL_BACKOFF, jittered } from "../../../time/backoff.ts";
import { type Clock, pause, systemClock } from "../../../time/clock.ts";
import { ServiceError } from "../../errors.ts";
import { currentPermit, type WritePermit } from "../../write-permit.ts";
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
  /** Maximum time of a call, including connecting, sending, reading and retries, in milliseconds. Default 20 s. */
  readonly deadlineMs?: number;
  /** Further attempts of a read after a temporary failure. Default 2. */
  readonly retries?: number;
  /** Maximum size of an answer before and after decompression, in bytes. Default 16 MiB, about ten times the largest page. */
  readonly maxBodyBytes?: number;
  /** Certificate authorities to trust instead of the default ones (PEM). */
  readonly ca?: string | Buffer;
  /** Called after every attempt; must not throw. */
  readonly onCall?: (call: CallRecord) => void;
  readonly clock?: Clock;
  readonly random?: () => number;
  /** Reads answers. Default `readPage`; `readAnswer` builds a tree of each and is many times slower. */
  readonly read?: ReadAnswer;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Overrides the client's deadline. */
  readonly deadlineMs?: number;
}

/** One attempt of a call. */
export interface CallRecord {
  readonly operation: string;
  /** Starts at 1. */
  readonly attempt: number;
  readonly tookMs: number;
  readonly outcome: CallOutcome;
  /** Size of the answer on the wire, in bytes; 0 where none arrived. */
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

/**
 * Client of the ChargePoint web services for one account. Connects at the first call and keeps its connections until
 * closed.
 */
export class ChargePointClient {
  readonly #options: ClientOptions;
  readonly #service: Service;
  readonly #agent: Agent;
  readonly #clock: Clock;
  readonly #headers: Record<string, string>;
  readonly #security: string;
  readonly #calls = new Set<AbortController>();
  #closed = false;

  /** @throws TypeError for an invalid endpoint */
  constructor(options: ClientOptions) {
    const url = checkEndpoint(options.endpoint);
    const secrets = new Secrets();
    secrets.add(options.password);
    // A licence key is long; hiding a short name would also hide ordinary words.
    if (options.username.length > 8) secrets.add(options.username);
    if (url.protocol === "http:" && !isLoopback(url.hostname)) {
      const endpoint = url.href;
      options.log?.warn("credentials are sent unencrypted: the endpoint is not an https URL", {
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
      // Longer than a usual scrape interval, so that steady scrapes need no new handshake.
      keepAliveTimeout: 90_000,
      connect: {
        minVersion: "TLSv1.2",
        // Regardless of NODE_TLS_REJECT_UNAUTHORIZED.
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
   * Calls an operation. Resolves for success and for codes that mean an empty result. Reads are retried after temporary
   * failures; writes never.
   * @throws ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError; TypeError for a request that does
   * not fit its description (nothing was sent); the signal's reason when it aborts.
   */
  async call<O extends Operation>(
    operation: O,
    request: RequestOf<O>,
    options: CallOptions = {},
  ): Promise<ResponseOf<O>> {
    const permit = operation.effect === "write" ? currentPermit() : undefined;
    const body = buildRequest(operation, request, permit ? this.#securityFor(permit) : this.#security);
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
      return (await this.#attempts(operation, { body, end, permit }, controller.signal)) as ResponseOf<O>;
    } finally {
      this.#calls.delete(controller);
      clearTimeout(timer);
      caller?.removeEventListener("abort", cancel);
    }
  }

  /** Aborts all calls in progress and closes the connections. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const call of this.#calls) call.abort(CLOSED);
    await this.#agent.destroy();
  }

  /** The request says when it expires, for a service that looks at that. */
  #securityFor({ deadline }: WritePermit): string {
    const now = this.#clock.now();
    const expires = now + Math.max(0, deadline - performance.now());
    return securityHeader({ ...this.#options, created: new Date(now), expires: new Date(expires) });
  }

  async #attempts(operation: Operation, sending: Sending, signal: AbortSignal): Promise<unknown> {
    const { end } = sending;
    for (let attempt = 1; ; attempt++) {
      try {
        return await this.#attempt(operation, sending, attempt, signal);
      } catch (error) {
        const wait = this.#waitMs(operation, error, attempt);
        // An error now is more useful to the caller than a wait until the deadline.
        if (wait === null || this.#clock.monotonic() + wait >= end) throw error;
        this.#options.log?.debug(`${operation.name} failed and is retried`, { attempt, err: error });
        try {
          await pause(this.#clock, wait, signal);
        } catch {
          throw failure(this.#service, operation, new HttpError("aborted", true, signal.reason));
        }
      }
    }
  }

  /** Returns the milliseconds until the next attempt; null for none. */
  #waitMs(operation: Operation, error: unknown, attempt: number): number | null {
    if (operation.effect !== "read" || attempt > (this.#options.retries ?? 2)) return null;
    if (!(error instanceof ServiceError || error instanceof TransportError) || !error.retryable) return null;
    const own = jittered(backoff(CALL_BACKOFF, attempt), this.#options.random);
    const asked = error instanceof TransportError ? (error.retryAfterSeconds ?? 0) : 0;
    return Math.max(own, asked * 1000);
  }

  /** Makes one exchange and reports its outcome to the hook. */
  async #attempt(
    operation: Operation,
    { body, permit }: Sending,
    attempt: number,
    signal: AbortSignal,
  ): Promise<Record<string, unknown>> {
    const begun = this.#clock.monotonic();
    let bytes = 0;
    const report = (outcome: CallOutcome): void => {
      const tookMs = this.#clock.monotonic() - begun;
      this.#options.onCall?.({ operation: operation.name, attempt, tookMs, outcome, bytes });
    };
    const share = answerBudget.share();
    try {
      const answer = await post(this.#agent, {
        method: "POST",
        url: this.#service.url,
        headers: {
          ...this.#headers,
          soapaction: soapAction(operation),
          ...(permit && { "user-agent": `voltbridge (${permit.holder})` }),
        },
        body,
        signal,
        deadline: permit?.deadline,
        maxBytes: this.#service.maxBodyBytes,
        share,
      });
      bytes = answer.bytes;
      const { value, outcome } = await share.parse(signal, () => judge(this.#service, operation, answer));
      report(outcome);
      return value;
    } catch (caught) {
      const error = caught instanceof HttpError ? failure(this.#service, operation, caught) : caught;
      report(outcomeOf(error));
      throw error;
    } finally {
      share.close();
    }
  }
}

/** A request, and until when it is tried, by the monotonic clock. */
interface Sending {
  readonly body: string;
  readonly end: number;
  readonly permit: WritePermit | undefined;
}

function outcomeOf(error: unknown): CallOutcome {
  if (error instanceof ApiError) return "refused";
  if (error instanceof CredentialsError) return "credentials";
  if (error instanceof SoapFaultError) return "fault";
  if (error instanceof ProtocolError) return "protocol";
  if (error instanceof TransportError) return error.timedOut ? "timeout" : "transport";
  return "aborted";
}
