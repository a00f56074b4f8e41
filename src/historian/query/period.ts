import { QueryError } from "../errors.ts";
import { DAY, HOUR, MINUTE, remainder, WEEK } from "../time.ts";

type PeriodUnit = "m" | "h" | "d" | "w" | "M";

/** Length of an aggregate's periods: minutes, hours, days, weeks or calendar months. */
export interface Period {
  readonly count: number;
  readonly unit: PeriodUnit;
}

const SIZES: Record<Exclude<PeriodUnit, "M">, number> = { m: MINUTE, h: HOUR, d: DAY, w: WEEK };
/** The first Sunday after 1970-01-01: VOLTTRON's weeks run from Sunday to Saturday. */
const FIRST_SUNDAY = 3 * DAY;
const MAX_COUNT = 10_000;

/** Parses `15m`, `1h`, `2d`, `1w`, `1M` and normalises as VOLTTRON does: 48h is 2d, 14d is 2w. @throws {QueryError} */
export function parsePeriod(text: string): Period {
  const match = /^\s*(\d{1,9})\s*([mhdwM])\s*$/.exec(text);
  const period = match && normalise(Number(match[1]), match[2] as PeriodUnit);
  if (!period || period.count < 1 || period.count > MAX_COUNT)
    throw new QueryError(
      "agg_period",
      `must be a number from 1 to ${MAX_COUNT} and m, h, d, w or M (minutes, hours, days, weeks, months), e.g. 15m; found "${text}"`,
    );
  return period;
}

function normalise(count: number, unit: PeriodUnit): Period {
  if (unit === "m" && count >= 60 && count % 60 === 0) return normalise(count / 60, "h");
  if (unit === "h" && count >= 24 && count % 24 === 0) return normalise(count / 24, "d");
  if (unit === "d" && count >= 7 && count % 7 === 0) return { count: count / 7, unit: "w" };
  return { count, unit };
}

/**
 * Returns the start of the period that contains `time` (both microseconds since 1970 UTC). Periods are aligned in UTC: minutes,
 * hours and days to 1970, weeks to Sundays, months to the calendar (3M are quarters).
 */
export function periodStart(time: number, { count, unit }: Period): number {
  if (unit === "M") return monthStart(time, count);
  return time - remainder(unit === "w" ? time - FIRST_SUNDAY : time, count * SIZES[unit]);
}

function monthStart(time: number, count: number): number {
  const date = new Date(Math.floor(time / 1000));
  const months = date.getUTCFullYear() * 12 + date.getUTCMonth();
  const start = new Date(0);
  start.setUTCFullYear(0, months - remainder(months, count), 1);
  return start.getTime() * 1000;
}
