import type { Command } from "commander";
import { DataFolderInUseError, DataLock } from "../../devices/index.ts";
import { type Historian, openHistorian, type StoredFile } from "../../historian/index.ts";
import { timeOf } from "../../historian/time.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { counted, formatBytes, formatTable } from "../terminal/table.ts";
import { printJson, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { type StoreFlags, storeErrors, storeOptions, storeSettings, withHistorian } from "./history-store.ts";

/** A file with what is wrong with it. */
interface Fault {
  readonly path: string;
  readonly day?: string;
  readonly fault: string;
}

export function historyFiles(group: Command, terminal: Terminal): void {
  storeOptions(
    group
      .command("verify")
      .description(
        "Read all files of the embedded store, and name the damaged ones; works while the bridge runs.",
      ),
  ).action((flags: StoreFlags) =>
    withHistorian(flags, terminal, (historian) => verify(historian, flags, terminal)),
  );

  storeOptions(
    group
      .command("compact")
      .description("Close all days that are due, merge late values, and give free space back to the disk."),
  ).action((flags: StoreFlags) => storeErrors(() => compact(flags, terminal)));
}

async function verify(historian: Historian, flags: StoreFlags, terminal: Terminal): Promise<void> {
  const { ending } = terminal;
  const store = historian.backend.files;
  if (!store)
    throw new CommandError("this store has no files of its own; check it with the tools of its server");
  const files = await store.list(ending);
  const progress = new Progress(terminal);
  const faults: Fault[] = [];
  for (const [count, file] of files.entries()) {
    progress.show({ phase: "files", count, share: count / files.length });
    const fault = await store.check(file, ending);
    if (fault !== undefined)
      faults.push({ path: file.path, ...(file.day !== undefined && { day: file.day }), fault });
  }
  const others = await store.others(ending);
  terminal.progress();
  if (flags.json) printJson(terminal, { ...totals(files), faults, others });
  else {
    // No table: paths are longer than a screen is wide.
    for (const { day = "recent days", fault } of faults) terminal.out(`${day}: ${fault}\n`);
    for (const path of others)
      terminal.out(`${path} is not part of the history; "voltbridge history import" stores its values\n`);
    const { days, values, bytes } = totals(files);
    terminal.out(
      `${counted(days, "closed day")} with ${counted(values, "value")} in ${formatBytes(bytes)}: ${counted(faults.length, "fault")}\n`,
    );
  }
  if (faults.length > 0)
    throw new CommandError(
      "the days with faults are left out of answers; restore their files from a backup, the others are not affected",
      EXIT.failed,
    );
}

function totals(files: readonly StoredFile[]): { days: number; values: number; bytes: number } {
  const days = files.filter(({ day }) => day !== undefined);
  return {
    days: days.length,
    values: days.reduce((sum, { rows = 0 }) => sum + rows, 0),
    bytes: days.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

async function compact(flags: StoreFlags, terminal: Terminal): Promise<void> {
  const { ending } = terminal;
  const { settings, folder } = storeSettings(flags, terminal);
  const lock = lockOf(folder);
  try {
    const log = terminalLog(terminal, flags, terminal.secrets);
    const historian = await openHistorian(settings, folder, { readonly: false, log });
    try {
      const { upkeep, files } = historian.backend;
      if (!upkeep || !files)
        throw new CommandError("this store has no closed days; its server looks after its files");
      await historian.backend.open(ending);
      const before = await files.list(ending);
      const progress = new Progress(terminal);
      const failed: string[] = [];
      for (let count = 0, more = true; more; count++) {
        progress.show({ phase: "steps", count });
        try {
          more = await upkeep.work({ now: timeOf(historian.now()), thorough: true }, ending);
        } catch (error) {
          ending.throwIfAborted();
          failed.push((error as Error).message);
          // A day that failed is not tried again at once.
          more = failed.at(-1) !== failed.at(-2);
        }
      }
      const after = await files.list(ending);
      terminal.progress();
      if (flags.json) printJson(terminal, { before: sizes(before), after: sizes(after), failed });
      else
        terminal.out(
          formatTable(
            ["", "closed days", "their files", "recent days"],
            [
              ["before", ...cells(before)],
              ["after", ...cells(after)],
            ],
          ),
        );
      if (failed.length > 0) throw new CommandError(failed.join("\n"), EXIT.failed);
    } finally {
      await historian.close();
    }
  } finally {
    lock.release();
  }
}

function lockOf(folder: string): DataLock {
  try {
    return DataLock.take(folder);
  } catch (error) {
    if (!(error instanceof DataFolderInUseError)) throw error;
    throw new CommandError(
      `${error.message}. A running bridge closes days and merges late values by itself; only free space waits for this command`,
      EXIT.failed,
      { cause: error },
    );
  }
}

function sizes(files: readonly StoredFile[]): { days: number; bytes: number; recentBytes: number } {
  const { days, bytes } = totals(files);
  return { days, bytes, recentBytes: files.find(({ day }) => day === undefined)?.bytes ?? 0 };
}

function cells(files: readonly StoredFile[]): string[] {
  const { days, bytes, recentBytes } = sizes(files);
  return [String(days), formatBytes(bytes), formatBytes(recentBytes)];
}
