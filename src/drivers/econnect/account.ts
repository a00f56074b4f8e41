import { type Clock, secondsOn, systemClock } from "../../time/clock.ts";
import { untilAborted } from "../../time/until-aborted.ts";
import type { DriverContext } from "../driver.ts";
import { type EconnectClient, EconnectError } from "./api/index.ts";
import { Stations } from "./stations.ts";

/** Requests to the account are paused after a failure. Nothing was sent. */
export class AccountPausedError extends Error {
  override readonly name = "AccountPausedError";
}

export interface AccountInit {
  /** For messages; holds no secret. */
  readonly label: string;
  readonly client: Pick<EconnectClient, "stations" | "close">;
  readonly outages: DriverContext["outages"];
  readonly clock?: Clock;
}

/** Pauses after temporary failures, in seconds; each is twice the one before. */
const PASSING_PAUSE = { first: 5, longest: 30 };
/** Pauses after refused credentials, in seconds, long enough that the account is not locked; the same after an endless walk. */
const LASTING_PAUSE = { first: 30, longest: 600 };

interface Pause {
  readonly cause: EconnectError;
  readonly seconds: number;
  readonly until: number;
  readonly failures: number;
}

/**
 * The stations of one business partner for one user. One walk over the pages serves all callers that ask during it and,
 * within their maximum age, after it.
 */
export class Account {
  readonly label: string;
  readonly #init: AccountInit;
  readonly #clock: Clock;
  readonly #closing = new AbortController();
  #kept: { readonly stations: Stations; readonly atSeconds: number } | undefined;
  #walk: Promise<Stations> | undefined;
  #pause: Pause | undefined;

  constructor(init: AccountInit) {
    this.label = init.label;
    this.#init = init;
    this.#clock = init.clock ?? systemClock;
  }

  /**
   * Returns all stations, read at most `maxAgeSeconds` ago; 0 asks the service, or joins a walk in progress. The signal
   * ends the wait; the walk continues for other callers.
   * @throws EconnectError, AccountPausedError
   */
  read(maxAgeSeconds: number, signal: AbortSignal): Promise<Stations> {
    if (signal.aborted) return Promise.reject(signal.reason);
    const kept = this.#kept;
    if (kept && secondsOn(this.#clock) - kept.atSeconds < maxAgeSeconds)
      return Promise.resolve(kept.stations);
    this.#walk ??= this.#ask().finally(() => {
      this.#walk = undefined;
    });
    return untilAborted(this.#walk, signal);
  }

  /** Whether requests are paused after a failure, until one succeeds. */
  get isPaused(): boolean {
    return this.#pause !== undefined;
  }

  async close(): Promise<void> {
    this.#closing.abort(new Error("the bridge is stopping"));
    this.#init.outages.forget(`account ${this.label}`);
    await this.#init.client.close();
  }

  async #ask(): Promise<Stations> {
    const pause = this.#pause;
    const waitSeconds = (pause?.until ?? 0) - secondsOn(this.#clock);
    if (pause && waitSeconds > 0) {
      const next = `next try in ${Math.ceil(waitSeconds)} s`;
      throw new AccountPausedError(`not asked: ${pause.cause.message}; ${next}`, { cause: pause.cause });
    }
    try {
      const entries = [];
      for await (const entry of this.#init.client.stations(this.#closing.signal)) entries.push(entry);
      const stations = new Stations(entries);
      this.#kept = { stations, atSeconds: secondsOn(this.#clock) };
      this.#succeeded();
      return stations;
    } catch (error) {
      if (error instanceof EconnectError) this.#failed(error);
      throw error;
    }
  }

  #succeeded(): void {
    this.#pause = undefined;
    const account = `account ${this.label}`;
    this.#init.outages.ended(account, { text: `${account} answers again`, kind: "account_back" });
  }

  #failed(cause: EconnectError): void {
    const { first, longest } = cause.retryable ? PASSING_PAUSE : LASTING_PAUSE;
    const failures = (this.#pause?.failures ?? 0) + 1;
    const seconds = Math.min(longest, this.#pause ? Math.max(first, this.#pause.seconds * 2) : first);
    const until = secondsOn(this.#clock) + Math.max(seconds, cause.retryAfterSeconds ?? 0);
    this.#pause = { cause, seconds, until, failures };
    // A single temporary failure is not reported.
    if (cause.retryable && failures < 2) return;
    const account = `account ${this.label}`;
    this.#init.outages.failed({
      ...{ key: account, text: account, cause: cause.message, severity: "error" },
      kind: cause.fault === "credentials" ? "credentials_refused" : "account_paused",
      next: "retries continue with growing pauses",
      attempts: cause.retryable && failures === 2 ? 2 : 1,
    });
  }
}
