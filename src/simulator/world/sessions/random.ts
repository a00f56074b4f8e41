/**
 * A stream of seeded random numbers. Every port and station has its own, so that events at one (a shed, a visit planned by
 * a test) do not change the future of others.
 */
export class Random {
  #state: number;

  /** The stream named by `keys`; the same keys give the same stream. */
  constructor(...keys: number[]) {
    this.#state = keys.reduce((state, key) => scramble(state ^ scramble(key + 0x9e3779b9)), 0x2545f491);
  }

  /** At least 0, below 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    return scramble(this.#state) / 0x1_0000_0000;
  }

  between(low: number, high: number): number {
    return low + (high - low) * this.next();
  }

  /** Returns a whole number from 0 up to, but not including, `count`. */
  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** Returns the waiting time for an event that happens once in `mean` on average. */
  exponential(mean: number): number {
    return -mean * Math.log(1 - this.next());
  }

  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }
}

/** Mixes 32 bits so that similar inputs give unrelated outputs; unsigned. */
function scramble(value: number): number {
  let bits = value | 0;
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return (bits ^ (bits >>> 15)) >>> 0;
}
