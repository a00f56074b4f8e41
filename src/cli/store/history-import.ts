import { existsSync } from "node:fs";
import { type Command, InvalidArgumentError } from "commander";
import {
  Checkpoint,
  type Historian,
  HistorianError,
  ImportError,
  type ImportReport,
  importFile,
  Naming,
  openHistorian,
  type Topic,
} from "../../historian/index.ts";
import { formatTime, parseTime } from "../../historian/time.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { counted, formatTable, singleLine } from "../terminal/table.ts";
import { printJson, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { TIMES } from "../terminal/time-argument.ts";
import { type StoreFlags, storeErrors, storeOptions, storeSettings } from "./history-store.ts";

interface Flags extends StoreFlags {
  readonly pattern?: string;
  readonly start?: string;
  readonly end?: string;
  readonly replace?: readonly Replacement[];
  readonly ignoreUnits?: true;
  readonly restart?: true;
  readonly dryRun?: true;
}

interface Replacement {
  readonly from: string;
  readonly to: string;
}

/** Time between two lines of progress where standard error is not a screen, in milliseconds. */
const LINE_EVERY_MS = 10_000;

export function historyImport(group: Command, terminal: Terminal): void {
  storeOptions(
    group
      .command("import")
      .description(
        "Store the values of files: VOLTTRON's SQLite historian, CSV, Parquet. Can be interrupted.",
      ),
  )
    .argument("<file...>", "files of any of these kinds")
    .option("--pattern <regex>", "only topics in whose names this regular expression is found")
    .option("--start <time>", `only values at or after this time: ${TIMES}`)
    .option("--end <time>", "only values before this time")
    .option("--replace <from=to>", "replace a part of the names of topics; may be repeated", replacement)
    .option("--ignore-units", "import values whose units differ from those in the store")
    .option("--restart", "begin anew instead of where an earlier import ended")
    .option("--dry-run", "read and count, and store nothing")
    .action((files: string[], flags: Flags) => storeErrors(() => run(files, flags, terminal)));
}

function replacement(text: string, before: readonly Replacement[] = []): readonly Replacement[] {
  const cut = text.indexOf("=");
  if (cut < 1) throw new InvalidArgumentError("expected <from>=<to>");
  return [...before, { from: text.slice(0, cut), to: text.slice(cut + 1) }];
}

async function run(files: readonly string[], flags: Flags, terminal: Terminal): Promise<void> {
  const { ending } = terminal;
  const { settings, folder } = storeSettings(flags, terminal);
  if (settings.readonly && !flags.dryRun)
    throw new CommandError("historian.readonly is set, so nothing can be imported", EXIT.configuration);
  for (const file of files)
    if (!existsSync(file)) throw new CommandError(`there is no file ${file}`, EXIT.usage);
  const { pattern, start, end, replace = [], ignoreUnits = false, dryRun = false } = flags;
  const now = new Date();
  const range = {
    ...(start !== undefined && { start: parseTime(start, now, "start") }),
    ...(end !== undefined && { end: parseTime(end, now, "end") }),
  };
  const naming = new Naming({ topicReplaceList: replace, deviceDataFilter: {} });
  const log = terminalLog(terminal, flags, terminal.secrets);
  const historian = await openHistorian(settings, folder, { readonly: false, log });
  const { backend } = historian;
  const reports: ImportReport[] = [];
  try {
    if (!dryRun) await backend.open(ending);
    for (const file of files) {
      if (ending.aborted) break;
      const what = [settings.backend, settings.connection, pattern, range, replace, ignoreUnits];
      const progress = new Progress(terminal, LINE_EVERY_MS);
      let waits = "";
      const report = await importFile(file, {
        ...(!dryRun && {
          into: { backend, checkpoint: await Checkpoint.of(file, folder, what, flags.restart ?? false) },
        }),
        topics: dryRun ? await topicsIfAny(historian, terminal) : await backend.topics(undefined, ending),
        ...(pattern !== undefined && { pattern }),
        ...range,
        rename: (topic) => naming.rename(topic),
        ignoreUnits,
        signal: ending,
        onProgress: (step) => progress.show({ phase: "values", ...step }),
        onWait(reason) {
          if (reason !== waits) terminal.err(`waiting for the store: ${reason}\n`);
          waits = reason;
        },
      });
      reports.push(report);
    }
  } catch (error) {
    if (error instanceof ImportError) throw new CommandError(error.message, EXIT.failed, { cause: error });
    throw error;
  } finally {
    await historian.close();
    terminal.progress();
    if (reports.length > 0) print(reports, flags, terminal);
  }
  if (ending.aborted)
    throw new CommandError("interrupted; the same command goes on where it ended", EXIT.failed);
  if (reports.some(({ rejected }) => rejected.length > 0))
    throw new CommandError("some rows were left out; the reasons are listed above", EXIT.failed);
}

/** Returns the topics of a store that may not exist yet. */
async function topicsIfAny({ backend }: Historian, terminal: Terminal): Promise<readonly Topic[]> {
  try {
    return await backend.topics(undefined, terminal.ending);
  } catch (error) {
    if (!(error instanceof HistorianError) || error.kind !== "retry") throw error;
    terminal.err(`units are not compared with the store: ${error.message}\n`);
    return [];
  }
}

function print(reports: readonly ImportReport[], flags: Flags, terminal: Terminal): void {
  if (flags.json) {
    const text = (time: number | undefined) => (time === undefined ? null : formatTime(time));
    printJson(
      terminal,
      reports.map(({ first, last, ...report }) => ({ ...report, first: text(first), last: text(last) })),
    );
    return;
  }
  const rows = reports.map(({ file, topics, values, first, last, outside, rejected }) => [
    file,
    String(topics),
    String(values),
    second(first),
    second(last),
    String(outside),
    String(rejected.reduce((sum, { rows }) => sum + rows, 0)),
  ]);
  terminal.out(formatTable(["file", "topics", "values", "first", "last", "out of range", "rejected"], rows));
  for (const { file, resumedAt, complete, values, rejected } of reports) {
    if (complete && resumedAt > 0 && values === 0 && rejected.length === 0)
      terminal.out(`${file}: was imported already; --restart imports it again\n`);
    else if (resumedAt > 0)
      terminal.out(`${file}: resumed after ${counted(resumedAt, "row")}; the figures are of this part\n`);
    for (const { reason, rows, at, found } of rejected)
      terminal.out(
        `${file}: ${counted(rows, "row")} rejected: ${singleLine(reason)}; first at ${singleLine(at)}${found === undefined ? "" : `: ${JSON.stringify(found.slice(0, 100))}`}\n`,
      );
  }
  if (flags.dryRun) terminal.out("nothing was stored (--dry-run)\n");
}

/** Formats a time to the second; a dash without one. */
function second(time: number | undefined): string {
  return time === undefined ? "–" : `${formatTime(time).slice(0, 19)}Z`;
}
