import type writeExcelFile from "write-excel-file/node";
import type { CellObject } from "write-excel-file/node";
import type { Zone } from "../../time/zone.ts";
import type { Summary, SummaryTable } from "../summary.ts";
import { excelCell, textCell } from "./excel-cells.ts";

type ExcelSheet = Parameters<typeof writeExcelFile>[0][number];
type Row = (CellObject | null)[];

export const SUMMARY_SHEET = "Summary";
/** First column beside the tables, where charts are, from 0. */
export const CHART_COLUMN = 6;

/** A table of the first sheet, with the row of its header, from 1. */
export interface PlacedTable {
  readonly table: SummaryTable;
  readonly headerRow: number;
}

export interface SummarySheet {
  readonly excelSheet: ExcelSheet;
  readonly tables: readonly PlacedTable[];
}

/** Returns the first sheet: title, figures with a note each, then tables below one another. */
export function summarySheet({ title, lines, figures, tables }: Summary, zone: Zone): SummarySheet {
  const data: Row[] = [
    [{ ...textCell(title), fontWeight: "bold", fontSize: 18 }],
    ...lines.map((line): Row => [{ ...textCell(line), textColor: SOFT }]),
    [],
  ];
  for (const { label, value, format, note } of figures)
    data.push([
      textCell(label),
      { ...excelCell(value, format, zone), fontWeight: "bold", align: "right", indent: 0 },
      note === undefined ? null : { ...textCell(note), textColor: SOFT, align: "left", indent: 1 },
    ]);
  const placed = tables.map((table): PlacedTable => {
    data.push([], [{ ...textCell(table.heading ?? table.name), fontWeight: "bold", fontSize: 13 }]);
    data.push(
      table.columns.map(
        (column, at): CellObject => ({
          ...textCell(column.heading ?? column.title),
          ...{ fontWeight: "bold", backgroundColor: "#e8edf3", bottomBorderStyle: "thin" },
          align: at === 0 ? "left" : "right",
        }),
      ),
    );
    const headerRow = data.length;
    for (const row of table.rows)
      data.push(row.map((cell, at) => excelCell(cell, table.columns[at]!.format, zone)));
    return { table, headerRow };
  });
  return {
    excelSheet: {
      sheet: SUMMARY_SHEET,
      data,
      columns: [{ width: 38 }, { width: 16 }, { width: 14 }, { width: 14 }, { width: 20 }, { width: 4 }],
      showGridLines: false,
      orientation: "landscape",
    },
    tables: placed,
  };
}

const SOFT = "#5b6675";
