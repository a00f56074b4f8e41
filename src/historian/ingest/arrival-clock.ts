/** Returns unique arrival times, in microseconds since 1970 UTC, which become the keys of values without a time. */
export class ArrivalClock {
  readonly #now: () => number;
  #last = Number.NEGATIVE_INFINITY;

  /** `now`: microseconds since 1970 UTC. */
  constructor(now: () => number) {
    this.#now = now;
  }

  next(): number {
    const now = this.#now();
    // A clock set back by more than its jitter is followed.
    const repeats = now <= this.#last && this.#last - now < CLOSE;
    this.#last = repeats ? this.#last + 1 : now;
    return this.#last;
  }
}

/** Jitter of the clock, in microseconds. */
const CLOSE = 10_000;

/**
 * Returns the time of day in microseconds. `Date` has milliseconds only, and two historians that share one topic's messages would
 * often assign the same time to two messages.
 */
export class PreciseClock {
  /** Difference between the monotonic clock and the time of day, in milliseconds. */
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
