import { closest } from "../../config/index.ts";
import { Zone } from "../../time/zone.ts";
import type { Order } from "../contract.ts";
import { QueryError } from "../errors.ts";
import { parseTime } from "../time.ts";
import { AGGREGATE_TYPES, type Aggregate } from "./aggregate.ts";
import { Calendar, parsePeriod, periodsIn } from "./period.ts";
import { TOGETHER_TYPES, type TogetherType } from "./together.ts";

/** A query to the historian: VOLTTRON's `query` with camel-case names. */
export interface HistoryQuery {
  /** One topic or several, ignoring case. Either this or `pattern`. */
  readonly topic?: string | readonly string[];
  /** Regular expression found anywhere in a topic's name, ignoring case. */
  readonly pattern?: string;
  /** Inclusive. ISO 8601 (in `tz` when it has no zone), a Date, or `now -1d -1.5h`. Default: the first value. */
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
  /** Time zone of the IANA database, whose days, weeks and months the periods are. Default UTC. */
  readonly tz?: string;
  /** Whole number of periods, e.g. `1h` of `5m`: each row is about the window of that length which ends with its period. */
  readonly window?: string;
  /** Minimum number of values of an aggregate's row, those held by `fill` included. Default 1. */
  readonly minCount?: number;
  /** `SUM`, `AVG`, `MIN`, `MAX` or `COUNT`, ignoring case: combines the aggregates of all topics into one. */
  readonly together?: string;
  /** `previous`: a value holds until the next one, see `LONGEST_HOLD`. Default: values are at their times only. */
  readonly fill?: string;
  /** Takes aggregates that another program stored, with the times under which it did (VOLTTRON: the end of the period). */
  readonly stored?: boolean;
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
  readonly aggregate?: Aggregate;
  readonly together?: TogetherType;
  /** Whether values hold until the next one. */
  readonly fill: boolean;
}

/** Checks a query and fills in its defaults. Throws a QueryError that names the field. */
export function checkQuery(query: HistoryQuery, now: Date): CheckedQuery {
  const zone = checkZone(query.tz ?? "UTC");
  const aggregate = checkAggregate(query, zone);
  return {
    ...checkTopics(query),
    ...checkRange(query, now, zone),
    skip: checkNumber("skip", query.skip ?? 0),
    count: query.count === undefined ? Number.POSITIVE_INFINITY : checkNumber("count", query.count),
    order: checkOrder(query.order ?? "FIRST_TO_LAST"),
    aggregate,
    together: checkTogether(query.together),
    fill: checkFill(query.fill, aggregate),
  };
}

/** Returns the time zone of a name. @throws QueryError with a suggestion for an unknown one */
export function checkZone(name: string): Zone {
  try {
    return new Zone(name);
  } catch {
    const near = closest(name, Intl.supportedValuesOf("timeZone"));
    const hint = near === undefined ? "use a name such as America/Los_Angeles" : `did you mean "${near}"?`;
    throw new QueryError("tz", `unknown time zone "${name.slice(0, MOST_SHOWN)}"; ${hint}`);
  }
}

/** Maximum number of characters of a wrong value in a message. */
const MOST_SHOWN = 100;

function checkTopics({ topic, pattern }: HistoryQuery): Pick<CheckedQuery, "topics" | "pattern"> {
  if ((topic === undefined) === (pattern === undefined))
    throw new QueryError("topic", "either topics or a pattern must be given");
  if (topic === undefined) return { pattern: pattern as string };
  return { topics: typeof topic === "string" ? [topic] : topic };
}

function checkRange(query: HistoryQuery, now: Date, zone: Zone): { start?: number; end?: number } {
  const start = query.start === undefined ? undefined : parseTime(query.start, now, "start", zone);
  const end = query.end === undefined ? undefined : parseTime(query.end, now, "end", zone);
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

function checkAggregate(query: HistoryQuery, zone: Zone): Aggregate | undefined {
  const { aggType, aggPeriod } = query;
  if (aggType === undefined && aggPeriod === undefined) {
    const [field] = Object.entries(NEED_AGGREGATE).find(([, option]) => query[option] !== undefined) ?? [];
    if (field !== undefined) throw new QueryError(field, "requires agg_type and agg_period");
    return undefined;
  }
  if (aggType === undefined) throw new QueryError("agg_type", "is missing; agg_period requires it");
  if (aggPeriod === undefined) throw new QueryError("agg_period", "is missing; agg_type requires it");
  const period = parsePeriod(aggPeriod);
  return {
    type: oneOf("agg_type", AGGREGATE_TYPES, aggType),
    calendar: new Calendar(period, zone),
    window: query.window === undefined ? undefined : periodsIn(query.window, period, aggPeriod),
    minCount: checkNumber("min_count", query.minCount ?? 1),
  };
}

const NEED_AGGREGATE = { window: "window", min_count: "minCount", together: "together" } as const;

function checkTogether(together: string | undefined): TogetherType | undefined {
  return together === undefined ? undefined : oneOf("together", TOGETHER_TYPES, together);
}

function checkFill(fill: string | undefined, aggregate: Aggregate | undefined): boolean {
  if (fill === undefined) return false;
  oneOf("fill", ["previous"], fill.toLowerCase());
  if (aggregate?.type === "SUM" || aggregate?.type === "COUNT")
    throw new QueryError("fill", `cannot be used with ${aggregate.type}, which is about stored values`);
  return true;
}

/** Returns the word that is meant, whatever its case. */
function oneOf<Word extends string>(field: string, words: readonly Word[], text: string): Word {
  const word = words.find((known) => known.toLowerCase() === text.toLowerCase());
  if (word !== undefined) return word;
  throw new QueryError(
    field,
    `must be ${words.length > 1 ? "one of " : ""}${words.join(", ")}; found "${text.slice(0, MOST_SHOWN)}"`,
  );
}
