import writeExcelFile, { type CellObject } from "write-excel-file/node";
import { looksLikeFormula } from "../../csv-cell.ts";
import type { Cell } from "../field.ts";
import { cut, SheetNames } from "../sheet-names.ts";
import type { Format, Sheet, SheetColumn } from "../sheets.ts";
import { printSetup } from "./print-setup.ts";

type ExcelSheet = Parameters<typeof writeExcelFile>[0][number];

/** Maximum number of rows in an Excel sheet, including the header. */
const MAX_ROWS = 1_048_576;
/** Maximum length of a cell's text. */
const MAX_TEXT_LENGTH = 32_767;
const MAX_WIDTH = 60;
/** First date that Excel represents as a number; earlier ones are text. */
const FIRST_DATE = Date.UTC(1900, 2, 1);
const LAST_DATE = Date.UTC(10_000, 0, 1);

const FORMATS: Readonly<Record<Format, string>> = {
  day: "yyyy-mm-dd",
  time: "yyyy-mm-dd hh:mm",
  share: "0.0%",
  hours: "#,##0.0",
  kWh: "#,##0.00",
};

export interface WorkbookOptions {
  /** Default: Excel's maximum. */
  readonly mostRows?: number;
}

/**
 * Formats sheets as an Excel workbook: the header row is bold, frozen and has a filter, columns fit their texts, and numbers and times
 * keep their types. Rows beyond Excel's maximum continue in further sheets. Text remains text, whatever it starts with.
 */
export async function workbook(
  sheets: readonly Sheet[],
  { mostRows = MAX_ROWS }: WorkbookOptions = {},
): Promise<Buffer> {
  const names = new SheetNames();
  const parts = sheets.flatMap((sheet) => split(sheet, mostRows - 1));
  const excelSheets = parts.map((sheet) => excelSheet(sheet, names.take(sheet.name)));
  return await writeExcelFile(excelSheets, { features: [printSetup] }).toBuffer();
}

function split({ rows, ...sheet }: Sheet, most: number): Sheet[] {
  const parts: Sheet[] = [];
  for (let start = 0; start === 0 || start < rows.length; start += most)
    parts.push({ ...sheet, rows: rows.slice(start, start + most) });
  return parts;
}

function excelSheet({ columns, rows }: Sheet, name: string): ExcelSheet {
  const header = columns.map(
    ({ title }): CellObject => ({
      ...textCell(title),
      fontWeight: "bold",
      backgroundColor: "#e8edf3",
      bottomBorderStyle: "thin",
    }),
  );
  return {
    sheet: name,
    data: [header, ...rows.map((row) => row.map((cell, at) => excelCell(cell, columns[at]!)))],
    columns: columns.map((column, at) => ({ width: widthOf(column, rows, at) })),
    stickyRowsCount: 1,
    orientation: "landscape",
  };
}

function excelCell(cell: Cell, { format }: SheetColumn): CellObject | null {
  if (cell === null || cell === "") return null;
  if (typeof cell === "boolean") return { value: cell, type: Boolean };
  if (cell instanceof Date) {
    const time = cell.getTime();
    if (time < FIRST_DATE || time >= LAST_DATE) return textCell(cell.toISOString());
    return { value: cell, type: Date, format: FORMATS[format ?? "time"], align: "left", indent: 1 };
  }
  if (typeof cell === "number")
    return { value: cell, type: Number, ...(format && { format: FORMATS[format] }) };
  return textCell(cell);
}

/** Text that looks like a formula is marked as text, so that it remains text when the cell is edited. */
function textCell(text: string): CellObject {
  return {
    value: escapeText(cut(text, MAX_TEXT_LENGTH)),
    type: String,
    ...(looksLikeFormula(text) && { format: "@" }),
  };
}

/**
 * Escapes text such as `_x0041_`, which means `A` in the file. The writer cannot handle U+FFFD, which it drops and which becomes a
 * square, and property names of every JavaScript object such as `constructor`, because it looks texts up in an object; these get a
 * space at the end.
 */
function escapeText(text: string): string {
  const escaped = text.replace(/_(?=x[\dA-Fa-f]{4}_)/g, "_x005F_").replaceAll("\ufffd", "\u25a1");
  return escaped in {} ? `${escaped} ` : escaped;
}

/** Returns a column's width by its header and the first thousand rows. */
function widthOf({ title, format }: SheetColumn, rows: Sheet["rows"], at: number): number {
  let longest = title.length + 1;
  for (const row of rows.slice(0, 1000)) longest = Math.max(longest, shownLength(row[at] ?? null, format));
  return Math.min(MAX_WIDTH, Math.max(8, longest + 2));
}

function shownLength(cell: Cell, format: Format | undefined): number {
  if (cell === null) return 0;
  if (cell instanceof Date) return FORMATS[format ?? "time"].length;
  if (typeof cell === "number" && format) return 10;
  return String(cell).length;
}
