import { DecimalSum, type PointValue } from "../../points/index.ts";
import type { Row } from "../contract.ts";
import { type Period, periodStart } from "./period.ts";

export const AGGREGATE_TYPES = ["AVG", "MIN", "MAX", "SUM", "COUNT", "FIRST", "LAST"] as const;
export type AggregateType = (typeof AGGREGATE_TYPES)[number];

/**
 * Aggregates the pages of one topic, ordered by time in either direction, into one row per period. The time of a row is the start
 * of its period, which can be before the first value. AVG, MIN, MAX and SUM use numbers and booleans (1 and 0); COUNT, FIRST and
 * LAST use every value except null. A period without such a value has no row.
 */
export async function* aggregate(
  pages: AsyncIterable<readonly Row[]>,
  type: AggregateType,
  period: Period,
): AsyncGenerator<readonly Row[]> {
  let current: PeriodFold | undefined;
  for await (const page of pages) {
    const done: Row[] = [];
    for (const row of page) {
      const start = periodStart(row[0], period);
      if (current && current.start !== start) done.push(...current.row(type));
      if (current?.start !== start) current = new PeriodFold(start);
      current.add(row);
    }
    if (done.length > 0) yield done;
  }
  const last = current?.row(type) ?? [];
  if (last.length > 0) yield last;
}

class PeriodFold {
  readonly start: number;
  #count = 0;
  #numbers = 0;
  readonly #sum = new DecimalSum();
  #min = Number.POSITIVE_INFINITY;
  #max = Number.NEGATIVE_INFINITY;
  #first: Row | undefined;
  #last: Row | undefined;

  constructor(start: number) {
    this.start = start;
  }

  add(row: Row): void {
    const [time, value] = row;
    if (value === null) return;
    this.#count += 1;
    if (this.#first === undefined || time < this.#first[0]) this.#first = row;
    if (this.#last === undefined || time > this.#last[0]) this.#last = row;
    if (typeof value !== "number" && typeof value !== "boolean") return;
    const number = Number(value);
    this.#numbers += 1;
    this.#sum.add(number);
    this.#min = Math.min(this.#min, number);
    this.#max = Math.max(this.#max, number);
  }

  /** Returns the row of this period, if it has one. */
  row(type: AggregateType): readonly Row[] {
    const value = this.#value(type);
    return value === undefined ? [] : [[this.start, value]];
  }

  #value(type: AggregateType): PointValue | undefined {
    if (type === "FIRST") return this.#first?.[1];
    if (type === "LAST") return this.#last?.[1];
    if (type === "COUNT") return this.#count > 0 ? this.#count : undefined;
    if (this.#numbers === 0) return undefined;
    switch (type) {
      case "AVG":
        return this.#sum.mean(this.#numbers);
      case "SUM":
        return this.#sum.total;
      case "MIN":
        return this.#min;
      case "MAX":
        return this.#max;
    }
  }
}
