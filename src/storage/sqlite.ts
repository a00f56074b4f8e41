import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementResultingChanges,
  type StatementSync,
} from "node:sqlite";

/** Time that SQLite waits for another process that writes, in milliseconds. */
const BUSY_MS = 5000;

export type Row = SQLOutputValue[];

/**
 * `full`: a commit survives a power cut. `normal`: it survives a crash of the process, but a power cut can take the commits since
 * the last checkpoint; the file itself stays sound.
 */
export type Durability = "full" | "normal";

export interface OpenOptions {
  readonly readOnly?: boolean;
  /** With a write-ahead log; absent: the file keeps the journal that it has. */
  readonly durability?: Durability;
  /** No other process can open it: the index of the log is in memory, and takes no space on the disk. */
  readonly alone?: boolean;
  readonly busyMs?: number;
  /** Checked before anything in the file is changed, which is then brought to the newest version. */
  readonly form?: Form;
}

/** The tables of a kind of file. `user_version` counts the steps that were taken. */
export interface Form {
  readonly newest: number;
  /** Stands in the file's header; absent: every file with a version counts as one of this kind. */
  readonly applicationId?: number;
  /** Returns the statements that bring a file of this version to the newest, step by step; version 0 is an empty file. */
  steps(version: number): readonly string[];
  /** Returns the refusal of a file of a newer version. */
  newer(file: string, version: number): Error;
  /** Returns the refusal of a file of something else; absent: none is refused. */
  foreign?(connection: Connection): Error;
}

/** An open file, and the statements prepared on it. Rows come as arrays. */
export class Connection {
  readonly file: string;
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens a file; `ready` is done last. Where anything throws, the file is closed again. */
  static open(
    file: string,
    { readOnly, durability, alone, busyMs, form }: OpenOptions,
    ready: (connection: Connection) => void = () => {},
  ): Connection {
    const connection = new Connection(file, readOnly, busyMs);
    try {
      // Before the first look at the file, which would make the index of the log.
      if (alone) connection.exec("PRAGMA locking_mode = EXCLUSIVE");
      if (form) connection.version(form);
      if (durability) connection.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = ${durability}`);
      if (form) connection.migrate(form);
      ready(connection);
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  private constructor(file: string, readOnly = false, busyMs = BUSY_MS) {
    this.file = file;
    this.db = new DatabaseSync(file, { readOnly, timeout: busyMs });
  }

  exec(sql: string): void {
    this.db.exec(sql);
  }

  run(sql: string, ...values: SQLInputValue[]): StatementResultingChanges {
    return this.prepare(sql).run(...values);
  }

  get<Columns = Row>(sql: string, ...values: SQLInputValue[]): Columns | undefined {
    return this.prepare(sql).get(...values) as Columns | undefined;
  }

  all<Columns = Row>(sql: string, ...values: SQLInputValue[]): Columns[] {
    return this.prepare(sql).all(...values) as unknown[] as Columns[];
  }

  iterate(sql: string, ...values: SQLInputValue[]): Iterable<Row> {
    return this.prepare(sql).iterate(...values) as unknown as Iterable<Row>;
  }

  /** A number of the first column. */
  number(sql: string): number {
    return Number(this.get(sql)?.[0]);
  }

  /** Prepared once. */
  prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.db.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  transaction<T>(work: () => T): T {
    this.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.exec("COMMIT");
      return result;
    } catch (error) {
      // A full disk has rolled it back already.
      if (this.db.isTransaction) this.exec("ROLLBACK");
      throw error;
    }
  }

  /** The version of the tables, 0 for an empty file. Changes nothing; throws for a newer file and for one of something else. */
  version(form: Form): number {
    const version = this.number("PRAGMA user_version");
    const { applicationId } = form;
    const named =
      applicationId === undefined ? version > 0 : this.number("PRAGMA application_id") === applicationId;
    if (named && version > form.newest) throw form.newer(this.file, version);
    if (this.get("SELECT 1 FROM sqlite_schema LIMIT 1") === undefined) return 0;
    if (!named && form.foreign) throw form.foreign(this);
    return version;
  }

  /** Brings the tables to the newest version, each step in a transaction of its own. */
  migrate(form: Form): void {
    const { newest, applicationId } = form;
    for (let version = this.version(form); version < newest; version = this.version(form))
      this.transaction(() => {
        // Another process may have been first.
        if (this.version(form) !== version) return;
        const [step, ...rest] = form.steps(version);
        if (applicationId !== undefined) this.exec(`PRAGMA application_id = ${applicationId}`);
        this.exec(`${step}; PRAGMA user_version = ${newest - rest.length}`);
      });
  }

  /** Of the pages in use; those of what was removed are free, and used again. */
  usedBytes(): number {
    return this.number(
      "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    );
  }

  close(): void {
    this.db.close();
  }
}

/**
 * Makes folder and file where they are missing, readable by the owner only; SQLite gives its journals the rights of the file.
 * Returns the outermost folder that was made.
 */
export function makeFile(file: string): string | undefined {
  const made = mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  if (identityOf(file) === "") removeLogs(file);
  closeSync(openSync(file, "a", 0o600));
  return made;
}

export function removeFile(file: string): void {
  rmSync(file, { force: true });
  removeLogs(file);
}

/** Removes the log and its index: SQLite would take those of a removed file, which may be open still, for a new one's. */
export function removeLogs(file: string): void {
  for (const end of ["-wal", "-shm"]) rmSync(file + end, { force: true });
}

/** The name under which a file is moved aside now. */
export function asideName(file: string, why: "aside" | "damaged"): string {
  return `${file}.${why}-${new Date().toISOString().replaceAll(":", "")}`;
}

/** Device and inode of a file; empty where there is none. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.dev}:${stats.ino}` : "";
}

/**
 * Reports whether an open file is still the one at its path. Linux keeps a removed file until it is closed: it
 * goes on taking everything, and all of it is gone with the process.
 */
export class OpenFile {
  readonly #file: string;
  readonly #identity: string;
  /** Of the log beside it; empty until SQLite has made it. */
  #log = "";

  constructor(file: string) {
    this.#file = file;
    this.#identity = identityOf(file);
  }

  get removed(): boolean {
    const log = identityOf(`${this.#file}-wal`);
    if (this.#log === "") this.#log = log;
    return identityOf(this.#file) !== this.#identity || log !== this.#log;
  }
}

/**
 * Writes all that a connection holds into a new file at its path, readable by the owner only, and closes it. What stands at
 * the path now is moved aside. Where it throws, the connection is open still and nothing is lost.
 */
export function putBack({ db, file }: Connection): void {
  const unfinished = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  removeFile(unfinished);
  rmSync(`${unfinished}-journal`, { force: true });
  closeSync(openSync(unfinished, "wx", 0o600));
  db.exec(`VACUUM INTO '${unfinished.replaceAll("'", "''")}'`);
  flush(unfinished);
  removeLogs(file);
  if (identityOf(file) !== "") renameSync(file, asideName(file, "aside"));
  renameSync(unfinished, file);
  syncFolder(file);
  // Last, and before the new file has logs: SQLite removes those of its name.
  db.close();
}

/** That a name is there, or is gone, survives a power cut only after this. */
export function syncFolder(file: string): void {
  flush(dirname(file));
}

function flush(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
