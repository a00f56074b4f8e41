import { printable } from "./log/log.ts";

/**
 * One cell of every CSV file that is written (RFC 4180): numbers bare, nothing for null, objects as JSON. Text that a
 * spreadsheet could take for a formula gets a `'` in front; what could make a terminal do something else is escaped.
 */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return quoted(JSON.stringify(value));
  if (typeof value !== "string") return String(value);
  const text = printable(value);
  return quoted(looksLikeFormula(text) && !NUMBER.test(text) ? `'${text}` : text);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Whether a spreadsheet could take text for a formula. */
export function looksLikeFormula(text: string): boolean {
  return /^([\t\r\n]|[\s\ufffd]*[=+\-@＝＋－＠])/.test(text);
}

/** One line of such a file. */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map(csvCell).join(",")}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
