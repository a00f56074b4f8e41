import type { PointValue } from "../points/index.ts";
import { remainder } from "./time.ts";

/** Maximum number of rows of a period. */
export const ROWS_PER_PERIOD = 4;

/**
 * Thins rows, which come in the order of time: of each period the first, the smallest, the largest and the last remain, at their own
 * times (M4, Jugel et al. 2014), which draws the same line where a period is a pixel. Text and other values have no order: of those the
 * first and the last remain.
 */
export class Thinning<Value = PointValue> {
  readonly #period: number;
  readonly #rows: (readonly [time: number, value: Value])[] = [];
  #start = Number.NaN;
  #first: readonly [number, Value] | undefined;
  #min: readonly [number, Value] | undefined;
  #max: readonly [number, Value] | undefined;
  #last: readonly [number, Value] | undefined;

  constructor(period: number) {
    this.#period = period;
  }

  /** Returns whether a time begins another period than the row before. */
  begins(time: number): boolean {
    return time - remainder(time, this.#period) !== this.#start;
  }

  add(time: number, value: Value): void {
    if (this.begins(time)) {
      this.#finishPeriod();
      this.#start = time - remainder(time, this.#period);
    }
    const row = [time, value] as const;
    this.#first ??= row;
    this.#last = row;
    if (typeof value !== "number") return;
    if (!this.#min || value < (this.#min[1] as number)) this.#min = row;
    if (!this.#max || value > (this.#max[1] as number)) this.#max = row;
  }

  /** Ends the last period and returns all rows that remain. */
  finish(): readonly (readonly [time: number, value: Value])[] {
    this.#finishPeriod();
    return this.#rows;
  }

  #finishPeriod(): void {
    const kept = [this.#first, this.#min, this.#max, this.#last].filter((row) => row !== undefined);
    kept.sort(([a], [b]) => a - b);
    this.#rows.push(...kept.filter((row, at) => row !== kept[at - 1]));
    this.#first = this.#min = this.#max = this.#last = undefined;
  }
}
