import {
  existsSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { hostname } from "node:os";
import { dirname, join } from "node:path";
import { Connection, makeFile, OpenFile } from "./sqlite.ts";
import { sqliteCode } from "./sqlite-failure.ts";

/** Another bridge uses this data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = "DataFolderInUseError";
  /** Process id of the owner, if known. */
  readonly pid: number | undefined;

  constructor(folder: string, pid: number | undefined, owner: Owner | undefined) {
    const signed = owner !== undefined && owner.pid === pid;
    const who = signed
      ? `process ${pid} on ${owner.host}, running since ${owner.since}`
      : pid === undefined
        ? "another process"
        : `process ${pid}`;
    super(
      `data folder ${folder} is in use by ${who}; stop that process, or use another data folder ("data" in the bridge config)`,
    );
    this.pid = pid;
  }
}

interface Owner {
  readonly pid: number;
  readonly host: string;
  readonly since: string;
}

/**
 * Locks a data folder for one process. The lock is SQLite's lock on a file, which the operating system releases when the process ends
 * in any way, so it cannot become stale. A file beside it names the owner.
 *
 * The file can be removed by hand while it is locked. The owner creates it again within a second ({@link restore}); until then its
 * process has the removed file open, which another process that locks the new file detects under /proc.
 */
export class DataLock {
  readonly #folder: string;
  readonly #owner: Owner;
  /** The outermost folder that was created for it. */
  readonly #made: string | undefined;
  #connection: Connection;
  #open: OpenFile;

  /**
   * Locks the folder, creating a missing one. `restoring`: also one that is only partly restored.
   * @throws {DataFolderInUseError} at once when another process has locked it.
   */
  static take(folder: string, { restoring = false } = {}): DataLock {
    const made = makeLockFile(folder);
    const connection = lockIn(folder);
    if (!restoring && existsSync(restoringMark(folder))) {
      connection.close();
      throw new Error(
        `data folder ${folder} is only partly restored; run "voltbridge restore" again, as before, until it ends without an error`,
      );
    }
    const pid = ownerOfRemoved(lockFileOf(folder));
    if (pid !== undefined) {
      connection.close();
      throw new DataFolderInUseError(folder, pid, readOwner(folder));
    }
    return new DataLock(folder, connection, made);
  }

  private constructor(folder: string, connection: Connection, made: string | undefined) {
    this.#folder = folder;
    this.#made = made;
    this.#connection = connection;
    this.#open = new OpenFile(lockFileOf(folder));
    this.#owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    this.#writeOwner();
  }

  /** Returns the error with which {@link take} would fail because another process uses the folder. Changes nothing. */
  static conflict(folder: string): DataFolderInUseError | undefined {
    if (!existsSync(lockFileOf(folder))) return undefined;
    try {
      const ready = (connection: Connection) => void connection.get("SELECT 1 FROM sqlite_schema");
      Connection.open(lockFileOf(folder), { readOnly: true, busyMs: 0 }, ready).close();
      return undefined;
    } catch (error) {
      if (sqliteCode(error) !== SQLITE_BUSY) throw error;
      const owner = readOwner(folder);
      return new DataFolderInUseError(folder, owner?.pid, owner);
    }
  }

  /** Creates the lock again if its file was removed, and returns a message. Throws when another process was faster. */
  restore(): string | undefined {
    const file = lockFileOf(this.#folder);
    if (!this.#open.removed) {
      if (!existsSync(ownerFileOf(this.#folder))) this.#writeOwner();
      return undefined;
    }
    makeLockFile(this.#folder);
    const connection = lockIn(this.#folder);
    this.#connection.close();
    this.#connection = connection;
    this.#open = new OpenFile(file);
    this.#writeOwner();
    return `${file} was removed while in use; it was created and locked again`;
  }

  release(): void {
    // Whatever is at the path after the folder was replaced has another owner.
    const isOurs = !this.#open.removed;
    this.#connection.close();
    if (isOurs) rmSync(ownerFileOf(this.#folder), { force: true });
  }

  /** Releases the lock after a failed start, and removes a folder created for it unless another process uses it. */
  withdraw(): void {
    this.release();
    if (this.#made === undefined) return;
    const entries = readdirSync(this.#folder, { withFileTypes: true });
    if (!entries.every((entry) => entry.isFile())) return;
    for (const { name } of entries) rmSync(join(this.#folder, name));
    try {
      for (let path = this.#folder; path.length >= this.#made.length; path = dirname(path)) rmdirSync(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOTEMPTY") throw error;
    }
  }

  #writeOwner(): void {
    try {
      writeFileSync(ownerFileOf(this.#folder), `${JSON.stringify(this.#owner)}\n`, { mode: 0o600 });
    } catch (error) {
      // The lock works without this file; messages then name "another process".
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

/** File in a data folder that is only partly restored. */
export const restoringMark = (folder: string) => join(folder, "restoring.json");

const lockFileOf = (folder: string) => join(folder, "lock.sqlite");
const ownerFileOf = (folder: string) => join(folder, "lock.json");

/** Returns the outermost folder that was created. */
function makeLockFile(folder: string): string | undefined {
  try {
    return makeFile(lockFileOf(folder));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `data folder ${folder} cannot be written to (${code}); make it writable, or set another ("data" in the bridge config)`,
      { cause: error },
    );
  }
}

function lockIn(folder: string): Connection {
  try {
    return Connection.open(lockFileOf(folder), { busyMs: 0 }, (connection) => {
      // A journal on disk would need space, and the bridge must start on a full disk.
      connection.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    });
  } catch (error) {
    if (sqliteCode(error) !== SQLITE_BUSY) throw error;
    const owner = readOwner(folder);
    throw new DataFolderInUseError(folder, owner?.pid, owner);
  }
}

/**
 * Returns the process that has a removed file of this path open. Linux shows it to processes of the same user, or to root, in the same
 * container; elsewhere nothing is found.
 */
function ownerOfRemoved(file: string): number | undefined {
  const wanted = `${realpathSync(file)} (deleted)`;
  for (const pid of listFolder("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of listFolder(`/proc/${pid}/fd`))
      if (targetOf(`/proc/${pid}/fd/${descriptor}`) === wanted) return Number(pid);
  }
  return undefined;
}

/** Lists a folder; empty for processes that have ended or belong to other users. */
function listFolder(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function targetOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}

const SQLITE_BUSY = 5;

function readOwner(folder: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(ownerFileOf(folder), "utf8")) as Owner;
  } catch {
    // The owner is writing it, or it was removed. The folder is locked in any case.
    return undefined;
  }
}
