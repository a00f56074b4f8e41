import { type Diagnostic, formatDiagnostic, hasErrors } from "../../config/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** Formats problems, one a line; paths of files below the working directory are relative to it. */
export function formatAll(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic, process.cwd())}\n`).join("");
}

/**
 * Prints problems to standard error.
 * @throws CommandError under `--strict`, when there is an error: nothing has been started then
 */
export function printDiagnostics(
  terminal: Terminal,
  diagnostics: readonly Diagnostic[],
  isStrict: boolean,
): void {
  terminal.err(formatAll(diagnostics));
  if (isStrict && hasErrors(diagnostics)) {
    throw new CommandError("not started: --strict treats every warning as an error", EXIT.configuration);
  }
}

export function countErrors(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter(({ severity }) => severity === "error").length;
}

/** `3 errors, 1 warning` */
export function countsText(diagnostics: readonly Diagnostic[]): string {
  if (diagnostics.length === 0) return "no problems found";
  const errors = countErrors(diagnostics);
  return `${counted(errors, "error")}, ${counted(diagnostics.length - errors, "warning")}`;
}
