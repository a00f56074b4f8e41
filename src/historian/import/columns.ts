import type { PointValue } from "../../points/index.ts";
import { parseIsoTime } from "../time.ts";

/** Columns of a table of values. */
export type Column = "topic" | "time" | "value" | "text" | "json" | "units" | "type" | "tz";

/** Names of columns, ours first, then those of VOLTTRON's tables and of other programs. */
const NAMES: Readonly<Record<Column, readonly string[]>> = {
  topic: ["topic", "topic_name", "name", "point"],
  time: ["time", "ts", "timestamp", "datetime", "date"],
  value: ["value", "value_string"],
  text: ["text"],
  json: ["json"],
  units: ["units", "unit"],
  type: ["type"],
  tz: ["tz", "timezone"],
};

/** Returns the index of each known column, by its name in any case. */
export function columnsIn(header: readonly string[]): ReadonlyMap<Column, number> {
  const names = header.map((name) => name.trim().toLowerCase());
  const found = new Map<Column, number>();
  for (const [column, known] of Object.entries(NAMES) as [Column, readonly string[]][]) {
    const name = known.find((one) => names.includes(one));
    if (name !== undefined) found.set(column, names.indexOf(name));
  }
  return found;
}

/** Returns which of the necessary columns are missing, as a text with their possible names. */
export function missingColumns(columns: ReadonlyMap<Column, number>): string | undefined {
  const missing = (["topic", "time", "value"] as const).filter((column) => !columns.has(column));
  if (missing.length === 0) return undefined;
  return missing.map((column) => NAMES[column].join(" or ")).join("; ");
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Parses a value that a table has as text: a number, true or false, a list or an object as JSON, else text. */
export function valueOfText(text: string): PointValue {
  if (NUMBER.test(text)) return Number(text);
  if (/^true$/i.test(text)) return true;
  if (/^false$/i.test(text)) return false;
  return structureOf(text) ?? text;
}

/** Parses the JSON of a list or an object; undefined for other text. */
export function structureOf(text: string): PointValue | undefined {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    return JSON.parse(text) as PointValue;
  } catch {
    return undefined;
  }
}

/** Parses ISO 8601 text to microseconds, and remembers the last: rows of one scrape have the same. */
export class TimeReader {
  #text = "";
  #time: number | undefined;

  read(text: string): number | undefined {
    if (text !== this.#text) {
      this.#text = text;
      this.#time = parseIsoTime(text.trim());
    }
    return this.#time;
  }
}

export const TIME_EXPECTED = "time must be ISO 8601, such as 2026-11-21T08:00:00Z";
