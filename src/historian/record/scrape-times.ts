import { timeOf } from "../time.ts";

interface Seen {
  highest: number;
  last: number;
  steps: number;
}

/**
 * Keeps the times of a device's scrapes unique when the clock is set back: scrapes in a repeated period are stored one microsecond
 * later for each step back. Scrapes have whole milliseconds, so that both are kept.
 */
export class ScrapeTimes {
  readonly #seen = new Map<string, Seen>();
  #repeated = 0;

  /** Number of scrapes in repeated periods. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Returns the time of a scrape, in microseconds since 1970 UTC. */
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

  /** Forgets a removed device. */
  forget(device: string): void {
    this.#seen.delete(device);
  }
}
