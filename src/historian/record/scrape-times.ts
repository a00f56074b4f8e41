import { timeOf } from "../time.ts";

interface Seen {
  highest: number;
  last: number;
  steps: number;
}

/**
 * Times of scrapes, so that no two of a device are the same though the clock steps back: what is read in a stretch of time that was
 * there before is stored one microsecond later for every step. Scrapes have whole milliseconds, so that both are kept.
 */
export class ScrapeTimes {
  readonly #seen = new Map<string, Seen>();
  #repeated = 0;

  /** Scrapes whose time was there before. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Microseconds since 1970 UTC. */
  timeOf(device: string, takenAt: Date): number {
    const time = timeOf(takenAt);
    const seen = this.#seen.get(device);
    if (!seen || time > seen.highest) {
      this.#seen.set(device, { highest: time, last: time, steps: 0 });
      return time;
    }
    if (time <= seen.last) seen.steps += 1;
    seen.last = time;
    this.#repeated += 1;
    return time + seen.steps;
  }

  /** The device is gone for good. */
  forget(device: string): void {
    this.#seen.delete(device);
  }
}
