import type { MetricValue } from "./codec.ts";

/** A value that the hosts have not got and that a later one replaced. */
interface PastValue {
  /** Name of the metric. */
  readonly name: string;
  readonly value: MetricValue;
  /** When it was read, in milliseconds since 1970. */
  readonly at: number;
  readonly quality: number;
}

interface Entry extends PastValue {
  /** The values of its device, the oldest first. */
  readonly queue: Entry[];
}

/** The past values of one device. */
export interface PastValues {
  readonly count: number;
  add(value: PastValue): void;
  /** Removes and returns the oldest. */
  take(most: number): PastValue[];
  /** Drops all. */
  clear(): void;
}

/** Values of all devices that wait to be sent as historical ones, at most `limit`: then the oldest are dropped. */
export class History {
  #dropped = 0;
  readonly #limit: number;
  readonly #entries = new Set<Entry>();
  /** Goes on from where it was, so that the oldest entry is found without a search. */
  #oldest = this.#entries.values();

  constructor(limit: number) {
    this.#limit = limit;
  }

  get waiting(): number {
    return this.#entries.size;
  }

  /** Since the start. */
  get dropped(): number {
    return this.#dropped;
  }

  ofDevice(): PastValues {
    const queue: Entry[] = [];
    return {
      get count() {
        return queue.length;
      },
      add: (value) => {
        if (this.#limit === 0) {
          this.#dropped++;
          return;
        }
        if (this.#entries.size >= this.#limit) this.#dropOldest();
        const entry = { ...value, queue };
        queue.push(entry);
        this.#entries.add(entry);
      },
      take: (most) => {
        const taken = queue.splice(0, most);
        for (const entry of taken) this.#entries.delete(entry);
        return taken;
      },
      clear: () => {
        for (const entry of queue.splice(0)) if (this.#entries.delete(entry)) this.#dropped++;
      },
    };
  }

  #dropOldest(): void {
    const { value: entry } = this.#oldest.next();
    if (!entry) {
      // The iterator came to the end while nothing waited.
      this.#oldest = this.#entries.values();
      this.#dropOldest();
      return;
    }
    this.#entries.delete(entry);
    // Both are in the order of their entering, so it is the first of its device.
    entry.queue.shift();
    this.#dropped++;
  }
}
