import type { Cell } from "../field.ts";
import type { Sheet, SheetColumn } from "../sheets.ts";
import { looksLikeFormula } from "../text.ts";

/**
 * CSV by RFC 4180, UTF-8. Text that a spreadsheet could take for a formula gets a `'` in front. Times are ISO 8601 in UTC,
 * days `2026-11-21`, numbers bare, what is empty is nothing.
 */
export function* csv({ columns, rows }: Sheet): Generator<string, void, undefined> {
  yield line(columns.map(({ title }) => csvText(title)));
  for (const row of rows) yield line(row.map((cell, at) => csvCell(cell, columns[at]!)));
}

function line(cells: readonly string[]): string {
  return `${cells.join(",")}\r\n`;
}

function csvCell(cell: Cell, { format }: SheetColumn): string {
  if (cell === null) return "";
  if (cell instanceof Date) return isoText(cell, format === "day");
  return typeof cell === "string" ? csvText(cell) : String(cell);
}

function csvText(text: string): string {
  const safe = looksLikeFormula(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

/** `2026-11-21T08:00:00Z`, or the day alone. */
export function isoText(date: Date, day: boolean): string {
  const text = date.toISOString();
  return day ? text.slice(0, 10) : text.replace(".000Z", "Z");
}

/** Names of files for sheets: letters, digits, `-`, `_` and `.`; each once, whatever its case. */
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
