import { closeSync, existsSync, fsyncSync, openSync, rmSync, statSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { backup } from "node:sqlite";
import { type BridgeSettings, realPath } from "../config/index.ts";
import { closedDays } from "../historian/stores/sqlite/days/catalogue.ts";
import { isWithin, type LoadOptions } from "../reload/bridge-files.ts";
import { Connection } from "../storage/sqlite.ts";
import { sqliteCode } from "../storage/sqlite-failure.ts";
import {
  type BackedUpFile,
  BackupError,
  BackupFolder,
  contentOf,
  copyFile,
  type LeftOut,
  type Manifest,
} from "./backup-folder.ts";
import { type Database, findSources, folderAbove } from "./sources.ts";

/** Pages copied before progress is shown and a signal is obeyed. */
const PAGES = 2048;
/** Number of copies of a history whose days are written again while they are copied. */
const TRIES = 5;
/** Results that say nothing about the disk: no result of SQLite, SQLITE_ERROR and SQLITE_MISUSE. */
const OF_PROGRAM = new Set([-1, 1, 21]);

export interface BackupOptions {
  readonly settings: BridgeSettings;
  readonly load: LoadOptions;
  readonly folder: string;
  /** Number of backups to keep; all by default. */
  readonly keep?: number;
  readonly version: string;
  readonly signal: AbortSignal;
  readonly now?: () => Date;
  onProgress(phase: string, count: number, share: number): void;
}

export interface BackupReport {
  readonly manifest: Manifest;
  /** Size of what was not in the folder before. */
  readonly copiedBytes: number;
  readonly removed: readonly string[];
  readonly keptAll?: string;
}

/**
 * Makes a backup beside a running bridge. @throws {BackupError}
 */
export async function backUp(options: BackupOptions): Promise<BackupReport> {
  const { settings, version, keep, now = () => new Date() } = options;
  const path = resolve(options.folder);
  if (!existsSync(settings.data))
    throw new BackupError(
      `there is no data folder ${settings.data}; "voltbridge run" creates it, and --data names another`,
    );
  try {
    for (const used of [settings.data, settings.devices, settings.registries])
      if (isWithin(realPath(used), realPath(path)))
        throw new BackupError(
          `${path} is inside ${used}, which is to be backed up; name a folder outside, best on another disk`,
        );
    const folder = await BackupFolder.openForWriting(path, settings.instance);
    try {
      const work = new Work(folder, options);
      await work.run();
      const { files, leftOut, config } = work;
      const all = [settings.data, ...files.map((file) => file.path)];
      const manifest = await folder.complete(
        {
          voltbridge: version,
          instance: settings.instance,
          data: settings.data,
          config,
          base: folderAbove(all),
          files,
          leftOut,
        },
        now(),
      );
      const report = { manifest, copiedBytes: work.copiedBytes };
      try {
        return { ...report, removed: folder.prune(keep) };
      } catch (error) {
        if (!(error instanceof BackupError)) throw error;
        return { ...report, removed: [], keptAll: error.message };
      }
    } catch (error) {
      // A full disk gets back what only this backup has; the next one needs it again.
      if (isFull(error)) makeRoom(folder);
      if (isOfSystem(error)) folder.checkThere();
      throw error;
    } finally {
      folder.close();
    }
  } catch (error) {
    throw explained(error, path);
  }
}

class Work {
  readonly files: BackedUpFile[] = [];
  readonly leftOut: LeftOut[] = [];
  config: string | null = null;
  copiedBytes = 0;
  readonly #folder: BackupFolder;
  readonly #options: BackupOptions;

  constructor(folder: BackupFolder, options: BackupOptions) {
    this.#folder = folder;
    this.#options = options;
  }

  async run(): Promise<void> {
    const { settings, load, signal } = this.#options;
    const sources = await findSources(settings, load);
    this.leftOut.push(...sources.leftOut);
    // Before the databases, so that little is left to copy after them, while days may be written again.
    for (const { file, history } of sources.databases)
      if (history !== undefined)
        await this.#days(file, file, history, []).catch((error) => {
          // Its copy reports it.
          if (!isUnreadable(error)) throw error;
        });
    for (const database of sources.databases)
      if (database.history === undefined) this.files.push(...(await this.#database(database)));
      else await this.#history(database, database.history);
    for (const file of sources.files) {
      signal.throwIfAborted();
      await this.#file(file);
    }
    this.config = sources.files.includes(settings.file) ? settings.file : null;
  }

  /** Copies a database with the files of its closed days. A day that was written again has another file: then the database is copied again. */
  async #history(database: Database, history: string): Promise<void> {
    for (let left = TRIES; left > 0; left--) {
      const [copy] = await this.#database(database);
      if (!copy) return;
      const files: BackedUpFile[] = [];
      const missed = await this.#days(this.#folder.object(copy.sha256), database.file, history, files);
      if (missed === undefined) {
        this.files.push(copy, ...files);
        return;
      }
    }
    throw new BackupError(
      `the closed days of ${database.file} changed during each of ${TRIES} attempts; run the backup again`,
    );
  }

  /**
   * Copies the files that a catalogue names. Returns the path of one that the history does not have any more; files that are missing
   * or damaged, though the history names them, are left out.
   */
  async #days(
    catalogue: string,
    live: string,
    history: string,
    files: BackedUpFile[],
  ): Promise<string | undefined> {
    const days = closedDays(catalogue);
    const leftOut: LeftOut[] = [];
    for (const [count, { path, sha256, bytes }] of days.entries()) {
      this.#options.signal.throwIfAborted();
      this.#options.onProgress("days", count, count / days.length);
      const file = join(history, path);
      const fault = this.#folder.has({ sha256, bytes }) ? undefined : await this.#day(file, sha256);
      if (fault === undefined) files.push({ path: file, kind: "day", bytes, sha256, mode: 0o600 });
      else if (closedDays(live).some((day) => day.path === path && day.sha256 === sha256))
        leftOut.push({ path: file, why: fault });
      else return path;
    }
    if (catalogue !== live) this.leftOut.push(...leftOut);
    return undefined;
  }

  /** Copies the file of a day. Returns what is wrong with it. */
  async #day(file: string, sha256: string): Promise<string | undefined> {
    const staged = this.#folder.stage();
    try {
      const content = await copyFile(file, staged, this.#options.signal);
      if (content.sha256 !== sha256) {
        rmSync(staged);
        return 'it is damaged (another checksum); "voltbridge history verify" says more';
      }
      this.#folder.keep(staged, content);
      this.copiedBytes += content.bytes;
      return undefined;
    } catch (error) {
      if (!isMissing(error, file)) throw error;
      return "it is missing";
    }
  }

  /** Copies a database. Returns none for a file that SQLite cannot read, which is left out. */
  async #database({ file, store }: Database): Promise<BackedUpFile[]> {
    const { signal, onProgress } = this.#options;
    const staged = this.#folder.stage();
    const mode = statSync(file).mode & 0o777;
    const name = basename(file);
    // SQLite reports no progress of a small file.
    signal.throwIfAborted();
    onProgress(name, 0, 0);
    try {
      await copyDatabase(file, staged, (done, all) => {
        signal.throwIfAborted();
        onProgress(name, done, done / all);
      });
    } catch (error) {
      if (!isUnreadable(error)) throw error;
      rmSync(staged);
      this.leftOut.push({ path: file, why: `it is damaged or not a database: ${(error as Error).message}` });
      return [];
    }
    const content = await contentOf(staged, signal);
    if (!this.#folder.has(content)) this.copiedBytes += content.bytes;
    this.#folder.keep(staged, content);
    return [{ path: file, kind: "database", store, ...content, mode }];
  }

  async #file(file: string): Promise<void> {
    const staged = this.#folder.stage();
    try {
      const mode = statSync(file).mode & 0o777;
      const content = await copyFile(file, staged, this.#options.signal);
      if (!this.#folder.has(content)) this.copiedBytes += content.bytes;
      this.#folder.keep(staged, content);
      this.files.push({ path: file, kind: "file", ...content, mode });
    } catch (error) {
      const { code, path } = error as NodeJS.ErrnoException;
      if (path !== file || (code !== "EACCES" && code !== "ENOENT")) throw error;
      if (code === "EACCES")
        this.leftOut.push({ path: file, why: "it cannot be read; run the backup as the user of the bridge" });
    }
  }
}

