import type { FleetStation } from "./fleet-data.ts";
import { cleanText } from "./text.ts";

export type Cell = string | number | boolean | Date | null;

/** How the columns of a report are read. */
export interface FieldRules {
  readonly timeColumns: ReadonlySet<string>;
  /** As pandas: a missing field is empty text, null is distinct from it, and an invalid date is null. */
  readonly parity: boolean;
}

/** Returns a station's value in a column; null if it has none. Lists and objects are JSON. */
export function fieldOf({ fields }: FleetStation, column: string, rules: FieldRules): Cell {
  const value = lookUp(fields, column);
  if (rules.timeColumns.has(column)) {
    const date = parseIsoDate(value);
    if (date || rules.parity) return date ?? null;
  }
  if (value === undefined) return rules.parity ? "" : null;
  if (value === null || (value === "" && !rules.parity)) return null;
  if (typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  return cleanText(typeof value === "string" ? value : (JSON.stringify(value) ?? String(value)));
}

/** Returns whether any station has a field. */
export function hasColumn(stations: readonly FleetStation[], column: string): boolean {
  return stations.some(({ fields }) => lookUp(fields, column) !== undefined);
}

/** Returns a field by its name or path: `location.city`, `chargingPoints[0].evseId`. */
function lookUp(fields: Readonly<Record<string, unknown>>, column: string): unknown {
  if (Object.hasOwn(fields, column)) return fields[column];
  let value: unknown = fields;
  for (const name of column.replace(/\[(\d+)\]/g, ".$1").split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, name)) return undefined;
    value = (value as Record<string, unknown>)[name];
  }
  return value;
}

const DATE = /(\d{4})(?:([-/. ]?)(\d\d?)(?:\2(\d\d?))?)?/;
const TIME = /[T ](\d\d)(?::?([0-5]\d)(?::?([0-5]\d)(?:\.(\d{1,9}))?)?)?( ?Z| ?[+-]\d\d(?::?\d\d)?)?/;
const ISO = new RegExp(`^${DATE.source}(?:${TIME.source})?$`);

/**
 * Parses a time as pandas does for ISO 8601 (`to_datetime(…, format="ISO8601")`): `2026`, `2026-11`, `2026-11-21`, `20261121`,
 * `2026/1/2`, with or without a time of day. Without a zone it is UTC. Returns undefined for other text and invalid dates.
 */
export function parseIsoDate(text: unknown): Date | undefined {
  const found = typeof text === "string" ? ISO.exec(text) : null;
  if (!found) return undefined;
  const [, year, separator = "", month = "1", day, hour = "0", minute = "0", second = "0", fraction = ""] =
    found;
  // Six digits could be a year and a month, or a short date.
  if (separator === "" && found[3] !== undefined && (day?.length !== 2 || month.length !== 2))
    return undefined;
  if (found[5] !== undefined && day === undefined) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(Number(year), Number(month) - 1, Number(day ?? "1"));
  if (date.getUTCMonth() !== Number(month) - 1 || date.getUTCDate() !== Number(day ?? "1")) return undefined;
  if (Number(year) === 0 || Number(hour) > 23) return undefined;
  date.setUTCHours(Number(hour), Number(minute), Number(second), Number(fraction.slice(0, 3).padEnd(3, "0")));
  return new Date(date.getTime() - zoneOffsetMs(found[9]));
}

function zoneOffsetMs(zone: string | undefined): number {
  const [, sign, hours, minutes = "0"] = /([+-])(\d\d):?(\d\d)?/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  return (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
}
