import { constants, copyFileSync, existsSync, realpathSync, rmSync, statSync } from "node:fs";
import { chmod, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Command } from "commander";
import { readBounded, shortPath, unreadable } from "../../config/index.ts";
import { messageOf } from "../../log/log.ts";
import {
  type Change,
  excelText,
  type LinePair,
  MAX_FILE_BYTES,
  type Mended,
  mendRegistry,
  parseRegistry,
  strictText,
  UnmendableError,
} from "../../registry/index.ts";
import { replaceFile, writeWholeFile } from "../../storage/whole-file.ts";
import { countsText, formatAll } from "../setup/diagnostics.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { counted } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

interface Flags {
  readonly write?: true;
  readonly excel?: string;
  readonly decimalComma?: true;
  readonly json?: true;
}

export function fix(group: Command, terminal: Terminal): void {
  group
    .command("fix")
    .description(
      "Mend what a spreadsheet made of a registry, where that needs no guess. Shows a diff; writes nothing without --write.",
    )
    .argument("<file...>", "registry CSVs")
    .option("--write", "write the mended files; the earlier ones are kept beside them as .bak")
    .option("--excel <file>", "write a copy that Excel opens well, and leave the registry as it is")
    .option("--decimal-comma", "with --excel: numbers as 1,5, for Excel in countries that write them so")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      "\nExit code 1: something would change, needs your hand, or could not be read. With --write, only the last two.",
    )
    .action((files: string[], flags: Flags) => fixAll(files, flags, terminal));
}

/** One file's result, as `--json` prints it. */
interface Result {
  readonly file: string;
  readonly error?: string;
  readonly changes: Mended["changes"];
  readonly left: Mended["left"];
  /** The file written, and the copy of what it was. */
  readonly written?: string;
  readonly backup?: string;
}

async function fixAll(files: readonly string[], flags: Flags, terminal: Terminal): Promise<void> {
  checkFlags(files, flags);
  const results: Result[] = [];
  for (const file of files) results.push(await fixOne(file, flags, terminal));
  if (flags.json) printJson(terminal, results);
  const isDone = ({ error, changes, left }: Result) =>
    error === undefined && left.length === 0 && (changes.length === 0 || flags.write || flags.excel);
  if (!results.every(isDone)) throw new CommandError("", EXIT.failed);
}

function checkFlags(files: readonly string[], { write, excel, decimalComma }: Flags): void {
  if (decimalComma && excel === undefined)
    throw new CommandError("--decimal-comma is an option of --excel", EXIT.usage);
  if (excel === undefined) return;
  if (write) throw new CommandError("--write and --excel write different forms; use one of them", EXIT.usage);
  if (files.length > 1) throw new CommandError("--excel writes one file; name one registry", EXIT.usage);
  if (resolve(excel) === resolve(files[0]!))
    throw new CommandError("--excel writes a copy; give it a name of its own", EXIT.usage);
}

async function fixOne(file: string, flags: Flags, terminal: Terminal): Promise<Result> {
  const isText = !flags.json;
  let mended: Mended;
  try {
    mended = mendRegistry(read(file), file);
  } catch (error) {
    if (!(error instanceof UnmendableError)) throw error;
    if (isText) terminal.err(`voltbridge: ${error.message}\n`);
    return { file, error: error.message, changes: [], left: [] };
  }
  const { changes, left } = mended;
  if (isText) print(file, mended, flags, terminal);
  const written = await writeAsAsked(file, mended, flags).catch((error: unknown) => {
    throw new CommandError(`cannot write: ${messageOf(error)}; nothing was changed`, EXIT.failed, {
      cause: error,
    });
  });
  if (isText && written) {
    const kept = written.backup === undefined ? "" : `; the earlier file is ${written.backup}`;
    terminal.out(`written: ${written.written}${kept}\n`);
  }
  return { file, changes, left, ...written };
}

function read(file: string): Uint8Array {
  try {
    return readBounded(file, MAX_FILE_BYTES);
  } catch (error) {
    throw new UnmendableError(`${file}: ${unreadable(file, error).message}`);
  }
}

function print(file: string, mended: Mended, flags: Flags, terminal: Terminal): void {
  const { changes, left } = mended;
  if (flags.excel === undefined && changes.length > 0) {
    terminal.out(unifiedDiff(file, mended.lines));
    terminal.out(`\n${summary(changes)}`);
  }
  if (left.length > 0) terminal.out(`\n${counted(left.length, "cell")} to mend by hand:\n${formatAll(left)}`);
  const { diagnostics } = parseRegistry(Buffer.from(strictText(mended)), file);
  if (changes.length + left.length === 0) terminal.out(`${file}: nothing to mend\n`);
  if (diagnostics.length > 0)
    terminal.out(
      `\n${countsText(diagnostics)} left for you: voltbridge check ${shortPath(file, process.cwd())}\n`,
    );
}

