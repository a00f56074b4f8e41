import { relative } from "node:path";
import type { DiagnosticCode } from "./diagnostic-codes.ts";

/** A problem in a config or registry file, with its place and its remedy. Lines and columns start at 1. */
export interface Diagnostic {
  readonly code: DiagnosticCode;
  /** `note`: nothing is wrong; reported by `check` only. */
  readonly severity: "error" | "warning" | "note";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Cell of a CSV as a spreadsheet names it, e.g. `J8`. */
  readonly cell?: string;
  /** Path in the document, e.g. `driver_config.stationID`, or the header of the CSV column. */
  readonly path?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

/**
 * Formats a diagnostic as one line: `file:line:column: error [code] path: message; found …, expected …; did you mean "…"?`, with
 * the cell before the path for a CSV. Files below `folder` are named relative to it.
 */
export function formatDiagnostic(d: Diagnostic, folder?: string): string {
  return `${oneLine(shortPath(d.file, folder))}:${d.line}:${d.column}: ${d.severity} [${d.code}] ${diagnosticText(d)}`;
}

/** Returns a diagnostic as one line, without file, line, severity and code. */
export function diagnosticText(d: Diagnostic): string {
  const details = [
    d.found === undefined ? undefined : `found ${d.found}`,
    d.expected === undefined ? undefined : `expected ${d.expected}`,
  ].filter((part) => part !== undefined);
  const place = [d.cell, d.path].filter((part) => part).join(" ");
  const text = [
    `${place === "" ? "" : `${place}: `}${d.message}`,
    details.length > 0 ? `; ${details.join(", ")}` : "",
    d.suggestion === undefined ? "" : `; did you mean "${d.suggestion}"?`,
  ].join("");
  return oneLine(text);
}

function oneLine(text: string): string {
  return text.replace(/[\r\n]+/g, " ");
}

/** Returns the path of a file relative to a folder that contains it; else the path itself. */
export function shortPath(file: string, folder: string | undefined): string {
  const short = folder === undefined ? file : relative(folder, file);
  return short.startsWith("..") ? file : short;
}

/** Sorts by file, line and column; diagnostics of the same place keep their order. */
export function sortDiagnostics(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return [...diagnostics].sort((a, b) => compare(a.file, b.file) || a.line - b.line || a.column - b.column);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

export function hasErrors(diagnostics: readonly Diagnostic[]): boolean {
  return diagnostics.some((d) => d.severity === "error");
}

/** Turns warnings into errors, for `--strict`; notes stay notes. */
export function strict(diagnostics: readonly Diagnostic[]): Diagnostic[] {
  return diagnostics.map((d) => (d.severity === "warning" ? { ...d, severity: "error" } : d));
}
