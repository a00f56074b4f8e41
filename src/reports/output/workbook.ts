import writeExcelFile, { type CellObject } from "write-excel-file/node";
import type { Zone } from "../../time/zone.ts";
import type { Cell } from "../field.ts";
import type { Format, Sheet } from "../sheets.ts";
import type { Summary } from "../summary.ts";
import { bookCharts, type NamedSheet } from "./book-charts.ts";
import { chartFeature, escapedXml } from "./chart-parts.ts";
import { cut, excelCell, FORMATS, textCell } from "./excel-cells.ts";
import { SUMMARY_SHEET, summarySheet } from "./summary-sheet.ts";

type ExcelSheet = Parameters<typeof writeExcelFile>[0][number];

/** Maximum number of rows in an Excel sheet, including the header. */
const MAX_ROWS = 1_048_576;
const MAX_WIDTH = 60;
/** Excel's own; without it, cells with a size of their own have another font than the rest. */
const FONT = { fontFamily: "Calibri", fontSize: 11 };

export interface WorkbookOptions {
  /** Time zone of the times that are shown. */
  readonly zone: Zone;
  /** Contents of the first sheet, with charts. Absent: there is none. */
  readonly summary?: Summary | undefined;
  /** Default: Excel's maximum. */
  readonly mostRows?: number;
}

/**
 * Formats sheets as an Excel workbook: the header row is bold, frozen and has a filter, columns fit their texts, and numbers and times
 * keep their types. Rows beyond Excel's maximum continue in further sheets. Text remains text, whatever it starts with.
 */
export async function workbook(
  sheets: readonly Sheet[],
  { zone, summary, mostRows = MAX_ROWS }: WorkbookOptions,
): Promise<Buffer> {
  const names = new SheetNames();
  const first = summary && summarySheet(summary, zone);
  if (first) names.take(SUMMARY_SHEET);
  const parts = sheets
    .flatMap((sheet) => split(sheet, mostRows - 1))
    .map((sheet): NamedSheet => ({ excelName: names.take(sheet.heading ?? sheet.name), sheet }));
  const excelSheets = parts.map(({ excelName, sheet }) => excelSheet(sheet, excelName, zone));
  const charts = first ? [chartFeature(0, bookCharts(first, parts))] : [];
  return await writeExcelFile([...(first ? [first.excelSheet] : []), ...excelSheets], {
    ...FONT,
    features: [printSetup, printTitles(parts, first ? 1 : 0), ...charts],
  }).toBuffer();
}

function split({ rows, ...sheet }: Sheet, most: number): Sheet[] {
  const parts: Sheet[] = [];
  for (let start = 0; start === 0 || start < rows.length; start += most)
    parts.push({ ...sheet, rows: rows.slice(start, start + most) });
  return parts;
}

function excelSheet({ columns, rows }: Sheet, name: string, zone: Zone): ExcelSheet {
  const header = columns.map(
    ({ title, heading = title }): CellObject => ({
      ...textCell(heading),
      fontWeight: "bold",
      backgroundColor: "#e8edf3",
      bottomBorderStyle: "thin",
    }),
  );
  const formats = columns.map(({ format }) => format);
  return {
    sheet: name,
    data: [header, ...rows.map((row) => row.map((cell, at) => excelCell(cell, formats[at], zone)))],
    columns: columns.map(({ title, heading = title, format }, at) => ({
      width: widthOf(heading, format, rows, at),
    })),
    stickyRowsCount: 1,
    orientation: "landscape",
  };
}

/** Returns a column's width by its header, with the button of its filter, and the first thousand rows. */
function widthOf(heading: string, format: Format | undefined, rows: Sheet["rows"], at: number): number {
  let longest = heading.length + 3;
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

type WriterOptions = NonNullable<Parameters<typeof writeExcelFile>[1]>;
type Feature = NonNullable<WriterOptions["features"]>[number];

/** Setup of every sheet: columns fit on a page's width; a header, which is frozen, can filter and sort. */
const printSetup: Feature = {
  files: {
    transform: {
      "xl/worksheets/sheet{id}.xml": {
        transform: (xml, { stickyRowsCount }) =>
          xml
            .replace(/<worksheet[^>]*>/, '$&<sheetPr><pageSetUpPr fitToPage="1"/></sheetPr>')
            .replace("</sheetData>", `$&${stickyRowsCount ? autoFilter(xml) : ""}`),
        transformElementAttributes: (tag, attributes) =>
          tag === "pageSetup" ? { ...attributes, fitToWidth: 1, fitToHeight: 0, paperSize: 9 } : attributes,
      },
    },
  },
};

/** Returns a feature that repeats the header of each sheet on every printed page; `before` sheets have none. */
function printTitles(sheets: readonly NamedSheet[], before: number): Feature {
  const names = sheets.map(({ excelName }, at) => {
    const sheet = escapedXml(excelName.replaceAll("'", "''"));
    return `<definedName name="_xlnm.Print_Titles" localSheetId="${before + at}">'${sheet}'!$1:$1</definedName>`;
  });
  const added = `<definedNames>${names.join("")}</definedNames>`;
  return {
    files: {
      transform: {
        "xl/workbook.xml": { transform: (xml) => xml.replace("<definedNames/>", () => added) },
      },
    },
  };
}

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
