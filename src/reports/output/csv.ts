import { csvLine } from "../../csv-cell.ts";
import type { Sheet } from "../sheets.ts";

/** Formats a sheet as CSV. Times are ISO 8601 in UTC, days `2026-11-21`. */
export function* csv({ columns, rows }: Sheet): Generator<string, void, undefined> {
  yield csvLine(columns.map(({ title }) => title));
  for (const row of rows)
    yield csvLine(
      row.map((cell, at) => (cell instanceof Date ? isoText(cell, columns[at]!.format === "day") : cell)),
    );
}

/** Formats a time as `2026-11-21T08:00:00Z`, or only its day. */
export function isoText(date: Date, day: boolean): string {
  const text = date.toISOString();
  return day ? text.slice(0, 10) : text.replace(".000Z", "Z");
}

/** Returns unique file names for sheets, ignoring case: letters, digits, `-`, `_` and `.`. */
export function fileNames(sheets: readonly Sheet[], extension: string): string[] {
  const taken = new Set<string>();
  return sheets.map(({ name }) => {
    const sound =
      name
        .replace(/[^\p{L}\p{N}_-]+/gu, "_")
        .replace(/^_+|_+$/g, "")
        .slice(0, 60) || "sheet";
    let file = `${sound}.${extension}`;
    for (let count = 2; taken.has(file.toLowerCase()); count++) file = `${sound}-${count}.${extension}`;
    taken.add(file.toLowerCase());
    return file;
  });
}
