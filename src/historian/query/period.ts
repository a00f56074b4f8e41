import type { Zone } from "../../time/zone.ts";
import type { Order } from "../contract.ts";
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
export function parsePeriod(text: string, field = "agg_period"): Period {
  const match = /^\s*(\d{1,9})\s*([mhdwM])\s*$/.exec(text);
  const period = match && normalise(Number(match[1]), match[2] as PeriodUnit);
  if (!period || period.count < 1 || period.count > MAX_COUNT)
    throw new QueryError(
      field,
      `must be a number from 1 to ${MAX_COUNT} and m, h, d, w or M (minutes, hours, days, weeks, months), e.g. 15m; found "${text}"`,
    );
  return period;
}

/** Parses the length of a window, and returns its number of periods. @throws {QueryError} */
export function periodsIn(text: string, { count, unit }: Period, period: string): number {
  const window = parsePeriod(text, "window");
  const size = (of: Period): number => of.count * (of.unit === "M" ? 1 : SIZES[of.unit]);
  const periods = size(window) / size({ count, unit });
  if ((unit === "M") !== (window.unit === "M") || !Number.isInteger(periods) || periods > MAX_COUNT)
    throw new QueryError(
      "window",
      `must be a whole number of periods of ${period}, at most ${MAX_COUNT}, e.g. ${2 * count}${unit}; found "${text}"`,
    );
  return periods;
}

function normalise(count: number, unit: PeriodUnit): Period {
  if (unit === "m" && count >= 60 && count % 60 === 0) return normalise(count / 60, "h");
  if (unit === "h" && count >= 24 && count % 24 === 0) return normalise(count / 24, "d");
  if (unit === "d" && count >= 7 && count % 7 === 0) return { count: count / 7, unit: "w" };
  return { count, unit };
}

/** A period of time, in microseconds since 1970 UTC. */
export interface TimeSpan {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
}

/**
 * Periods of one length without gap or overlap, as the clocks and calendar of a zone divide time: weeks begin on Sundays, months are the
 * calendar's (3M are quarters), all others are counted from 1970-01-01 00:00 local time, so that a length that divides a day begins at
 * each midnight.
 *
 * Where clocks change, a period is as long as it takes them from its beginning to its end, and absent where they are set forward past
 * all of it. Where they are set back, the time that they show again belongs to the period that is under way; only minutes and hours
 * that come twice as a whole are two periods each time.
 */
export class Calendar {
  readonly period: Period;
  readonly #zone: Zone;
  readonly #isUtc: boolean;
  #last: TimeSpan = { start: 0, end: 0 };

  constructor(period: Period, zone: Zone) {
    this.period = period;
    this.#zone = zone;
    this.#isUtc = zone.name === "UTC";
  }

  /** Returns the period that contains a time. */
  at(time: number): TimeSpan {
    if (time < this.#last.start || time >= this.#last.end) this.#last = this.#find(time);
    return this.#last;
  }

  /** Returns the next period, or the one before. */
  beside({ start, end }: TimeSpan, order: Order): TimeSpan {
    return this.at(order === "FIRST_TO_LAST" ? end : start - 1);
  }

  #find(time: number): TimeSpan {
    const { count, unit } = this.period;
    if (unit !== "m" && unit !== "h") return this.#between(time);
    if (this.#isUtc) {
      const start = time - remainder(time, count * SIZES[unit]);
      return { start, end: start + count * SIZES[unit] };
    }
    const start = this.#startOf(time, count * SIZES[unit]);
    const { end } = this.#between(start);
    const offset = this.#offset(start);
    const again = this.#localBorder(this.#indexOf(start + offset) + 1) - offset;
    const comesTwice = again < end && this.#startOf(again, count * SIZES[unit]) === again;
    return { start, end: comesTwice ? again : end };
  }

  /** Returns the period between two borders that the clocks show first. */
  #between(time: number): TimeSpan {
    let index = this.#indexOf(time + this.#offset(time));
    while (this.#border(index + 1) <= time) index += 1;
    while (this.#border(index) > time) index -= 1;
    return { start: this.#border(index), end: this.#border(index + 1) };
  }

  /** Returns the start of a period of minutes or hours. */
  #startOf(time: number, size: number): number {
    const { start } = this.#between(time);
    const offset = this.#offset(time);
    const shown = this.#localBorder(this.#indexOf(time + offset));
    const again = shown - offset;
    if (again <= start || this.#offset(again) !== offset) return start;
    return (again - this.#first(shown)) % size === 0 ? again : start;
  }

  #border(index: number): number {
    return this.#first(this.#localBorder(index));
  }

  #first(local: number): number {
    return this.#isUtc ? local : this.#zone.first(local / 1000) * 1000;
  }

  #offset(time: number): number {
    return this.#isUtc ? 0 : this.#zone.offset(Math.floor(time / 1000)) * 1000;
  }

  /** Returns the number of the period that contains a local time. */
  #indexOf(local: number): number {
    const { count, unit } = this.period;
    if (unit !== "M") return Math.floor((local - firstStart(unit)) / (count * SIZES[unit]));
    const date = new Date(Math.floor(local / 1000));
    return Math.floor((date.getUTCFullYear() * 12 + date.getUTCMonth()) / count);
  }

  /** Returns the local time at which a period begins. */
  #localBorder(index: number): number {
    const { count, unit } = this.period;
    if (unit !== "M") return firstStart(unit) + index * count * SIZES[unit];
    const start = new Date(0);
    start.setUTCFullYear(0, index * count, 1);
    return start.getTime() * 1000;
  }
}

/** Local time of the start of the period with number 0. */
function firstStart(unit: PeriodUnit): number {
  return unit === "w" ? FIRST_SUNDAY : 0;
}
