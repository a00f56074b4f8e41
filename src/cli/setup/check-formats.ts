import { pathToFileURL } from "node:url";
import {
  DIAGNOSTIC_CODES,
  type Diagnostic,
  diagnosticText,
  formatDiagnostic,
  shortPath,
} from "../../config/index.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { packageVersion } from "../terminal/version.ts";
import { countAll, countsText } from "./diagnostics.ts";

/** The output formats of `check`; each prints all problems, sorted. */
export const FORMATS: Readonly<Record<string, (terminal: Terminal, found: readonly Diagnostic[]) => void>> = {
  text(terminal, found) {
    terminal.out(`${folded(found).join("")}${countsText(found)}\n`);
  },
  json(terminal, found) {
    printJson(terminal, { ...countAll(found), diagnostics: found });
  },
  sarif(terminal, found) {
    printJson(terminal, sarif(found));
  },
  github(terminal, found) {
    terminal.out(`${found.map((one) => `${annotation(one)}\n`).join("")}${countsText(found)}\n`);
  },
};

/** Number of problems of one kind that are printed each on a line of its own. */
const MOST_ALIKE = 5;
/** Maximum number of further places named for problems of one kind. */
const MOST_PLACES = 8;

/**
 * Formats problems as lines. More than a few of one code in one column of a file, or of one message at one setting of any files, are
 * one line: the first of them, and the places of the others.
 */
function folded(found: readonly Diagnostic[]): string[] {
  const folder = process.cwd();
  const kindOf = ({ severity, code, path, cell, file, message }: Diagnostic) =>
    JSON.stringify([severity, code, path, cell === undefined ? message : file]);
  const kinds = Map.groupBy(found, kindOf);
  return found.flatMap((one) => {
    const line = formatDiagnostic(one, folder);
    const alike = kinds.get(kindOf(one))!;
    if (alike.length <= MOST_ALIKE) return [`${line}\n`];
    if (one !== alike[0]) return [];
    const others = alike.slice(1);
    const places = others.slice(0, MOST_PLACES).map((other) => {
      const place = other.cell ?? `${shortPath(other.file, folder)}:${other.line}`;
      return other.found === undefined || other.found === one.found ? place : `${place} ${other.found}`;
    });
    if (others.length > MOST_PLACES) places.push("…");
    return [`${line} (and ${others.length} more: ${places.join(", ")})\n`];
  });
}

/** Returns the problems as a SARIF log, version 2.1.0. */
function sarif(found: readonly Diagnostic[]): object {
  const codes = [...new Set(found.map(({ code }) => code))].sort();
  const folder = process.cwd();
  return {
    $schema: "https://json.schemastore.org/sarif-2.1.0.json",
    version: "2.1.0",
    runs: [
      {
        tool: {
          driver: {
            name: "voltbridge",
            version: packageVersion(),
            rules: codes.map((id) => ({ id, shortDescription: { text: DIAGNOSTIC_CODES[id] } })),
          },
        },
        columnKind: "utf16CodeUnits",
        originalUriBaseIds: { "%SRCROOT%": { uri: pathToFileURL(`${folder}/`).href } },
        results: found.map((one) => ({
          ruleId: one.code,
          ruleIndex: codes.indexOf(one.code),
          level: one.severity,
          message: { text: diagnosticText(one) },
          locations: [
            {
              physicalLocation: {
                artifactLocation: artifact(one.file, folder),
                region: { startLine: one.line, startColumn: one.column },
              },
              ...(one.path ? { logicalLocations: [{ fullyQualifiedName: one.path }] } : {}),
            },
          ],
        })),
      },
    ],
  };
}

/** Names a file of the working directory relative to it, as code scanning services need it. */
function artifact(file: string, folder: string): { uri: string; uriBaseId?: string } {
  const short = shortPath(file, folder);
  if (short === file) return { uri: pathToFileURL(file).href };
  return { uri: short.split(/[\\/]/).map(encodeURIComponent).join("/"), uriBaseId: "%SRCROOT%" };
}

const ANNOTATIONS = { error: "error", warning: "warning", note: "notice" } as const;

/** Returns a workflow command of GitHub Actions that annotates a line of a file. */
function annotation(one: Diagnostic): string {
  const { severity, code, file, line, column } = one;
  const properties = { file: shortPath(file, process.cwd()), line, col: column, title: code };
  const listed = Object.entries(properties).map(
    ([name, value]) => `${name}=${escapedProperty(String(value))}`,
  );
  return `::${ANNOTATIONS[severity]} ${listed.join(",")}::${escapedData(diagnosticText(one))}`;
}

function escapedProperty(text: string): string {
  return escapedData(text).replaceAll(":", "%3A").replaceAll(",", "%2C");
}

function escapedData(text: string): string {
  return text.replaceAll("%", "%25").replaceAll("\r", "%0D").replaceAll("\n", "%0A");
}
