import { type Diagnostic, formatDiagnostic, hasErrors } from "../../config/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";

/** A line each; files below the working directory are named from there. */
export function formatAll(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic, process.cwd())}\n`).join("");
}

/** Prints problems to standard error; under `--strict` an error ends the command before anything runs. */
export function tellDiagnostics(
  terminal: Terminal,
  diagnostics: readonly Diagnostic[],
  isStrict: boolean,
): void {
  terminal.err(formatAll(diagnostics));
  if (isStrict && hasErrors(diagnostics)) {
    throw new CommandError("not started: --strict turns every warning into an error", EXIT.configuration);
  }
}

export function countErrors(diagnostics: readonly Diagnostic[]): number {
  return diagnostics.filter(({ severity }) => severity === "error").length;
}

/** `3 errors, 1 warning` */
export function tally(diagnostics: readonly Diagnostic[]): string {
  if (diagnostics.length === 0) return "no problems found";
  const errors = countErrors(diagnostics);
  return `${counted(errors, "error")}, ${counted(diagnostics.length - errors, "warning")}`;
}
