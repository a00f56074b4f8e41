import { type Diagnostic, formatDiagnostic, hasErrors, shortPath } from "../../../config/index.ts";
import { counted } from "../../terminal/table.ts";
import { countErrors, countsText } from "../diagnostics.ts";
import type { Finding } from "./site.ts";

/** Codes of problems of secrets, which have a check of their own. */
const SECRETS = new Set([
  "unreadable_secret",
  "empty_secret",
  "bad_secret",
  "missing_variable",
  "secret_in_clear",
  "secret_readable",
  "secret_in_url",
  "sent_in_clear",
]);
/** Maximum number of secrets that are listed. */
const MOST_LISTED = 5;

/** Configs and registries, as `voltbridge check` sees them; `devices` were loaded. */
export function checkFiles(file: string, devices: number, diagnostics: readonly Diagnostic[]): Finding[] {
  const check = "files";
  const others = diagnostics.filter(({ code }) => !SECRETS.has(code));
  const first = others.find(({ severity }) => severity === "error") ?? others[0];
  const name = shortPath(file, process.cwd());
  const besides =
    others.length < diagnostics.length ? "no problems besides the secrets" : "no problems found";
  if (!first)
    return [
      { check, outcome: "ok", text: `${name} and ${counted(devices, "usable device config")}: ${besides}` },
    ];
  const text = `${countsText(others)}${others.length > 1 ? ", the first" : ""}: ${formatDiagnostic(first, process.cwd())}`;
  return [
    {
      ...{ check, outcome: hasErrors(others) ? "failed" : "warning", text },
      remedy: '"voltbridge check" lists all of them',
    },
  ];
}

/** Passwords and keys: readable, set, and not readable by others. */
export function checkSecrets(diagnostics: readonly Diagnostic[]): Finding[] {
  const check = "secrets";
  const found = diagnostics.filter(({ code }) => SECRETS.has(code));
  if (found.length === 0)
    return [{ check, outcome: "ok", text: "all are set, can be read, and are hidden from other users" }];
  const sorted = [...found].sort((a, b) => countErrors([b]) - countErrors([a]));
  const more = sorted.length - MOST_LISTED;
  return sorted.slice(0, MOST_LISTED).map((problem, i) => ({
    ...{ check, outcome: problem.severity === "error" ? ("failed" as const) : ("warning" as const) },
    text: formatDiagnostic(problem, process.cwd()),
    ...(i === MOST_LISTED - 1 && more > 0 && { remedy: `"voltbridge check" lists ${more} more` }),
    ...(problem.code === "missing_variable" && {
      remedy:
        "set it in the environment of the bridge too: a service does not have the variables of this shell",
    }),
  }));
}