async function writeAsAsked(
  file: string,
  mended: Mended,
  { write, excel, decimalComma }: Flags,
): Promise<{ written: string; backup?: string } | undefined> {
  if (excel !== undefined) {
    await writeWithMode(excel, excelText(mended, decimalComma === true), statSync(file).mode);
    return { written: excel };
  }
  if (!write || mended.changes.length === 0) return undefined;
  // A link stays one.
  const path = realpathSync(file);
  const backup = keep(path);
  try {
    await replaceFile(path, strictText(mended));
  } catch (error) {
    rmSync(backup, { force: true });
    throw error;
  }
  return { written: file, backup: shortPath(backup, process.cwd()) };
}

/** Writes a file that those may read who could read the earlier one: the bridge may run as another user. */
async function writeWithMode(path: string, text: string, mode: number): Promise<void> {
  await writeWholeFile(path, async (part) => {
    await writeFile(part, text);
    await chmod(part, mode & 0o777);
  });
}

/** Copies a file beside itself and returns the name of the copy. An earlier copy is kept. */
function keep(path: string): string {
  let copy = `${path}.bak`;
  for (let n = 2; existsSync(copy); n++) copy = `${path}.bak${n}`;
  copyFileSync(path, copy, constants.COPYFILE_EXCL);
  return copy;
}

const TITLES: Readonly<Record<Change["kind"], string>> = {
  encoding: "encoding",
  delimiter: "delimiter",
  line_ends: "line ends",
  empty: "left out",
  header: "column names",
  spaces: "spaces around cells",
  truth: "TRUE and FALSE",
  port: "ports",
  number: "numbers",
  formula: "formulas, which a spreadsheet would calculate",
  row_length: "short rows",
};
const MAX_LISTED = 4;

/** Lists the changes by kind, each kind with its first places. */
function summary(changes: readonly Change[]): string {
  const byKind = Map.groupBy(changes, ({ kind }) => kind);
  const writable = changes.filter(
    ({ header, from, to }) => header === "Writable" && to === "TRUE" && from.toUpperCase() !== "TRUE",
  );
  const lines = [...byKind].map(([kind, all]) => {
    const listed = all.slice(0, MAX_LISTED).map(changeText).join(", ");
    const more = all.length > MAX_LISTED ? `, and ${all.length - MAX_LISTED} more` : "";
    return `${TITLES[kind]}: ${listed}${more}\n`;
  });
  if (writable.length > 0) lines.push(`${counted(writable.length, "point")} more can be written then\n`);
  return lines.join("");
}

function changeText({ kind, cell, from, to }: Change): string {
  if (kind === "spaces" || kind === "row_length") return `row ${cell!.replace(/^[A-Z]+/, "")}`;
  const what = to === "" ? from : `${JSON.stringify(from)} → ${JSON.stringify(to)}`;
  return cell === undefined ? (to === "" ? from : `${from} → ${to}`) : `${cell} ${what}`;
}

/** Number of unchanged lines around a change. */
const CONTEXT = 3;

/** Formats changed lines as a unified diff; empty where only line ends and the encoding differ. */
function unifiedDiff(file: string, lines: readonly LinePair[]): string {
  const isChanged = ({ before, after }: LinePair) => before !== after;
  const hunks: { start: number; end: number }[] = [];
  for (const [i, line] of lines.entries()) {
    if (!isChanged(line)) continue;
    const last = hunks.at(-1);
    if (last && i - CONTEXT <= last.end) last.end = i + 1 + CONTEXT;
    else hunks.push({ start: Math.max(0, i - CONTEXT), end: i + 1 + CONTEXT });
  }
  if (hunks.length === 0) return "";
  const count = (from: number, to: number, side: keyof LinePair) => {
    let number = 0;
    for (let i = from; i < to && i < lines.length; i++) if (lines[i]![side] !== undefined) number++;
    return number;
  };
  const range = ({ start, end }: { start: number; end: number }, side: keyof LinePair) => {
    const size = count(start, end, side);
    return `${count(0, start, side) + (size > 0 ? 1 : 0)},${size}`;
  };
  const text = hunks.map((hunk) => {
    const part = lines.slice(hunk.start, hunk.end);
    return [`@@ -${range(hunk, "before")} +${range(hunk, "after")} @@`, ...linesOf(part)].join("\n");
  });
  return `--- ${file}\n+++ ${file} (mended)\n${text.join("\n")}\n`;
}

/** Lines of a hunk; of neighbouring changed lines, all earlier ones come first. */
function* linesOf(part: readonly LinePair[]): Generator<string> {
  let added: string[] = [];
  for (const { before, after } of part) {
    if (before === after) {
      yield* added;
      added = [];
      yield ` ${before}`;
      continue;
    }
    if (before !== undefined) yield `-${before}`;
    if (after !== undefined) added.push(`+${after}`);
  }
  yield* added;
}
