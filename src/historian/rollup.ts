import { DecimalSum } from "../points/index.ts";
import type { NumberRollup, Rollup, Row } from "./contract.ts";

/** Adds up rows and rollups of one period, in any order of time. */
export class RollupFold {
  readonly start: number;
  #count = 0;
  #numbers = 0;
  readonly #sum = new DecimalSum();
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #first: Row | undefined;
  #last: Row | undefined;

  /** `start`: of the period, in microseconds since 1970 UTC. */
  constructor(start: number) {
    this.start = start;
  }

  add(row: Row): void {
    const value = row[1];
    if (value === null) return;
    this.#count += 1;
    this.#addEnds(row, row);
    if (typeof value === "number" || typeof value === "boolean")
      this.#addNumbers({ count: 1, min: Number(value), max: Number(value), sum: Number(value) });
  }

  /** Adds a part of the period. */
  addRollup({ count, first, last, numbers }: Rollup): void {
    this.#count += count;
    this.#addEnds(first, last);
    if (numbers) this.#addNumbers(numbers);
  }

  /** Returns the sums; undefined without a value. */
  rollup(): Rollup | undefined {
    if (!this.#first || !this.#last) return undefined;
    return {
      ...{ start: this.start, count: this.#count, first: this.#first, last: this.#last },
      ...(this.#numbers > 0 && {
        numbers: { count: this.#numbers, min: this.#min, max: this.#max, sum: this.#sum.total },
      }),
    };
  }

  /** Returns the mean of the numbers; undefined without one. */
  mean(): number | undefined {
    return this.#numbers > 0 ? this.#sum.mean(this.#numbers) : undefined;
  }

  #addEnds(first: Row, last: Row): void {
    if (this.#first === undefined || first[0] < this.#first[0]) this.#first = first;
    if (this.#last === undefined || last[0] > this.#last[0]) this.#last = last;
  }

  #addNumbers({ count, min, max, sum }: NumberRollup): void {
    this.#numbers += count;
    this.#sum.add(sum);
    this.#min = Math.min(this.#min, min);
    this.#max = Math.max(this.#max, max);
  }
}
