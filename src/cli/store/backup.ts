import { resolve } from "node:path";
import type { Command } from "commander";
import { backUp, isOfSystem } from "../../backup/back-up.ts";
import { BackupError, BackupFolder } from "../../backup/backup-folder.ts";
import { chooseBackup, restore as restoreBackup } from "../../backup/restore.ts";
import { type BackupFault, verifyBackups } from "../../backup/verify.ts";
import { messageOf } from "../../log/log.ts";
import { readBridge } from "../../reload/bridge-files.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { Progress } from "../terminal/progress.ts";
import { counted, formatBytes, formatTable, MEGABYTE } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { TIMES, timeArgument } from "../terminal/time-argument.ts";
import { packageVersion } from "../terminal/version.ts";

const NAME = /^\d{6,}-/;

interface Flags {
  readonly json?: true;
}

interface BackupFlags extends Flags {
  readonly config?: string;
  readonly data?: string;
  readonly keep?: number;
}

interface RestoreFlags extends Flags {
  readonly at?: string;
  readonly to?: string;
}

export function backup(program: Command, terminal: Terminal): void {
  const group = program
    .command("backup")
    .description(
      "Back up the data folder, configs and registries into a folder; works while the bridge runs.",
    )
    .argument("<folder>", "folder of the backups, outside the data folder; it is created")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--data <folder>", "data folder (default: the bridge config's)")
    .option("--keep <number>", "number of backups to keep (default: all)", numberOption({ min: 1 }))
    .option("--json", "print JSON")
    .action((folder: string, flags: BackupFlags) => backupErrors(() => make(folder, flags, terminal)));

  group
    .command("verify")
    .description("List the backups of a folder, read every file of them, and name what is wrong.")
    .argument("<folder>", "folder of the backups")
    .option("--at <backup>", `only one: its name, or the last one up to a time: ${TIMES}`)
    .option("--json", "print JSON")
    // Both commands have --json, and the group takes it.
    .action((folder: string, _: RestoreFlags, command: Command) =>
      backupErrors(() => verify(folder, command.optsWithGlobals<RestoreFlags>(), terminal)),
    );
}

export function restore(program: Command, terminal: Terminal): void {
  program
    .command("restore")
    .description("Put the files of a backup back where they were; never replaces a file.")
    .argument("<folder>", "folder of the backups")
    .option(
      "--at <backup>",
      `a backup's name, or the last one up to a time: ${TIMES} (default: the last one)`,
    )
    .option("--to <folder>", "restore below this folder, laid out as it was")
    .option("--json", "print JSON")
    .action((folder: string, flags: RestoreFlags) => backupErrors(() => putBack(folder, flags, terminal)));
}

async function make(folder: string, flags: BackupFlags, terminal: Terminal): Promise<void> {
  const load = { config: flags.config, secrets: terminal.secrets, env: terminal.env };
  const { settings: loaded } = loadSettings(load);
  const settings = flags.data === undefined ? loaded : { ...loaded, data: resolve(flags.data) };
  const progress = new Progress(terminal);
  const { manifest, copiedBytes, removed, keptAll } = await backUp({
    ...{ settings, load, folder, version: packageVersion(), signal: terminal.ending },
    ...(flags.keep !== undefined && { keep: flags.keep }),
    onProgress: (phase, count, share) => progress.show({ phase, count, share }),
  });
  terminal.progress();
  const { name, files, leftOut } = manifest;
  const bytes = sum(files);
  if (flags.json) printJson(terminal, { name, files: files.length, bytes, copiedBytes, removed, leftOut });
  else {
    for (const { path, why } of leftOut) terminal.out(`left out: ${path}: ${why}\n`);
    terminal.out(
      `${name}: ${counted(files.length, "file")}, ${formatBytes(bytes)}, of which ${formatBytes(copiedBytes)} copied now\n`,
    );
    if (removed.length > 0) terminal.out(`removed ${removed.join(", ")}\n`);
  }
  if (keptAll !== undefined)
    throw new CommandError(`the backup is complete, but old ones were not removed: ${keptAll}`);
  if (leftOut.some(({ provided }) => !provided))
    throw new CommandError(
      `the backup is complete except for what is left out (${counted(leftOut.length, "file")})`,
    );
}

async function verify(path: string, { at, json }: RestoreFlags, terminal: Terminal): Promise<void> {
  const folder = BackupFolder.open(resolve(path));
  const names = at === undefined ? folder.names() : [chooseBackup(folder, backupOf(at)).name];
  if (names.length === 0)
    throw new CommandError(`${folder.path} has no complete backup; run "voltbridge backup ${path}"`);
  const progress = new Progress(terminal);
  const checked = await verifyBackups(folder, names, {
    signal: terminal.ending,
    onProgress: (count, share) => progress.show({ phase: "files", count, share }),
  });
  terminal.progress();
  const faults = checked.flatMap((one): readonly BackupFault[] => one.faults);
  if (json)
    printJson(
      terminal,
      checked.map(({ name, manifest, faults: own }) => ({
        name,
        ...(manifest && {
          created: manifest.created,
          instance: manifest.instance,
          voltbridge: manifest.voltbridge,
        }),
        ...(manifest && { files: manifest.files.length, bytes: sum(manifest.files) }),
        faults: own,
      })),
    );
  else {
    for (const { name, path: file, fault } of faults)
      terminal.out(`${name}: ${file === undefined ? "" : `${file}: `}${fault}\n`);
    terminal.out(
      formatTable(
        ["backup", "created", "files", "MB", "faults"],
        checked.map(({ name, manifest, faults: own }) => [
          ...[name, manifest?.created ?? "–", String(manifest?.files.length ?? "–")],
          ...[manifest ? (sum(manifest.files) / MEGABYTE).toFixed(1) : "–", String(own.length)],
        ]),
      ),
    );
  }
  if (faults.length > 0)
    throw new CommandError(
      `${counted(faults.length, "fault")}; run "voltbridge backup" again while the bridge still has its data: it copies what is missing`,
    );
}

async function putBack(path: string, { at, to, json }: RestoreFlags, terminal: Terminal): Promise<void> {
  const folder = BackupFolder.open(resolve(path));
  const manifest = chooseBackup(folder, at === undefined ? undefined : backupOf(at));
  const progress = new Progress(terminal);
  const done = await restoreBackup({
    ...{ folder, manifest, signal: terminal.ending },
    ...(to !== undefined && { to: resolve(to) }),
    onProgress: (count, share) => progress.show({ phase: "files", count, share }),
  });
  terminal.progress();
  if (json) printJson(terminal, { name: manifest.name, ...done, leftOut: manifest.leftOut });
  else {
    for (const { path: file, why } of manifest.leftOut) terminal.out(`not in the backup: ${file}: ${why}\n`);
    terminal.out(
      `${manifest.name}: ${counted(done.files, "file")} restored (${formatBytes(done.bytes)}), ${done.unchanged} already there\n`,
    );
    terminal.out(`data folder ${done.data}\n`);
    if (done.config !== null) terminal.out(`bridge config ${done.config}\n`);
  }
  if (to === undefined || done.config === null) return;
  const { settings } = readBridge(done.config, { secrets: terminal.secrets, env: terminal.env });
  if (settings?.data !== done.data)
    terminal.err(
      settings
        ? `the restored config names the data folder ${settings.data}; start the bridge with "data" set to ${done.data}\n`
        : `the restored config cannot be used yet; "voltbridge check --config ${done.config}" says why\n`,
    );
}

function backupOf(text: string): string | Date {
  try {
    return NAME.test(text) ? text : timeArgument(text);
  } catch (error) {
    throw new CommandError(`--at ${text}: expected a backup's name or a time (${TIMES})`, EXIT.usage, {
      cause: error,
    });
  }
}

async function backupErrors(run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    if (error instanceof BackupError) throw new CommandError(error.message, EXIT.failed, { cause: error });
    if (isOfSystem(error))
      throw new CommandError(
        `cannot go on: ${messageOf(error)}. Check that the disk is mounted, then run the command again`,
        EXIT.failed,
        { cause: error },
      );
    throw error;
  }
}

function sum(files: readonly { readonly bytes: number }[]): number {
  return files.reduce((all, { bytes }) => all + bytes, 0);
}
