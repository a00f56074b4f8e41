import { type Clock, secondsOn } from "../../../../time/clock.ts";
import {
  ApiError,
  CredentialsError,
  ProtocolError,
  SoapFaultError,
  TransportError,
} from "../../api/errors.ts";

/** Calls of the account are paused after repeated failures. Nothing was sent. */
export class AccountPausedError extends Error {
  override readonly name = "AccountPausedError";
}

export interface BreakerOptions {
  readonly clock: Clock;
  /** Called when the account is paused after a number of failures. */
  readonly onOpen: (cause: Error, failures: number) => void;
  /** Called when it fails again after a pause. */
  readonly onFailure: (cause: Error) => void;
  /** Called when it answers again. */
  readonly onClose: () => void;
}

/** Number of consecutive failures, and seconds without a success, after which the service counts as unavailable. */
const FAILURES_TO_OPEN = 5;
const QUIET_SECONDS_TO_OPEN = 30;
/** Pauses between retries of an unavailable service, in seconds. Recovery must show within 30 s. */
const TRANSPORT_PAUSE = { first: 5, longest: 30 };
/** Pauses after refused credentials, in seconds, long enough that the account is not locked. */
const CREDENTIALS_PAUSE = { first: 30, longest: 600 };

/**
 * Stops repeated calls to an account that fails (reliability C5, C11). One station that hangs does not open it while others
 * answer. While open, reads fail at once; after the pause one read is sent as a probe and the others wait for its outcome.
 */
export class Breaker {
  readonly #options: BreakerOptions;
  #failures = 0;
  #lastSuccess: number;
  #openedBy: Error | undefined;
  #pauseSeconds = 0;
  #openUntil = 0;
  #probe: Promise<unknown> | undefined;

  constructor(options: BreakerOptions) {
    this.#options = options;
    this.#lastSuccess = secondsOn(options.clock);
  }

  /** Whether calls are paused, or one is probing whether the service answers again. */
  get isOpen(): boolean {
    return this.#openedBy !== undefined;
  }

  async run<T>(call: () => Promise<T>): Promise<T> {
    if (this.#openedBy && this.#probe) await this.#probe.catch(() => undefined);
    if (!this.#openedBy) return this.#watch(call);
    const waitSeconds = this.#openUntil - secondsOn(this.#options.clock);
    if (waitSeconds > 0) {
      throw new AccountPausedError(
        `not asked: ${this.#openedBy.message}; next try in ${Math.ceil(waitSeconds)} s`,
        { cause: this.#openedBy },
      );
    }
    const probe = this.#watch(call);
    this.#probe = probe;
    try {
      return await probe;
    } finally {
      if (this.#probe === probe) this.#probe = undefined;
    }
  }

  async #watch<T>(call: () => Promise<T>): Promise<T> {
    try {
      const answer = await call();
      this.#succeeded();
      return answer;
    } catch (error) {
      this.#failed(error);
      throw error;
    }
  }

  #succeeded(): void {
    this.#failures = 0;
    this.#lastSuccess = secondsOn(this.#options.clock);
    if (!this.#openedBy) return;
    this.#openedBy = undefined;
    this.#pauseSeconds = 0;
    this.#options.onClose();
  }

  #failed(error: unknown): void {
    if (error instanceof CredentialsError) this.#open(error, CREDENTIALS_PAUSE);
    // The service answered; a refusal is no reason to pause.
    else if (error instanceof ApiError) this.#succeeded();
    else if (isOutage(error)) {
      this.#failures += 1;
      const retryAfter = error instanceof TransportError ? error.retryAfterSeconds : undefined;
      if (retryAfter !== undefined || this.#openedBy || this.#away())
        this.#open(error, TRANSPORT_PAUSE, retryAfter);
    }
  }

  #away(): boolean {
    return (
      this.#failures >= FAILURES_TO_OPEN &&
      secondsOn(this.#options.clock) - this.#lastSuccess >= QUIET_SECONDS_TO_OPEN
    );
  }

  #open(cause: Error, pace: { first: number; longest: number }, atLeastSeconds = 0): void {
    const first = this.#openedBy === undefined;
    // Calls sent before it opened carry no news; only a failed probe lengthens the pause.
    if (!first && this.#openUntil > secondsOn(this.#options.clock)) return;
    this.#openedBy = cause;
    this.#pauseSeconds = Math.min(
      pace.longest,
      this.#pauseSeconds === 0 ? pace.first : this.#pauseSeconds * 2,
    );
    this.#openUntil = secondsOn(this.#options.clock) + Math.max(this.#pauseSeconds, atLeastSeconds);
    if (first) this.#options.onOpen(cause, Math.max(this.#failures, 1));
    else this.#options.onFailure(cause);
  }
}

/**
 * Returns whether the call reached no working service: no answer, a SOAP Fault, or an unusable answer. Local errors (a call
 * that waited too long for its turn, or was aborted) say nothing about the service.
 */
export function isOutage(error: unknown): error is Error {
  return error instanceof TransportError || error instanceof SoapFaultError || error instanceof ProtocolError;
}
