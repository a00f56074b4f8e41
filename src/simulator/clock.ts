/** Returns the time in the simulated world, in milliseconds since 1970 UTC. Never goes back. */
export interface WorldClock {
  now(): number;
}

/**
 * Real time from `start` on, at `speed` times its rate. Elapsed time is monotonic, so setting the system clock does not
 * affect the world; it stops while the machine sleeps.
 */
export class RunningClock implements WorldClock {
  readonly #start: number;
  readonly #speed: number;
  readonly #elapsedMs: () => number;
  readonly #origin: number;

  constructor(speed = 1, start: number = Date.now(), elapsedMs: () => number = () => performance.now()) {
    if (!(speed > 0) || !Number.isFinite(speed)) {
      throw new RangeError(`speed must be a number above 0, found ${speed}`);
    }
    this.#start = start;
    this.#speed = speed;
    this.#elapsedMs = elapsedMs;
    this.#origin = elapsedMs();
  }

  now(): number {
    return this.#start + (this.#elapsedMs() - this.#origin) * this.#speed;
  }
}

/** Stops until it is advanced. */
export class SteppedClock implements WorldClock {
  #now: number;

  constructor(start: number | string | Date = "2026-11-18T17:00:00Z") {
    this.#now = new Date(start).getTime();
    if (Number.isNaN(this.#now)) throw new RangeError(`${start} is not a valid start time`);
  }

  now(): number {
    return this.#now;
  }

  advance(seconds: number): void {
    if (!(seconds >= 0)) throw new RangeError(`the clock cannot advance by ${seconds} seconds`);
    this.#now += seconds * 1000;
  }
}
