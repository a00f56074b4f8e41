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

/** Another bridge works with this data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = "DataFolderInUseError";
  /** Process id of the owner, where it is known. */
  readonly pid: number | undefined;

  constructor(folder: string, pid: number | undefined, owner: Owner | undefined) {
    const signed = owner !== undefined && owner.pid === pid;
    const who = signed
      ? `process ${pid} on ${owner.host}, running since ${owner.since}`
      : pid === undefined
        ? "another process"
        : `process ${pid}`;
    super(
      `data folder ${folder} is in use by ${who}; stop that one, or give this one a folder of its own ("data" in the bridge config)`,
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
 * Keeps a data folder for one process. The lock is SQLite's lock on a file, which the operating system takes back when
 * the process ends in whatever way: nothing stale can be left behind. Beside it a file says who has it.
 *
 * A file can be removed by hand while it is locked. The owner makes it anew within a second ({@link restore}); until then its process
 * still has the removed file open, and whoever takes the new one finds that out under /proc and lets go of it.
 */
export class DataLock {
  readonly #folder: string;
  readonly #owner: Owner;
  /** The outermost folder that was made for it. */
  readonly #made: string | undefined;
  #connection: Connection;
  #open: OpenFile;

  /** Throws {@link DataFolderInUseError} at once where another process has it. Makes the folder where it is missing. */
  static take(folder: string): DataLock {
    const made = makeLockFile(folder);
    const connection = lockIn(folder);
    const pid = holderOfRemoved(lockFileOf(folder));
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
    this.#sign();
  }

  /** Makes the lock anew where its file was removed, and says so. Throws where another process was faster. */
  restore(): string | undefined {
    const file = lockFileOf(this.#folder);
    if (!this.#open.removed) {
      if (!existsSync(ownerFileOf(this.#folder))) this.#sign();
      return undefined;
    }
    makeLockFile(this.#folder);
    const connection = lockIn(this.#folder);
    this.#connection.close();
    this.#connection = connection;
    this.#open = new OpenFile(file);
    this.#sign();
    return `${file} was removed while in use; the data folder is locked anew`;
  }

  release(): void {
    rmSync(ownerFileOf(this.#folder), { force: true });
    this.#connection.close();
  }

  /** Releases the lock of a start that failed: a folder that was made for it goes too, unless another process works below it. */
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

  #sign(): void {
    try {
      writeFileSync(ownerFileOf(this.#folder), `${JSON.stringify(this.#owner)}\n`, { mode: 0o600 });
    } catch (error) {
      // The lock holds without it; who asks is told of "another process".
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
    }
  }
}

const lockFileOf = (folder: string) => join(folder, "lock.sqlite");
const ownerFileOf = (folder: string) => join(folder, "lock.json");

/** Returns the outermost folder that was made. */
function makeLockFile(folder: string): string | undefined {
  try {
    return makeFile(lockFileOf(folder));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new Error(
      `data folder ${folder} cannot be written to (${code}); make it writable, or name another ("data" in the bridge config)`,
      { cause: error },
    );
  }
}

function lockIn(folder: string): Connection {
  try {
    return Connection.open(lockFileOf(folder), { busyMs: 0 }, (connection) => {
      // A journal on the disk would need space, and a full disk must not keep the bridge from starting.
      connection.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    });
  } catch (error) {
    if (sqliteCode(error) !== SQLITE_BUSY) throw error;
    const owner = readOwner(folder);
    throw new DataFolderInUseError(folder, owner?.pid, owner);
  }
}

/**
 * Process that has a removed file of this path open. Linux shows it to processes of the same user, or to root, in the same container;
 * elsewhere nothing is found.
 */
function holderOfRemoved(file: string): number | undefined {
  const wanted = `${realpathSync(file)} (deleted)`;
  for (const pid of namesIn("/proc")) {
    if (!/^\d+$/.test(pid)) continue;
    for (const descriptor of namesIn(`/proc/${pid}/fd`))
      if (targetOf(`/proc/${pid}/fd/${descriptor}`) === wanted) return Number(pid);
  }
  return undefined;
}

/** Processes end, and those of others cannot be looked at. */
function namesIn(folder: string): string[] {
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
    // The owner is just writing it, or it is gone. That the folder is taken is certain all the same.
    return undefined;
  }
}
