import type { FleetReport } from "../fleet-report.ts";
import type { Sheet } from "../sheets.ts";
import { isoText } from "./csv.ts";

/**
 * Formats a report as one JSON object. Rows are lists in the order of `columns`, because titles may not be unique. Times are ISO 8601
 * in UTC; days, months and hours are those of `time_zone`.
 */
export function json({ options }: FleetReport, sheets: readonly Sheet[]): string {
  const { source, period, now, parity } = options;
  const document = {
    report: "fleet",
    source,
    generated_at: isoText(now, false),
    from: isoText(period.from, false),
    to: isoText(period.to, false),
    time_zone: period.zone.name,
    parity,
    sheets: sheets.map(({ name, columns, rows }) => ({
      name,
      columns: columns.map(({ title }) => title),
      rows: rows.map((row) =>
        row.map((cell, at) => (cell instanceof Date ? isoText(cell, columns[at]?.format === "day") : cell)),
      ),
    })),
  };
  return `${JSON.stringify(document)}\n`;
}
