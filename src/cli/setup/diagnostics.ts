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
  for (const diagnostic of diagnostics)
    if (diagnostic.severity !== "note")
      terminal.err(formatAll([diagnostic]), diagnostic.severity === "error" ? "error" : "warn");
  if (isStrict && hasErrors(diagnostics)) {
    throw new CommandError("not started: --strict treats every warning as an error", EXIT.configuration);
  }
}

export function countErrors(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter(({ severity }) => severity === "error").length;
}

/** `3 errors, 1 warning, 2 notes` */
export function countsText(diagnostics: readonly Diagnostic[]): string {
  const { errors, warnings, notes } = countAll(diagnostics);
  const problems =
    errors + warnings === 0
      ? "no problems found"
      : `${counted(errors, "error")}, ${counted(warnings, "warning")}`;
  return notes === 0 ? problems : `${problems}, ${counted(notes, "note")}`;
}

export function countAll(diagnostics: readonly Diagnostic[]) {
  const errors = countErrors(diagnostics);
  const notes = diagnostics.filter(({ severity }) => severity === "note").length;
  return { errors, warnings: diagnostics.length - errors - notes, notes };
}
