import { closeSync, fsyncSync, openSync, renameSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite";
import { migrate } from "./schema.ts";

/** SQLite's default, and what the sums of `room.ts` are made with. */
export const PAGE_BYTES = 4096;
/** How long SQLite itself waits for another process that writes. */
const BUSY_MS = 5000;

export type Row = SQLOutputValue[];

/** An open queue file, and the statements prepared on it. Rows come as arrays. */
export class Connection {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
  }

  run(sql: string, ...values: SQLInputValue[]): void {
    this.#prepared(sql).run(...values);
  }

  get(sql: string, ...values: SQLInputValue[]): Row | undefined {
    return this.#prepared(sql).get(...values) as unknown as Row | undefined;
  }

  all(sql: string, ...values: SQLInputValue[]): Row[] {
    return this.#prepared(sql).all(...values) as unknown as Row[];
  }

  iterate(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.#prepared(sql).iterate(...values) as unknown as Iterable<Row>;
  }

  /** A number of the first column. */
  number(sql: string): number {
    return Number(this.get(sql)?.[0]);
  }

  transaction<T>(work: () => T): T {
    this.db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.db.isTransaction) this.db.exec("ROLLBACK");
      throw error;
    }
  }

  close(): void {
    this.db.close();
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

export interface ConnectOptions {
  readonly durability: "full" | "normal";
  /** The log beside the file is moved into it whenever it has grown to about this. */
  readonly walBytes: number;
  /** No other process can open it: the index of the log is in memory, and takes no space on the disk. */
  readonly alone?: boolean;
}

/** Opens a file that is there. */
export function connect(file: string, { durability, walBytes, alone }: ConnectOptions): Connection {
  const db = new DatabaseSync(file, { timeout: BUSY_MS });
  try {
    const pages = Math.max(16, Math.round(walBytes / PAGE_BYTES));
    if (alone) db.exec("PRAGMA locking_mode = EXCLUSIVE");
    db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability}; PRAGMA wal_autocheckpoint = ${pages};
      PRAGMA journal_size_limit = ${2 * pages * PAGE_BYTES}`);
    return new Connection(db);
  } catch (error) {
    db.close();
    throw error;
  }
}

/** For looking only. */
export function connectReadOnly(file: string): Connection {
  return new Connection(new DatabaseSync(file, { readOnly: true, timeout: BUSY_MS }));
}

/** Makes a queue file, whole or not at all, in place of what was there. `fill` puts into it what it begins with. */
export function create(file: string, fill: (connection: Connection) => void = () => {}): void {
  const unfinished = `${file}.new`;
  removeDatabase(unfinished);
  closeSync(openSync(unfinished, "wx", 0o600));
  const db = new DatabaseSync(unfinished);
  try {
    db.exec(
      `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`,
    );
    migrate(db);
    const connection = new Connection(db);
    connection.transaction(() => fill(connection));
  } catch (error) {
    db.close();
    removeDatabase(unfinished);
    throw error;
  }
  db.close();
  renameSync(unfinished, file);
  syncFolder(file);
}

/** Of the file, without the pages that are free for the next records. */
export function usedBytes(connection: Connection): number {
  const pages = connection.number("PRAGMA page_count") - connection.number("PRAGMA freelist_count");
  return pages * PAGE_BYTES;
}

export function removeDatabase(file: string): void {
  for (const end of ["", "-wal", "-shm"]) rmSync(file + end, { force: true });
}

/** That a name is there, or is gone, survives a power cut only after this. */
export function syncFolder(file: string): void {
  const folder = openSync(dirname(file), "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}
