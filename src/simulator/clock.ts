/** What time it is in the simulated world, in milliseconds since 1970 UTC. Never goes back. */
export interface WorldClock {
  now(): number;
}

/**
 * Real time from `start` on, `speed` times as fast. Elapsed time comes from a monotonic source, so a corrected
 * system clock neither stops the world nor hurries it; where the machine sleeps, so does the world.
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

/** Stands still until it is told to move. */
export class SteppedClock implements WorldClock {
  #now: number;

  constructor(start: number | string | Date = "2026-11-18T17:00:00Z") {
    this.#now = new Date(start).getTime();
    if (Number.isNaN(this.#now)) throw new RangeError(`${start} is no time to start at`);
  }

  now(): number {
    return this.#now;
  }

  advance(seconds: number): void {
    if (!(seconds >= 0)) throw new RangeError(`the clock cannot advance by ${seconds} seconds`);
    this.#now += seconds * 1000;
  }
}
