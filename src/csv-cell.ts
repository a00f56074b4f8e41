import { printable } from "./log/log.ts";

/**
 * Formats a cell of a CSV file (RFC 4180): numbers unquoted, null empty, objects as JSON. Text that a spreadsheet could interpret as a
 * formula gets a leading `'`; terminal control characters are escaped.
 */
export function csvCell(value: unknown): string {
  if (value === null || value === undefined) return "";
  if (typeof value === "object") return quoted(JSON.stringify(value));
  if (typeof value !== "string") return String(value);
  const text = printable(value);
  return quoted(looksLikeFormula(text) && !NUMBER.test(text) ? `'${text}` : text);
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Returns whether a spreadsheet could interpret text as a formula. */
export function looksLikeFormula(text: string): boolean {
  return /^([\t\r\n]|[\s\ufffd]*[=+\-@＝＋－＠])/.test(text);
}

/** Formats a line of a CSV file. */
export function csvLine(values: readonly unknown[]): string {
  return `${values.map(csvCell).join(",")}\r\n`;
}

function quoted(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
