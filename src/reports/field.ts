import type { FleetStation } from "./fleet-data.ts";
import { parseIsoDate } from "./iso-date.ts";
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
