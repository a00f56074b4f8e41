import type { Order } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { parseTime } from "../time.ts";
import { AGGREGATE_TYPES, type AggregateType } from "./aggregate.ts";
import { type Period, parsePeriod } from "./period.ts";

/** A question to the historian: VOLTTRON's `query`, in the spelling of TypeScript. */
export interface HistoryQuery {
  /** One topic or several, in any case. Either this or `pattern`. */
  readonly topic?: string | readonly string[];
  /** Regular expression found anywhere in a topic's name, whatever the case. */
  readonly pattern?: string;
  /** Inclusive. ISO 8601 (UTC where it names no zone), a Date, or `now -1d -1.5h`. Absent: from the first. */
  readonly start?: string | Date;
  /** Exclusive, or, equal to `start`, exactly that time. Absent: to the last. */
  readonly end?: string | Date;
  /** Rows to leave out of each topic, in the order asked for. Default 0. */
  readonly skip?: number;
  /** Most rows of each topic. Default: all. */
  readonly count?: number;
  /** `FIRST_TO_LAST` (default) or `LAST_TO_FIRST`. */
  readonly order?: string;
  /** `AVG`, `MIN`, `MAX`, `SUM`, `COUNT`, `FIRST`, `LAST`, in any case; only with `aggPeriod`. */
  readonly aggType?: string;
  /** Number and unit (m, h, d, w, M), e.g. `15m`; only with `aggType`. */
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
    throw new QueryError("topic", "name either topics or a pattern");
  if (topic === undefined) return { pattern: pattern as string };
  return { topics: typeof topic === "string" ? [topic] : topic };
}

function checkRange(query: HistoryQuery, now: Date): { start?: number; end?: number } {
  const start = query.start === undefined ? undefined : parseTime(query.start, now, "start");
  const end = query.end === undefined ? undefined : parseTime(query.end, now, "end");
  if (start !== undefined && end !== undefined && start > end)
    throw new QueryError("end", `${String(query.end)} is before the start ${String(query.start)}`);
  return {
    ...(start === undefined ? {} : { start }),
    // Times are whole microseconds: start = end asks for exactly that one.
    ...(end === undefined ? {} : { end: start === end ? end + 1 : end }),
  };
}

function checkNumber(field: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 0)
    throw new QueryError(field, `${value} is not a whole number of 0 or more`);
  return value;
}

function checkOrder(order: string): Order {
  const word = order.toUpperCase();
  if (word === "FIRST_TO_LAST" || word === "LAST_TO_FIRST") return word;
  throw new QueryError("order", `"${order}" is neither FIRST_TO_LAST nor LAST_TO_FIRST`);
}

function checkAggregate(aggType?: string, aggPeriod?: string): { type: AggregateType; period: Period } {
  if (aggType === undefined) throw new QueryError("agg_type", "is missing; agg_period needs it");
  if (aggPeriod === undefined) throw new QueryError("agg_period", "is missing; agg_type needs it");
  const type = AGGREGATE_TYPES.find((known) => known === aggType.toUpperCase());
  if (!type) throw new QueryError("agg_type", `"${aggType}" is none of ${AGGREGATE_TYPES.join(", ")}`);
  return { type, period: parsePeriod(aggPeriod) };
}
