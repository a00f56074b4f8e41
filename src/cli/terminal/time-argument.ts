import { InvalidArgumentError } from "commander";
import { EXPECTED_TIME, parseRelative, parseTime } from "../../historian/time.ts";

/** For the help of options that take a time. */
export const TIMES = "ISO 8601 (UTC where it names no zone), or as long ago as -12h, -30d, 'now -1d -1.5h'";

/** Parser of a time, as in questions to the historian. */
export function timeArgument(text: string): Date {
  try {
    return new Date(parseTime(text, new Date(), "time") / 1000);
  } catch {
    throw new InvalidArgumentError(EXPECTED_TIME);
  }
}

/** ISO 8601 for a time relative to now; any other text as it is, for a reader with rules of its own. */
export function absoluteTime(text: string): string {
  const isRelative = parseRelative(text.trim(), new Date()) !== undefined;
  return isRelative ? timeArgument(text).toISOString() : text;
}
