import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { isWithin } from "../reload/bridge-files.ts";
import { DataLock, restoringMark } from "../storage/data-lock.ts";
import { syncFolder } from "../storage/sqlite.ts";
import { writeWholeFile } from "../storage/whole-file.ts";
import {
  type BackedUpFile,
  BackupError,
  type BackupFolder,
  contentOf,
  copyFile,
  type Manifest,
} from "./backup-folder.ts";
import { faultOf, newerFault } from "./verify.ts";

export interface RestoreOptions {
  readonly folder: BackupFolder;
  readonly manifest: Manifest;
  /** Folder below which all files are restored, laid out as they were; absent: each to where it was. */
  readonly to?: string;
  readonly signal: AbortSignal;
  onProgress(count: number, share: number): void;
}

export interface RestoreReport {
  readonly data: string;
  readonly config: string | null;
  readonly files: number;
  readonly bytes: number;
  /** Files that were there already, with the same content. */
  readonly unchanged: number;
}

interface Target extends BackedUpFile {
  readonly target: string;
}

/** Name of a file that is being restored, beside its place. */
const partOf = (target: string) => `${target}.part`;

/** Returns the backup of a name, the last one up to a time, or the last one. @throws {BackupError} */
export function chooseBackup(folder: BackupFolder, at: string | Date | undefined): Manifest {
  const names = folder.names();
  const last = names.at(-1);
  if (last === undefined) throw new BackupError(`${folder.path} has no complete backup`);
  if (at === undefined) return folder.read(last);
  if (typeof at === "string") {
    if (names.includes(at)) return folder.read(at);
    throw new BackupError(`${folder.path} has no backup ${at}; it has ${names.join(", ")}`);
  }
  const found = names.toReversed().find((name) => Date.parse(folder.read(name).created) <= at.getTime());
  if (found === undefined)
    throw new BackupError(
      `${folder.path} has no backup up to ${at.toISOString()}; the first one is ${names[0]}`,
    );
  return folder.read(found);
}

/**
 * Puts the files of a backup where they were, or below another folder; never replaces one. Until it has ended, a mark in the data folder
 * keeps bridges from starting there; run again after an interruption, it copies what is missing.
 * @throws {BackupError}
 */
export async function restore(options: RestoreOptions): Promise<RestoreReport> {
  const { folder, manifest, to, signal, onProgress } = options;
  const placeOf = (path: string) => (to === undefined ? path : resolve(to, relative(manifest.base, path)));
  const data = placeOf(manifest.data);
  const files = manifest.files.map((file): Target => ({ ...file, target: placeOf(file.path) }));
  const databases = files.filter(({ kind }) => kind === "database");
  const marked = [
    ...new Set([
      data,
      ...databases.map(({ target }) => dirname(target)).filter((one) => isWithin(data, one)),
    ]),
  ];
  for (const one of marked) {
    const conflict = DataLock.conflict(one);
    if (conflict) throw new BackupError(`${conflict.message}. Nothing was restored`, { cause: conflict });
  }
  const isGoingOn = existsSync(restoringMark(data));
  const others = existsSync(data)
    ? readdirSync(data).filter((name) => !/^lock\.(sqlite|json)$/.test(name))
    : [];
  if (!isGoingOn && others.length > 0)
    throw new BackupError(
      `data folder ${data} is not empty; move it away first (mv ${data} ${data}.old), or restore elsewhere with --to. Nothing was restored`,
    );
  const missing = await filesToCopy(folder, files, signal);

  const lock = DataLock.take(data, { restoring: true });
  try {
    const mark = JSON.stringify({ backup: manifest.name });
    for (const one of marked) {
      mkdirSync(one, { recursive: true, mode: 0o700 });
      await writeWholeFile(restoringMark(one), [`${mark}\n`]);
      syncFolder(restoringMark(one));
    }
    for (const [count, file] of missing.entries()) {
      signal.throwIfAborted();
      onProgress(count, count / missing.length);
      await putBack(folder, file, signal);
    }
    // Subfolders first: the data folder stays marked until all is done.
    for (const one of marked.toReversed()) {
      rmSync(restoringMark(one));
      syncFolder(restoringMark(one));
    }
  } catch (error) {
    if (error instanceof BackupError || signal.aborted) throw error;
    throw new BackupError(
      `cannot go on: ${(error as Error).message}. Correct that and run the same command again; it copies what is missing`,
      { cause: error },
    );
  } finally {
    lock.release();
  }
  return {
    ...{ data, config: manifest.config === null ? null : placeOf(manifest.config), files: missing.length },
    ...{
      bytes: missing.reduce((sum, { bytes }) => sum + bytes, 0),
      unchanged: files.length - missing.length,
    },
  };
}

/** Checks everything that can be checked before something is written. Returns the files that are not in their places yet. */
async function filesToCopy(
  folder: BackupFolder,
  files: readonly Target[],
  signal: AbortSignal,
): Promise<Target[]> {
  const missing: Target[] = [];
  const inTheWay: string[] = [];
  for (const file of files) {
    const { target, sha256, bytes, path } = file;
    if (!folder.has(file))
      throw new BackupError(
        `the copy of ${path} is missing; "voltbridge backup verify" lists what is wrong. Nothing was restored`,
      );
    const newer = newerFault(folder.object(sha256), file);
    if (newer !== undefined) throw new BackupError(`${path}: ${newer}. Nothing was restored`);
    for (const end of file.kind === "database" ? ["-wal", "-shm", "-mark"] : [])
      if (existsSync(target + end)) inTheWay.push(target + end);
    const stats = statSync(target, { throwIfNoEntry: false });
    if (!stats) missing.push(file);
    else if (!stats.isFile() || stats.size !== bytes || (await contentOf(target, signal)).sha256 !== sha256)
      inTheWay.push(target);
  }
  if (inTheWay.length === 0) return missing;
  const more = inTheWay.length > 5 ? `\nand ${inTheWay.length - 5} more` : "";
  throw new BackupError(
    `files with another content are in the way; move them away, or restore elsewhere with --to. Nothing was restored\n${inTheWay.slice(0, 5).join("\n")}${more}`,
  );
}

async function putBack(folder: BackupFolder, file: Target, signal: AbortSignal): Promise<void> {
  const { target, sha256, mode } = file;
  const part = partOf(target);
  makeFolders(dirname(target));
  rmSync(part, { force: true });
  await copyFile(folder.object(sha256), part, signal);
  // Read again, from the new place.
  const fault = await faultOf(part, file, signal);
  if (fault !== undefined) {
    rmSync(part);
    throw new BackupError(
      `${file.path} cannot be restored: ${fault}. Choose another backup with --at, and move away what this one has restored`,
    );
  }
  chmodSync(part, mode);
  renameSync(part, target);
  syncFolder(target);
}

/** Makes folders so that they survive a power cut. */
function makeFolders(folder: string): void {
  const made = mkdirSync(folder, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  for (let at = folder; at.length >= made.length; at = dirname(at)) syncFolder(join(at));
}
