import type { Sample } from "./contract.ts";

/** Samples that wait, oldest first; full, it loses the oldest. */
export class SampleBuffer {
  readonly #limit: number;
  #samples: Sample[] = [];
  /** Samples before it are gone; cut off now and then, which costs less than moving the rest each time. */
  #first = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  get length(): number {
    return this.#samples.length - this.#first;
  }

  /** Adds samples and returns those that had to go. */
  push(samples: readonly Sample[]): Sample[] {
    for (const sample of samples) this.#samples.push(sample);
    return this.take(Math.max(this.length - this.#limit, 0));
  }

  /** Removes and returns the oldest, at most `count`. */
  take(count: number): Sample[] {
    const taken = this.#samples.slice(this.#first, this.#first + count);
    this.#first += taken.length;
    if (this.#first > this.#samples.length / 2) {
      this.#samples = this.#samples.slice(this.#first);
      this.#first = 0;
    }
    return taken;
  }
}
