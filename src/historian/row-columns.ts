import type { PointValue } from "../points/index.ts";
import type { ParquetColumn } from "../storage/parquet.ts";

/** Columns of rows in Parquet, of exports as of the files of closed days. See docs/historian-format.md. */
export const ROW_COLUMNS = [
  { name: "topic", type: "text", required: true },
  { name: "time", type: "time", required: true },
  { name: "value", type: "number" },
  { name: "text", type: "text" },
  { name: "json", type: "text" },
  { name: "units", type: "text" },
] as const satisfies readonly ParquetColumn[];

/** Returns the cell of column `value`: numbers, true and false as 1 and 0. */
export function valueCell(value: PointValue): number | null {
  // −0 is stored as 0.
  if (typeof value === "number") return value + 0;
  return typeof value === "boolean" ? Number(value) : null;
}

/** Returns the cell of column `text`. UTF-8 cannot represent lone surrogates: such text is in `json`, as an escaped JSON string. */
export function textCell(value: PointValue): string | null {
  return typeof value === "string" && value.isWellFormed() ? value : null;
}

/** Returns the cell of column `json`: everything but null that is neither a number nor in `text`. */
export function jsonCell(value: PointValue): string | null {
  if (value === null || typeof value === "number") return null;
  return typeof value === "string" && value.isWellFormed() ? null : JSON.stringify(value);
}
