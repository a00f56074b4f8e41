import { chmodSync, closeSync, mkdirSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { DriverState } from "../drivers/driver.ts";
import type { PointValue } from "../points/index.ts";

const VERSION = 1;

/** A {@link DriverState} that can be listed. */
export interface StateNamespace extends DriverState {
  /** Several at once: all are on the disk when it returns, or none. */
  setAll(changes: Iterable<readonly [key: string, value: PointValue]>): void;
  entries(): [key: string, value: PointValue][];
}

/**
 * Small things that survive a restart: JSON values by namespace and key, in SQLite. A `set` that returned is on the disk
 * (WAL, synchronous FULL). Only its owner can read the file.
 */
export class StateStore {
  /** Where a damaged file was put, when one was found at opening. */
  readonly setAside: string | undefined;
  readonly #db: DatabaseSync;
  readonly #get: StatementSync;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #list: StatementSync;

  /**
   * Opens or makes the file; `:memory:` for one that forgets. A damaged file is put aside under a dated name. Throws where
   * the file was made by a newer version, and where the folder cannot be written.
   */
  static open(file: string): StateStore {
    if (file === ":memory:") return new StateStore(openDatabase(file), undefined);
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    try {
      return new StateStore(openDatabase(file), undefined);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      const aside = `${file}.damaged-${new Date().toISOString().replaceAll(":", "")}`;
      renameSync(file, aside);
      for (const rest of ["-wal", "-shm"]) rmSync(file + rest, { force: true });
      return new StateStore(openDatabase(file), aside);
    }
  }

  private constructor(db: DatabaseSync, setAside: string | undefined) {
    this.#db = db;
    this.setAside = setAside;
    this.#get = db.prepare("SELECT value FROM state WHERE namespace = ? AND key = ?");
    this.#put = db.prepare("INSERT OR REPLACE INTO state (namespace, key, value) VALUES (?, ?, ?)");
    this.#delete = db.prepare("DELETE FROM state WHERE namespace = ? AND key = ?");
    this.#list = db.prepare("SELECT key, value FROM state WHERE namespace = ? ORDER BY key");
  }

  namespace(name: string): StateNamespace {
    const set = (key: string, value: PointValue) => {
      if (value === null) this.#delete.run(name, key);
      else this.#put.run(name, key, JSON.stringify(value));
    };
    return {
      set,
      setAll: (changes) => {
        this.#db.exec("BEGIN IMMEDIATE");
        try {
          for (const [key, value] of changes) set(key, value);
          this.#db.exec("COMMIT");
        } catch (error) {
          // A full disk has rolled it back already.
          if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
          throw error;
        }
      },
      get: (key) => {
        const row = this.#get.get(name, key);
        return row ? (JSON.parse(row.value as string) as PointValue) : null;
      },
      entries: () =>
        this.#list.all(name).map((row) => [row.key as string, JSON.parse(row.value as string) as PointValue]),
    };
  }

  close(): void {
    this.#db.close();
  }
}

function openDatabase(file: string): DatabaseSync {
  if (file !== ":memory:") {
    // SQLite gives its journal the rights of the file.
    closeSync(openSync(file, "a", 0o600));
    chmodSync(file, 0o600);
  }
  const db = new DatabaseSync(file);
  try {
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000");
    const version = Number(db.prepare("PRAGMA user_version").get()?.user_version);
    if (version > VERSION)
      throw new Error(
        `${file} was made by a newer voltbridge (version ${version} of its format, this one knows ${VERSION}); use that one, or another data folder`,
      );
    const check = db.prepare("PRAGMA quick_check(1)").get()?.quick_check;
    if (check !== "ok") throw new DamagedError(`${file} is damaged: ${check}`);
    db.exec(
      `CREATE TABLE IF NOT EXISTS state (namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
         PRIMARY KEY (namespace, key));
       PRAGMA user_version = ${VERSION}`,
    );
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

class DamagedError extends Error {}

const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

function isDamaged(error: unknown): boolean {
  // The last byte is the primary code of an extended one.
  const code = ((error as { errcode?: number }).errcode ?? 0) & 0xff;
  return error instanceof DamagedError || code === SQLITE_CORRUPT || code === SQLITE_NOTADB;
}
