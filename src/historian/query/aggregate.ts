import { DecimalSum, type PointValue } from "../../points/index.ts";
import type { Rollup, Row } from "../contract.ts";
import { RollupFold } from "../rollup.ts";
import type { HistoryPart } from "./parts.ts";
import type { Calendar, TimeSpan } from "./period.ts";

export const AGGREGATE_TYPES = ["AVG", "MIN", "MAX", "SUM", "COUNT", "FIRST", "LAST"] as const;
export type AggregateType = (typeof AGGREGATE_TYPES)[number];

/** What the values of one topic add up to in a period, or in several. */
export interface PeriodSums {
  /** The latest period. */
  readonly span: TimeSpan;
  readonly rollup: Rollup;
  /** Sums over the time that numbers held, where values hold until the next one. */
  readonly held?: Held;
}

export interface Held {
  /** In microseconds. */
  readonly time: number;
  /** Sum of each number times its time. */
  readonly weighted: number;
}

/** Adds up values and hourly rollups, in either order of time, by period. Periods without a value other than null are absent. */
export async function* sumUp(
  parts: AsyncIterable<HistoryPart>,
  calendar: Calendar,
): AsyncGenerator<readonly PeriodSums[]> {
  let current: { readonly span: TimeSpan; readonly fold: RollupFold } | undefined;
  for await (const { rows = [], hours = [] } of parts) {
    const done: PeriodSums[] = [];
    const foldAt = (time: number): RollupFold => {
      const span = calendar.at(time);
      if (current?.span.start === span.start) return current.fold;
      if (current) done.push(...sumsOf(current.span, current.fold));
      current = { span, fold: new RollupFold(span.start) };
      return current.fold;
    };
    for (const row of rows) foldAt(row[0]).add(row);
    for (const hour of hours) foldAt(hour.start).addRollup(hour);
    if (done.length > 0) yield done;
  }
  const last = current ? sumsOf(current.span, current.fold) : [];
  if (last.length > 0) yield last;
}

/** Returns the sums of a period, if it has any. */
export function sumsOf(span: TimeSpan, fold: RollupFold, held?: Held): readonly PeriodSums[] {
  const rollup = fold.rollup();
  return rollup ? [{ span, rollup, held }] : [];
}

/** How an aggregate is made of the values of a topic. */
export interface Aggregate {
  readonly type: AggregateType;
  readonly calendar: Calendar;
  /** Number of periods that a row is about, see `slide`; absent: one, and its time is the start of the period. */
  readonly window?: number;
  /** Minimum number of values of a row. */
  readonly minCount: number;
}

/** Returns a row for each of the sums that has a value, at the start of its period; of windows at the end. */
export function rowsOf(sums: readonly PeriodSums[], { type, window, minCount }: Aggregate): readonly Row[] {
  return sums.flatMap(({ span, rollup, held }): Row[] => {
    const value = rollup.count < minCount ? undefined : aggregateOf(type, rollup, held);
    return value === undefined ? [] : [[window === undefined ? span.start : span.end, value]];
  });
}

function aggregateOf(type: AggregateType, rollup: Rollup, held: Held | undefined): PointValue | undefined {
  const { numbers } = rollup;
  switch (type) {
    case "FIRST":
      return rollup.first[1];
    case "LAST":
      return rollup.last[1];
    case "COUNT":
      return rollup.count;
    case "AVG":
      if (held) return held.time > 0 ? rounded(held.weighted / held.time) : undefined;
      return numbers && mean(numbers.sum, numbers.count);
    case "SUM":
      return numbers?.sum;
    case "MIN":
      return numbers?.min;
    case "MAX":
      return numbers?.max;
  }
}

/** Returns the mean of decimals, without the digits that binary fractions add. */
function mean(sum: number, count: number): number {
  const decimal = new DecimalSum();
  decimal.add(sum);
  return decimal.mean(count);
}

const DIGITS = 12;

/** Rounds to the digits that survive sums of products. */
function rounded(value: number): number {
  return Number(value.toPrecision(DIGITS));
}
