import { printable } from "../../log/log.ts";

/**
 * Formats rows of text as aligned columns, two spaces apart, the last one unpadded. Columns of numbers are right-aligned.
 * Cells are {@link singleLine}s.
 */
export function formatTable(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(singleLine));
  const widths = header.map((title, i) => Math.max(title.length, ...clean.map((row) => row[i]?.length ?? 0)));
  const numeric = header.map(
    (_, i) => clean.length > 0 && clean.every((row) => /^-?[\d.]*$|^–$/.test(row[i] ?? "")),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, i) => {
        if (numeric[i]) return cell.padStart(widths[i] ?? 0);
        return i === header.length - 1 ? cell : cell.padEnd(widths[i] ?? 0);
      })
      .join("  ")
      .trimEnd();
  return `${[line(header), line(widths.map((width) => "─".repeat(width))), ...clean.map(line)].join("\n")}\n`;
}

/** Returns text of another party on one line, so that it cannot imitate a line of ours: line breaks and tabs become spaces. */
export function singleLine(text: string): string {
  return printable(text.replace(/\s*[\r\n\t]+\s*/g, " "));
}

/** Formats a point's value: null as a dash, text bare, the rest as JSON. */
export function formatValue(value: unknown): string {
  if (value === null || value === undefined) return "–";
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** `45 s`, `3 min`, `5 h`, `2 days` */
export function duration(seconds: number): string {
  if (seconds < 120) return `${Math.round(seconds)} s`;
  if (seconds < 2 * 3600) return `${Math.round(seconds / 60)} min`;
  return seconds < 2 * 86_400 ? `${Math.round(seconds / 3600)} h` : `${Math.round(seconds / 86_400)} days`;
}

/** `1 station`, `2 stations` */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}

export const MEGABYTE = 1024 ** 2;

/** `12 kB`, `3.4 MB` */
export function formatBytes(bytes: number): string {
  return bytes < MEGABYTE ? `${Math.ceil(bytes / 1024)} kB` : `${(bytes / MEGABYTE).toFixed(1)} MB`;
}
