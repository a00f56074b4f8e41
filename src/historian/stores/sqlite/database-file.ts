import { closeSync, mkdirSync, openSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import { identityOf } from "../../../storage/sqlite.ts";
import { HistorianError } from "../../errors.ts";
import { migrate, schemaState } from "./schema.ts";

export type Durability = "full" | "normal";

/** How long SQLite itself waits for another process that writes. */
export const BUSY_MS = 5000;

/** An open database and the statements prepared on it. */
export interface OpenDatabase {
  readonly db: DatabaseSync;
  /** Prepared once. Rows come as arrays. */
  prepare(sql: string): StatementSync;
}

/** One connection to the history file; opened when needed, and again when the file was replaced or removed. */
export class DatabaseFile {
  readonly #file: string;
  readonly #open: (file: string) => DatabaseSync;
  #current: (OpenDatabase & { readonly identity: string }) | undefined;

  constructor(file: string, open: (file: string) => DatabaseSync) {
    this.#file = file;
    this.#open = open;
  }

  /** The open database. A different object than last time means that it is a different file. */
  get(): OpenDatabase {
    if (this.#current && this.#current.identity === identityOf(this.#file)) return this.#current;
    this.close();
    const db = this.#open(this.#file);
    const statements = new Map<string, StatementSync>();
    const prepare = (sql: string): StatementSync => {
      let statement = statements.get(sql);
      if (!statement) {
        statement = db.prepare(sql);
        statement.setReturnArrays(true);
        statements.set(sql, statement);
      }
      return statement;
    };
    this.#current = { db, prepare, identity: identityOf(this.#file) };
    return this.#current;
  }

  close(): void {
    this.#current?.db.close();
    this.#current = undefined;
  }
}

/** Opens for writing: makes folder and file (readable by the owner only) and brings the schema up to date. */
export function openForWriting(file: string, durability: Durability): DatabaseSync {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  // Of a file that was removed while in use; SQLite would share them with connections that still have it open.
  if (identityOf(file) === "") for (const end of ["-wal", "-shm"]) rmSync(file + end, { force: true });
  closeSync(openSync(file, "a", 0o600));
  return opened(new DatabaseSync(file, { timeout: BUSY_MS }), (db) => {
    schemaState(db, file);
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability}`);
    migrate(db, file);
  });
}

/** Opens for reading; never makes or changes anything. */
export function openForReading(file: string): DatabaseSync {
  if (identityOf(file) === "") throw noHistory(file);
  return opened(new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }), (db) => {
    if (schemaState(db, file) === "empty") throw noHistory(file);
  });
}

/** Bytes of the pages in use. Those of what was removed are free, and used again. */
export function usedBytes({ prepare }: OpenDatabase): number {
  const used = prepare(
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
  );
  const [bytes] = used.get() as unknown as [number];
  return bytes;
}

/** Opens a connection; `prepare` readies it. */
export function opened(db: DatabaseSync, prepare: (db: DatabaseSync) => void): DatabaseSync {
  try {
    prepare(db);
    return db;
  } catch (error) {
    db.close();
    throw error;
  }
}

export function noHistory(file: string): HistorianError {
  return new HistorianError("retry", `there is no history at ${file} yet; voltbridge run makes it`);
}
