/** Times of arrival in microseconds since 1970 UTC, no two alike: values without a time of their own stay apart by them. */
export class ArrivalClock {
  readonly #now: () => number;
  #last = Number.NEGATIVE_INFINITY;

  /** `now`: microseconds since 1970 UTC. */
  constructor(now: () => number) {
    this.#now = now;
  }

  next(): number {
    const now = this.#now();
    // A clock that was set back by more than its own trembling is followed.
    const repeats = now <= this.#last && this.#last - now < CLOSE;
    this.#last = repeats ? this.#last + 1 : now;
    return this.#last;
  }
}

/** Microseconds. */
const CLOSE = 10_000;

/**
 * The time of day to the microsecond. `Date` has milliseconds only, and two historians that share the messages of one topic would
 * often give two of them one time.
 */
export class PreciseClock {
  /** Milliseconds from the precise clock, which does not jump, to the time of day. */
  #shift = 0;

  /** Microseconds since 1970 UTC. */
  now(): number {
    const precise = performance.timeOrigin + performance.now();
    const wall = Date.now();
    if (Math.abs(precise + this.#shift - wall) > DRIFT_MS) this.#shift = wall - precise;
    return Math.floor((precise + this.#shift) * 1000);
  }
}

const DRIFT_MS = 2;