/**
 * Copies a database as of one moment. The read transaction makes it one: without it, SQLite's backup begins again with every write of the
 * bridge, and would not end. Its memory is that of two page caches. The copy has no write-ahead log, so that reading it changes nothing
 * beside it, and the same contents are the same bytes.
 */
async function copyDatabase(
  file: string,
  target: string,
  onPages: (done: number, all: number) => void,
): Promise<void> {
  closeSync(openSync(target, "wx", 0o600));
  const source = Connection.open(file, { readOnly: true });
  try {
    source.exec("BEGIN");
    source.get("SELECT 1 FROM sqlite_schema LIMIT 1");
    await backup(source.db, target, {
      rate: PAGES,
      progress: ({ totalPages, remainingPages }) => onPages(totalPages - remainingPages, totalPages),
    });
  } catch (error) {
    if (sqliteCode(error) !== 5) throw error;
    throw new BackupError(
      `${file} is locked: a bridge that was started on a full disk uses it alone. Make room and restart the bridge, then run the backup again`,
      { cause: error },
    );
  } finally {
    source.close();
  }
  const copy = Connection.open(target, {});
  copy.exec("PRAGMA journal_mode = DELETE");
  copy.close();
  const descriptor = openSync(target, "r");
  fsyncSync(descriptor);
  closeSync(descriptor);
}

