/** A problem of a file that somebody wrote, with its place and what to do about it. Lines and columns from 1. */
export interface Diagnostic {
  /** Stable word, e.g. `unknown_key`, `bad_type`, `duplicate_point`. Tests and editors rely on it. */
  readonly code: string;
  readonly severity: "error" | "warning";
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Where in the document, e.g. `driver_config.stationID`, or the CSV column's header. */
  readonly path?: string;
  readonly message: string;
  readonly found?: string;
  readonly expected?: string;
  readonly suggestion?: string;
}

/** `file:line:column: error [code] path: message; found …, expected …; did you mean "…"?` */
export function formatDiagnostic(d: Diagnostic): string {
  const details = [
    d.found === undefined ? undefined : `found ${d.found}`,
    d.expected === undefined ? undefined : `expected ${d.expected}`,
  ].filter((part) => part !== undefined);
  return [
    `${d.file}:${d.line}:${d.column}: ${d.severity} [${d.code}]${d.path ? ` ${d.path}:` : ""} ${d.message}`,
    details.length > 0 ? `; ${details.join(", ")}` : "",
    d.suggestion === undefined ? "" : `; did you mean "${d.suggestion}"?`,
  ].join("");
}
