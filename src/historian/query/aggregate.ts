import type { PointValue } from "../../points/index.ts";
import type { Row } from "../contract.ts";
import { RollupFold } from "../rollup.ts";
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
  let current: RollupFold | undefined;
  for await (const page of pages) {
    const done: Row[] = [];
    for (const row of page) {
      const start = periodStart(row[0], period);
      if (current && current.start !== start) done.push(...rowOf(current, type));
      if (current?.start !== start) current = new RollupFold(start);
      current.add(row);
    }
    if (done.length > 0) yield done;
  }
  const last = current ? rowOf(current, type) : [];
  if (last.length > 0) yield last;
}

/** Returns the row of a period, if it has one. */
function rowOf(fold: RollupFold, type: AggregateType): readonly Row[] {
  const value = resultOf(fold, type);
  return value === undefined ? [] : [[fold.start, value]];
}

function resultOf(fold: RollupFold, type: AggregateType): PointValue | undefined {
  const rollup = fold.rollup();
  switch (type) {
    case "FIRST":
      return rollup?.first[1];
    case "LAST":
      return rollup?.last[1];
    case "COUNT":
      return rollup?.count;
    case "AVG":
      return fold.mean();
    case "SUM":
      return rollup?.numbers?.sum;
    case "MIN":
      return rollup?.numbers?.min;
    case "MAX":
      return rollup?.numbers?.max;
  }
}
