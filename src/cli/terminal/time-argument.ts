import { InvalidArgumentError } from "commander";
import { EXPECTED_TIME, parseRelative, parseTime } from "../../historian/time.ts";

/** Description of a time, for the help of options. */
export const TIMES = "ISO 8601 (UTC when it names no zone), or relative to now: -12h, -30d, 'now -1d -1.5h'";

/** Parses a time of an option, as in queries of the historian. */
export function timeArgument(text: string): Date {
  try {
    return new Date(parseTime(text, new Date(), "time") / 1000);
  } catch {
    throw new InvalidArgumentError(EXPECTED_TIME);
  }
}

/** Returns a time relative to now as ISO 8601; any other text unchanged, for a parser with rules of its own. */
export function absoluteTime(text: string): string {
  const isRelative = parseRelative(text.trim(), new Date()) !== undefined;
  return isRelative ? timeArgument(text).toISOString() : text;
}
