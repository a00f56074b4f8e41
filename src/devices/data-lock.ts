import { closeSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

/** Another bridge works with this data folder. */
export class DataFolderInUseError extends Error {
  override readonly name = "DataFolderInUseError";
  /** Process id of the owner, where it is known. */
  readonly pid: number | undefined;

  constructor(folder: string, owner: Owner | undefined) {
    const who = owner
      ? `process ${owner.pid} on ${owner.host}, running since ${owner.since}`
      : "another process";
    super(
      `data folder ${folder} is in use by ${who}; stop that one, or give this one a folder of its own ("data" in the bridge config)`,
    );
    this.pid = owner?.pid;
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
 */
export class DataLock {
  readonly #db: DatabaseSync;
  readonly #ownerFile: string;

  /** Throws {@link DataFolderInUseError} at once where another process has it. Makes the folder where it is missing. */
  static take(folder: string): DataLock {
    const lockFile = join(folder, "lock.sqlite");
    const ownerFile = join(folder, "lock.json");
    try {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      closeSync(openSync(lockFile, "a", 0o600));
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Error(
        `data folder ${folder} cannot be written to (${code}); make it writable, or name another ("data" in the bridge config)`,
        { cause },
      );
    }
    const db = new DatabaseSync(lockFile, { timeout: 0 });
    try {
      db.exec("BEGIN EXCLUSIVE");
    } catch (error) {
      db.close();
      if ((error as { errcode?: number }).errcode !== SQLITE_BUSY) throw error;
      throw new DataFolderInUseError(folder, readOwner(ownerFile));
    }
    const owner: Owner = { pid: process.pid, host: hostname(), since: new Date().toISOString() };
    writeFileSync(ownerFile, `${JSON.stringify(owner)}\n`, { mode: 0o600 });
    return new DataLock(db, ownerFile);
  }

  private constructor(db: DatabaseSync, ownerFile: string) {
    this.#db = db;
    this.#ownerFile = ownerFile;
  }

  release(): void {
    rmSync(this.#ownerFile, { force: true });
    this.#db.close();
  }
}

const SQLITE_BUSY = 5;

function readOwner(file: string): Owner | undefined {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Owner;
  } catch {
    // The owner is just writing it, or it is gone. That the folder is taken is certain all the same.
    return undefined;
  }
}
