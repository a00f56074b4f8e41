import writeExcelFile, { type CellObject } from "write-excel-file/node";
import { looksLikeFormula } from "../../csv-cell.ts";
import type { Cell } from "../field.ts";
import type { Format, Sheet, SheetColumn } from "../sheets.ts";

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

/** Maximum length of an Excel sheet's name, in UTF-16 units. */
const MAX_NAME_LENGTH = 31;

/**
 * Assigns names that are valid in Excel and unique ignoring case: without `[ ] : * ? / \` and quotes at the ends, at most 31
 * characters, not empty, and not `History`, which Excel reserves.
 */
export class SheetNames {
  readonly #taken = new Set(["history"]);

  /** Returns a unique name that is as close as possible to the wanted one. */
  take(wanted: string): string {
    const sound =
      wanted
        .replace(/[[\]:*?/\\\p{Cc}]/gu, "_")
        .replace(/^'+|'+$/g, "_")
        .trim() || "sheet";
    for (let count = 1; ; count++) {
      const end = count === 1 ? "" : ` ${count}`;
      const name = cut(sound, MAX_NAME_LENGTH - end.length) + end;
      if (this.#taken.has(name.toLowerCase())) continue;
      this.#taken.add(name.toLowerCase());
      return name;
    }
  }
}

/** Truncates text without splitting a character. */
export function cut(text: string, length: number): string {
  return text.length <= length ? text : text.slice(0, length).replace(/[\ud800-\udbff]$/, "");
}

type WriterOptions = NonNullable<Parameters<typeof writeExcelFile>[1]>;
type Feature = NonNullable<WriterOptions["features"]>[number];

/** Setup of every sheet: columns fit on a page's width, and the header can filter and sort. */
const printSetup: Feature = {
  files: {
    transform: {
      "xl/worksheets/sheet{id}.xml": {
        transform: (xml) =>
          xml
            .replace(/<worksheet[^>]*>/, '$&<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>')
            .replace("</sheetData>", `$&${autoFilter(xml)}`),
        transformElementAttributes: (tag, attributes) =>
          tag === "pageSetup" ? { ...attributes, fitToWidth: 1, fitToHeight: 0, paperSize: 9 } : attributes,
      },
    },
  },
};

/** Returns a filter for all cells; a sheet with only a header has none. */
function autoFilter(xml: string): string {
  const rows = xml.lastIndexOf("<row ");
  const last = /^<row [^>]*\br="(\d+)"/.exec(xml.slice(rows, rows + 200))?.[1];
  const header = /<row [^>]*\br="1"[^>]*>(.*?)<\/row>/s.exec(xml)?.[1] ?? "";
  const column = [...header.matchAll(/<c [^>]*\br="([A-Z]+)1"/g)].at(-1)?.[1];
  return last === undefined || last === "1" || column === undefined
    ? ""
    : `<autoFilter ref="A1:${column}${last}"/>`;
}
