import type { Zone } from "../time/zone.ts";
import { QueryError } from "./errors.ts";

/** Microseconds. */
const SECOND = 1_000_000;
export const MINUTE = 60 * SECOND;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
export const WEEK = 7 * DAY;

const ISO =
  /^(\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;
const RELATIVE = /^(?!$)(?:now)?((?:\s*[+-]\s*\d+(?:\.\d+)?\s*[a-z]+)*)$/i;
const STEP = /([+-])\s*(\d+(?:\.\d+)?)\s*([a-z]+)/gi;
const UNITS: Record<string, number> = { w: WEEK, d: DAY, h: HOUR, m: MINUTE, s: SECOND };
const UNIT_NAME = /^(?:w(?:eeks?)?|d(?:ays?)?|h(?:ours?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)$/i;
export const EXPECTED_TIME = "expected 2026-11-21T08:00:00Z, 2026-11-21, now, -1h or now -1d -1.5h";

/** Returns a date in microseconds since 1970 UTC. */
export function timeOf(date: Date): number {
  return date.getTime() * 1000;
}

/**
 * Parses a Date, ISO 8601 text or a time relative to now, `now -1d -1.5h` or `-20m` (w, d, h, m, s), to microseconds since 1970 UTC.
 * Text without a zone is local time of `zone`, by default UTC; fractional digits beyond the sixth are truncated. Times outside the range of samples (before 1684, after
 * 2255) become its first or last time.
 * @throws {QueryError} that names `field`.
 */
export function parseTime(input: string | Date, now: Date, field: string, zone?: Zone): number {
  const text = input instanceof Date ? "" : input.trim();
  const time = input instanceof Date ? timeOf(input) : (parseIsoTime(text, zone) ?? parseRelative(text, now));
  if (time === undefined || Number.isNaN(time))
    throw new QueryError(field, `must be a time, found "${String(input)}"; ${EXPECTED_TIME}`);
  return Math.max(Number.MIN_SAFE_INTEGER, Math.min(time, Number.MAX_SAFE_INTEGER));
}

/** Two digits of each number below 100. */
const DIGITS = Array.from({ length: 100 }, (_, number) => String(number).padStart(2, "0"));
/** The day that was formatted last: the times of a result are mostly of the same one. */
let formatted = { day: Number.NaN, text: "" };

/** Formats a time as `YYYY-MM-DDTHH:MM:SS.ffffff+00:00`. */
export function formatTime(time: number): string {
  const micros = remainder(time, DAY);
  const day = time - micros;
  if (formatted.day !== day) formatted = { day, text: formatDay(new Date(day / 1000)) };
  const seconds = Math.floor(micros / SECOND);
  const minutes = Math.floor(seconds / 60);
  const rest = micros - seconds * SECOND;
  const clock = `${DIGITS[Math.floor(minutes / 60)]}:${DIGITS[minutes % 60]}:${DIGITS[seconds % 60]}`;
  const fraction = `${DIGITS[Math.floor(rest / 10_000)]}${DIGITS[Math.floor(rest / 100) % 100]}${DIGITS[rest % 100]}`;
  return `${formatted.text}${clock}.${fraction}+00:00`;
}

/** `toISOString` takes tens of milliseconds the first time in a process, if the parts of Node that it needs are not in memory yet. */
function formatDay(date: Date): string {
  return `${date.getUTCFullYear()}-${DIGITS[date.getUTCMonth() + 1]}-${DIGITS[date.getUTCDate()]}T`;
}

/** Returns the remainder as a non-negative number. */
export function remainder(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}

/**
 * Parses ISO 8601 text to microseconds since 1970 UTC. Text without a zone is local time of `local`, by default UTC: where its clocks show
 * it twice, the first time; where they skip it, the time at which they do. Returns undefined for other text.
 */
export function parseIsoTime(text: string, local?: Zone): number | undefined {
  const match = ISO.exec(text);
  if (!match) return undefined;
  const [, year, month, day, hour = "0", minute = "0", second = "0", fraction = "", zone] = match;
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day)) return undefined;
  date.setUTCHours(Number(hour), Number(minute), Number(second));
  const micros = Number(fraction.slice(0, 6).padEnd(6, "0"));
  if (zone !== undefined) return timeOf(date) + micros - zoneOffset(zone);
  return (local ? local.first(date.getTime()) : date.getTime()) * 1000 + micros;
}

function zoneOffset(zone: string): number {
  if (/^z$/i.test(zone)) return 0;
  const size = Number(zone.slice(1, 3)) * HOUR + Number(zone.slice(3).replace(":", "") || "0") * MINUTE;
  return zone.startsWith("-") ? -size : size;
}

/** Parses a time relative to now. Returns undefined for other text. */
export function parseRelative(text: string, now: Date): number | undefined {
  const steps = RELATIVE.exec(text)?.[1];
  if (steps === undefined) return undefined;
  let time = timeOf(now);
  for (const [, sign, amount, unit = ""] of steps.matchAll(STEP)) {
    if (!UNIT_NAME.test(unit)) return undefined;
    const size = Math.round(Number(amount) * UNITS[unit.charAt(0).toLowerCase()]!);
    time += sign === "-" ? -size : size;
  }
  return time;
}
