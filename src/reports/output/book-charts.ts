import type { Format, Sheet } from "../sheets.ts";
import type { SummaryTable } from "../summary.ts";
import { type BookChart, type CellRange, CHART_SIZE } from "./chart-parts.ts";
import { excelText, FORMATS } from "./excel-cells.ts";
import { CHART_COLUMN, SUMMARY_SHEET, type SummarySheet } from "./summary-sheet.ts";

/** A sheet within Excel's limits, with its name in the file. */
export interface NamedSheet {
  readonly excelName: string;
  readonly sheet: Sheet;
}

/** Colours of the page's light style. */
const BLUE = "2b6cb0";
const GREEN = "23867a";
const RED = "c43d4b";
const STATE_COLOURS: Readonly<Record<string, string>> = {
  operational: BLUE,
  "partly operational": "c98a04",
  "non-operational": RED,
  planned: "7a5bbf",
};
const OTHER_STATE = "98a2b0";

type Chart = Omit<BookChart, "at">;

/** Returns the charts of the first sheet: of its own tables, and of the sheets with days and hours. */
export function bookCharts(summary: SummarySheet, sheets: readonly NamedSheet[]): BookChart[] {
  const perDay = (title: string, column: string, colour: string) =>
    chartOf(sheets, "Energy per day", { title, column, colour, categories: "d mmm" });
  const ofTable = (name: SummaryTable["name"], title: string, column: number, colour: string) =>
    barsOf(summary, name, { title, column, colour });
  const charts = [
    perDay("Energy per day (kWh)", "energy (kWh)", BLUE),
    perDay("Sessions per day", "sessions", GREEN),
    chartOf(sheets, "Sessions by hour", {
      ...{ title: "Sessions by hour of the day", column: "sessions", colour: GREEN },
    }),
    ofTable("states", "Stations by state", 1, BLUE),
    ofTable("most used", "Stations with the most energy (kWh)", 1, BLUE),
    ofTable("most used", "Their share of time in use", 3, GREEN),
    ofTable("alarms", "Most frequent alarms", 1, RED),
  ].filter((chart) => chart !== undefined);
  const beside = CHART_SIZE.columns + 1;
  const below = CHART_SIZE.rows + 1;
  return charts.map((chart, at) => ({
    ...chart,
    at: { column: CHART_COLUMN + (at % 2) * beside, row: 1 + Math.floor(at / 2) * below },
  }));
}

interface ColumnsOptions {
  readonly title: string;
  /** Title of the column with the values. */
  readonly column: string;
  readonly colour: string;
  /** Format of the categories. */
  readonly categories?: string;
}

/** Returns columns over the first column of a sheet. */
function chartOf(
  sheets: readonly NamedSheet[],
  name: string,
  { title, column, colour, categories }: ColumnsOptions,
): Chart | undefined {
  const found = sheets.find(({ sheet }) => sheet.name === name);
  if (!found || found.sheet.rows.length === 0) return undefined;
  const { excelName, sheet } = found;
  const at = sheet.columns.findIndex((one) => one.title === column);
  const range = (index: number, format?: string): CellRange => ({
    ...{ sheet: excelName, column: index, firstRow: 2, format },
    values: sheet.rows.map((row) => row[index]!),
  });
  const { title: key, heading = key, format } = sheet.columns[at]!;
  return {
    ...{ title, kind: "columns", colour },
    categories: range(0, categories),
    name: { sheet: excelName, column: at, firstRow: 1, values: [excelText(heading)] },
    values: range(at, formatOf(format)),
  };
}

interface BarsOptions {
  readonly title: string;
  readonly column: number;
  readonly colour: string;
}

/** Returns bars of a table of the first sheet. */
function barsOf(
  { tables }: SummarySheet,
  name: SummaryTable["name"],
  { title, column, colour }: BarsOptions,
): Chart | undefined {
  const placed = tables.find(({ table }) => table.name === name);
  if (!placed) return undefined;
  const { table, headerRow } = placed;
  const labels = table.rows.map(([label]) => String(label));
  const { title: key, heading = key, format } = table.columns[column]!;
  const place = { sheet: SUMMARY_SHEET, firstRow: headerRow + 1 };
  return {
    ...{ title, kind: "bars", colour },
    categories: { ...place, column: 0, values: labels.map(excelText) },
    name: { ...place, firstRow: headerRow, column, values: [excelText(heading)] },
    values: { ...place, column, values: table.rows.map((row) => row[column]!), format: formatOf(format) },
    ...(name === "states" && {
      colours: new Map(labels.map((label, at) => [at, STATE_COLOURS[label] ?? OTHER_STATE])),
    }),
  };
}

function formatOf(format: Format | undefined): string | undefined {
  return format && FORMATS[format];
}
