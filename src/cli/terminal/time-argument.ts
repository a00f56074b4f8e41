import { InvalidArgumentError } from "commander";
import { checkZone } from "../../historian/query/query.ts";
import { EXPECTED_TIME, parseRelative, parseTime } from "../../historian/time.ts";
import type { Zone } from "../../time/zone.ts";

/** Returns the description of a time, for the help of options; `zone`: that of a time that names none. */
export function timesIn(zone: string): string {
  return `ISO 8601 (${zone} when it names no zone), or relative to now: -12h, -30d, 'now -1d -1.5h'`;
}
export const TIMES = timesIn("UTC");

/** Parses a time of an option, as in queries of the historian. */
export function timeArgument(text: string): Date {
  return parsedTime(text, new Date());
}

/** Parses a time; without a zone it is local time of `zone`, by default UTC. @throws InvalidArgumentError */
export function parsedTime(text: string, now: Date, zone?: Zone): Date {
  try {
    return new Date(parseTime(text, now, "time", zone) / 1000);
  } catch {
    throw new InvalidArgumentError(EXPECTED_TIME);
  }
}

/** Parses the name of a time zone, as in queries of the historian. */
export function zoneArgument(name: string): Zone {
  try {
    return checkZone(name);
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message.replace(/^tz: /, ""));
  }
}

/** Returns a time relative to now as ISO 8601; any other text unchanged, for a parser with rules of its own. */
export function absoluteTime(text: string): string {
  const isRelative = parseRelative(text.trim(), new Date()) !== undefined;
  return isRelative ? timeArgument(text).toISOString() : text;
}
