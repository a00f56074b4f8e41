import type { Order } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { parseTime } from "../time.ts";
import { AGGREGATE_TYPES, type AggregateType } from "./aggregate.ts";
import { type Period, parsePeriod } from "./period.ts";

/** A query to the historian: VOLTTRON's `query` with camel-case names. */
export interface HistoryQuery {
  /** One topic or several, ignoring case. Either this or `pattern`. */
  readonly topic?: string | readonly string[];
  /** Regular expression found anywhere in a topic's name, ignoring case. */
  readonly pattern?: string;
  /** Inclusive. ISO 8601 (UTC when it has no zone), a Date, or `now -1d -1.5h`. Default: the first value. */
  readonly start?: string | Date;
  /** Exclusive; when equal to `start`, exactly that time. Default: after the last value. */
  readonly end?: string | Date;
  /** Number of rows to skip in each topic, in the requested order. Default 0. */
  readonly skip?: number;
  /** Maximum number of rows of each topic. Default: all. */
  readonly count?: number;
  /** `FIRST_TO_LAST` (default) or `LAST_TO_FIRST`. */
  readonly order?: string;
  /** `AVG`, `MIN`, `MAX`, `SUM`, `COUNT`, `FIRST` or `LAST`, ignoring case; requires `aggPeriod`. */
  readonly aggType?: string;
  /** Number and unit (m, h, d, w, M), e.g. `15m`; requires `aggType`. */
  readonly aggPeriod?: string;
}

/** A checked query. Times in microseconds since 1970 UTC. */
export interface CheckedQuery {
  readonly topics?: readonly string[];
  readonly pattern?: string;
  readonly start?: number;
  readonly end?: number;
  readonly skip: number;
  readonly count: number;
  readonly order: Order;
  readonly aggregate?: { readonly type: AggregateType; readonly period: Period };
}

/** Checks a query and fills in its defaults. Throws a QueryError that names the field. */
export function checkQuery(query: HistoryQuery, now: Date): CheckedQuery {
  const { aggType, aggPeriod } = query;
  return {
    ...checkTopics(query),
    ...checkRange(query, now),
    skip: checkNumber("skip", query.skip ?? 0),
    count: query.count === undefined ? Number.POSITIVE_INFINITY : checkNumber("count", query.count),
    order: checkOrder(query.order ?? "FIRST_TO_LAST"),
    ...(aggType === undefined && aggPeriod === undefined
      ? {}
      : { aggregate: checkAggregate(aggType, aggPeriod) }),
  };
}

function checkTopics({ topic, pattern }: HistoryQuery): Pick<CheckedQuery, "topics" | "pattern"> {
  if ((topic === undefined) === (pattern === undefined))
    throw new QueryError("topic", "either topics or a pattern must be given");
  if (topic === undefined) return { pattern: pattern as string };
  return { topics: typeof topic === "string" ? [topic] : topic };
}

function checkRange(query: HistoryQuery, now: Date): { start?: number; end?: number } {
  const start = query.start === undefined ? undefined : parseTime(query.start, now, "start");
  const end = query.end === undefined ? undefined : parseTime(query.end, now, "end");
  if (start !== undefined && end !== undefined && start > end)
    throw new QueryError(
      "end",
      `must not be before the start ${String(query.start)}, found ${String(query.end)}`,
    );
  return {
    ...(start === undefined ? {} : { start }),
    // Times are whole microseconds: start = end means exactly that time.
    ...(end === undefined ? {} : { end: start === end ? end + 1 : end }),
  };
}

function checkNumber(field: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new QueryError(field, `must be a whole number of 0 or more, found ${value}`);
  return value;
}

function checkOrder(order: string): Order {
  const word = order.toUpperCase();
  if (word === "FIRST_TO_LAST" || word === "LAST_TO_FIRST") return word;
  throw new QueryError("order", `must be FIRST_TO_LAST or LAST_TO_FIRST, found "${order}"`);
}

function checkAggregate(aggType?: string, aggPeriod?: string): { type: AggregateType; period: Period } {
  if (aggType === undefined) throw new QueryError("agg_type", "is missing; agg_period requires it");
  if (aggPeriod === undefined) throw new QueryError("agg_period", "is missing; agg_type requires it");
  const type = AGGREGATE_TYPES.find((known) => known === aggType.toUpperCase());
  if (!type)
    throw new QueryError("agg_type", `must be one of ${AGGREGATE_TYPES.join(", ")}; found "${aggType}"`);
  return { type, period: parsePeriod(aggPeriod) };
}
