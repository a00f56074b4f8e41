import { type Clock, secondsOn } from "../../../../time/clock.ts";
import {
  ApiError,
  CredentialsError,
  ProtocolError,
  SoapFaultError,
  TransportError,
} from "../../api/errors.ts";

/** The account is being left alone for a while, because it kept failing. Nothing was sent. */
export class AccountPausedError extends Error {
  override readonly name = "AccountPausedError";
}

export interface BreakerOptions {
  readonly clock: Clock;
  /** Told when the account starts to be left alone, and when it answers again. */
  readonly onOpen: (cause: Error) => void;
  readonly onClose: () => void;
}

/** So many failures in a row, with no success for so long, and the service counts as away. */
const FAILURES_TO_OPEN = 5;
const QUIET_SECONDS_TO_OPEN = 30;
/** A service that is away is tried again at these paces; recovery is to be seen within 30 s. */
const TRANSPORT_PAUSE = { first: 5, longest: 30 };
/** Refused credentials are tried so seldom that no account is locked for it. */
const CREDENTIALS_PAUSE = { first: 30, longest: 600 };

/**
 * Keeps an account that fails from being asked over and over (reliability C5, C11). One station that hangs does not
 * open it while others answer. While open, reads fail at once; after the pause one read goes ahead alone and the
 * rest wait for how it ends.
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
    // The service answered; that it said no is no reason to leave it alone.
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
    // Calls that were already on their way when it opened say nothing new; only a probe makes the pause longer.
    if (!first && this.#openUntil > secondsOn(this.#options.clock)) return;
    this.#openedBy = cause;
    this.#pauseSeconds = Math.min(
      pace.longest,
      this.#pauseSeconds === 0 ? pace.first : this.#pauseSeconds * 2,
    );
    this.#openUntil = secondsOn(this.#options.clock) + Math.max(this.#pauseSeconds, atLeastSeconds);
    if (first) this.#options.onOpen(cause);
  }
}

/**
 * Whether the call reached no working service: no answer, a SOAP Fault, or something that is no answer at all. Errors on
 * this side (a call that waited too long for its turn, or was given up) say nothing about the service.
 */
export function isOutage(error: unknown): error is Error {
  return error instanceof TransportError || error instanceof SoapFaultError || error instanceof ProtocolError;
}
