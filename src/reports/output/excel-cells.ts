import type { CellObject } from "write-excel-file/node";
import { looksLikeFormula } from "../../csv-cell.ts";
import type { Zone } from "../../time/zone.ts";
import type { Cell } from "../field.ts";
import { localDate } from "../figures.ts";
import type { Format } from "../sheets.ts";

/** Maximum length of a cell's text. */
const MAX_TEXT_LENGTH = 32_767;
/** First date that Excel represents as a number; earlier ones are text. */
const FIRST_DATE = Date.UTC(1900, 2, 1);
const LAST_DATE = Date.UTC(10_000, 0, 1);

/** Excel's number formats. */
export const FORMATS: Readonly<Record<Format, string>> = {
  day: "yyyy-mm-dd",
  time: "yyyy-mm-dd hh:mm",
  share: "0.0%",
  count: "#,##0",
  mean: "#,##0.00",
  hours: "#,##0.0",
  kWh: "#,##0.00",
  money: "#,##0.00",
};

/** Returns a cell of a workbook. Excel has no time zones: an instant becomes what the clocks of `zone` show then. */
export function excelCell(cell: Cell, format: Format | undefined, zone: Zone): CellObject | null {
  if (cell === null || cell === "") return null;
  if (typeof cell === "boolean") return { value: cell, type: Boolean };
  if (cell instanceof Date) {
    const shown = format === "day" ? cell : localDate(cell, zone);
    const time = shown.getTime();
    if (time < FIRST_DATE || time >= LAST_DATE) return textCell(cell.toISOString());
    return { value: shown, type: Date, format: FORMATS[format ?? "time"], align: "left", indent: 1 };
  }
  if (typeof cell === "number")
    return { value: cell, type: Number, ...(format && { format: FORMATS[format] }) };
  return textCell(cell);
}

/** Text that looks like a formula is marked as text, so that it remains text when the cell is edited. */
export function textCell(text: string): CellObject {
  return {
    value: excelText(text),
    type: String,
    ...(looksLikeFormula(text) && { format: "@" }),
  };
}

/**
 * Returns text as it is written in a file: at most as long as a cell's, with text such as `_x0041_`, which means `A` in the file,
 * escaped. The writer cannot handle U+FFFD, which it drops and which becomes a square, and property names of every JavaScript object
 * such as `constructor`, because it looks texts up in an object; these get a space at the end.
 */
export function excelText(text: string): string {
  const escaped = cut(text, MAX_TEXT_LENGTH)
    .replace(/_(?=x[\dA-Fa-f]{4}_)/g, "_x005F_")
    .replaceAll("\ufffd", "\u25a1");
  return escaped in {} ? `${escaped} ` : escaped;
}

/** Truncates text without splitting a character. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}