function isMissing(error: unknown, file: string): boolean {
  const { code, path } = error as NodeJS.ErrnoException;
  return code === "ENOENT" && path === file;
}

/** Returns whether SQLite found a damaged file (SQLITE_CORRUPT) or one of another kind (SQLITE_NOTADB). */
function isUnreadable(error: unknown): boolean {
  return [11, 26].includes(sqliteCode(error));
}

function isFull(error: unknown): boolean {
  return ["ENOSPC", "EDQUOT"].includes((error as NodeJS.ErrnoException).code!) || sqliteCode(error) === 13;
}

/** Removes what only this backup has. A failure leaves it to the next backup: why this one failed is what matters. */
function makeRoom(folder: BackupFolder): void {
  try {
    folder.prune();
  } catch (error) {
    if (!(error instanceof BackupError) && !isOfSystem(error)) throw error;
  }
}

/** Returns whether files, disks or the network failed, not this program. */
export function isOfSystem(error: unknown): boolean {
  return typeof (error as NodeJS.ErrnoException).errno === "number" || !OF_PROGRAM.has(sqliteCode(error));
}

/** Adds to a failure of the backup folder what to do next. */
function explained(error: unknown, folder: string): unknown {
  if (error instanceof BackupError || !isOfSystem(error)) return error;
  const { code = "", message } = error as NodeJS.ErrnoException;
  const rest = "The bridge is not affected, and earlier backups are whole";
  if (isFull(error))
    return new BackupError(
      `the disk of ${folder} is full. ${rest}. Make room there (--keep removes old backups after a new one is complete), then run the backup again`,
      { cause: error },
    );
  if (code === "EACCES" || code === "EPERM")
    return new BackupError(
      `${message}; run the backup as a user who may read the data folder and write to ${folder}`,
      { cause: error },
    );
  return new BackupError(
    `cannot go on: ${message}. ${rest}. Check that the disk of ${folder} is mounted and may be written to, then run the backup again`,
    { cause: error },
  );
}
