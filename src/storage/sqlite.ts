import { closeSync, fsyncSync, mkdirSync, openSync, readSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import {
  DatabaseSync,
  type SQLInputValue,
  type SQLOutputValue,
  type StatementResultingChanges,
  type StatementSync,
} from "node:sqlite";
import { sqliteCode } from "./sqlite-failure.ts";

/** Maximum time that SQLite waits for another process's write, in milliseconds. */
const BUSY_MS = 5000;

export type Row = SQLOutputValue[];

/**
 * `full`: a commit survives a power cut. `normal`: it survives a crash of the process, but a power cut can lose the commits since the
 * last checkpoint; the file itself remains intact.
 */
export type Durability = "full" | "normal";

export interface OpenOptions {
  readonly readOnly?: boolean;
  /** Uses a write-ahead log. Default: the file's journal mode remains unchanged. */
  readonly durability?: Durability;
  /** Excludes other processes: the index of the log is in memory and needs no disk space. */
  readonly alone?: boolean;
  readonly busyMs?: number;
  /** Tables, checked before the file is changed and then migrated to the newest version. */
  readonly form?: Form;
}

/** The tables of a kind of file. `user_version` counts the completed steps. */
export interface Form {
  readonly newest: number;
  /** Id in the file's header. Absent: every file with a version counts as one of this kind. */
  readonly applicationId?: number;
  /** Returns the statements that migrate a file of this version to the newest, step by step; version 0 is an empty file. */
  steps(version: number): readonly string[];
  /** Returns the error for a file of a newer version, with {@link newerText}. */
  newer(message: string): Error;
  /** Returns the error for another program's file. Absent: none is rejected. */
  foreign?(connection: Connection): Error;
}

/** An open file with its prepared statements. Rows are arrays. */
export class Connection {
  readonly file: string;
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  /** Opens a file and calls `ready` last. If anything throws, the file is closed. */
  static open(
    file: string,
    { readOnly, durability, alone, busyMs, form }: OpenOptions,
    ready: (connection: Connection) => void = () => {},
  ): Connection {
    if (form) rejectNewer(file, form, alone);
    const connection = new Connection(file, readOnly, busyMs);
    try {
      // Before the first access, which would create the index of the log.
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

  /** Returns the first column as a number. */
  number(sql: string): number {
    return Number(this.get(sql)?.[0]);
  }

  /** Returns a statement that is prepared once. */
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
      // After a full disk, SQLite has already rolled back.
      if (this.db.isTransaction) this.exec("ROLLBACK");
      throw error;
    }
  }

  /** Returns the version of the tables, 0 for an empty file. Changes nothing; throws for a newer or another program's file. */
  version(form: Form): number {
    const version = this.number("PRAGMA user_version");
    const { applicationId } = form;
    const named =
      applicationId === undefined ? version > 0 : this.number("PRAGMA application_id") === applicationId;
    if (named && version > form.newest) throw form.newer(newerText(this.file, version, form.newest));
    if (this.get("SELECT 1 FROM sqlite_schema LIMIT 1") === undefined) return 0;
    if (!named && form.foreign) throw form.foreign(this);
    return version;
  }

  /** Migrates the tables to the newest version, each step in its own transaction. */
  migrate(form: Form): void {
    const { newest, applicationId } = form;
    for (let version = this.version(form); version < newest; version = this.version(form))
      this.transaction(() => {
        // Another process may have migrated it.
        if (this.version(form) !== version) return;
        const [step, ...rest] = form.steps(version);
        if (applicationId !== undefined) this.exec(`PRAGMA application_id = ${applicationId}`);
        this.exec(`${step}; PRAGMA user_version = ${newest - rest.length}`);
      });
  }

  /** Returns the size of the pages in use, without free pages, in bytes. */
  usedBytes(): number {
    return this.number(
      "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size",
    );
  }

  close(): void {
    this.db.close();
  }
}

/** Returns the message for what a newer program wrote. `remedy`: what to do if that program is not to be used again. */
export function newerText(
  what: string,
  version: number,
  newest: number,
  remedy = "restore a backup from before the upgrade (voltbridge restore)",
): string {
  return `${what} was created by a newer voltbridge (format ${version}; this version supports ${newest}) and was not changed. Run that version, or ${remedy}`;
}

const HEADER_BYTES = 100;

/** Returns the start of a file: of a SQLite file, its header. Empty when there is no file. */
export function headerOf(file: string): Buffer {
  if (identityOf(file) === "") return Buffer.alloc(0);
  const descriptor = openSync(file, "r");
  try {
    const header = Buffer.alloc(HEADER_BYTES);
    return header.subarray(0, readSync(descriptor, header, 0, HEADER_BYTES, 0));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Returns the version and the application id in a header; undefined for what is not a SQLite file. Source: the fields at 60 and 68 in
 * SQLite's file format.
 */
export function versionsIn(
  header: Buffer,
): { readonly version: number; readonly applicationId: number } | undefined {
  if (header.length < HEADER_BYTES || header.toString("latin1", 0, 16) !== "SQLite format 3\0")
    return undefined;
  return { version: header.readUInt32BE(60), applicationId: header.readUInt32BE(68) };
}

/**
 * Throws for a file of a newer version, without changing it: a connection that can write would write its log back when it is closed,
 * and the log may have the newer version. `alone`: without reading the log, which needs disk space.
 */
export function rejectNewer(file: string, form: Form, alone = false): void {
  const found = versionsIn(headerOf(file));
  if (!found) return;
  const isOurs = form.applicationId === undefined || found.applicationId === form.applicationId;
  if (isOurs && found.version > form.newest) throw form.newer(newerText(file, found.version, form.newest));
  if (alone || (statSync(`${file}-wal`, { throwIfNoEntry: false })?.size ?? 0) === 0) return;
  let connection: Connection | undefined;
  try {
    connection = Connection.open(file, { readOnly: true });
    connection.version(form);
  } catch (error) {
    // Damaged, locked or on a full disk: the caller's own attempt reports it.
    if (sqliteCode(error) === -1) throw error;
  } finally {
    connection?.close();
  }
}

/**
 * Creates a missing folder and file, readable by the owner only; SQLite's journals get the permissions of the file. Returns the
 * outermost folder that was created.
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

/** Removes the log and its index: SQLite would use those of a removed, still open file for a new one. */
export function removeLogs(file: string): void {
  for (const end of ["-wal", "-shm"]) rmSync(file + end, { force: true });
}

/** Returns the name for moving a file aside now. */
export function asideName(file: string, why: "aside" | "damaged"): string {
  return `${file}.${why}-${new Date().toISOString().replaceAll(":", "")}`;
}

/** Returns device and inode of a file; empty when it does not exist. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.dev}:${stats.ino}` : "";
}

/**
 * Detects whether an open file was removed or replaced. Linux keeps a removed file until it is closed: writes still succeed, but are
 * lost when the process ends.
 */
export class OpenFile {
  readonly #file: string;
  readonly #identity: string;
  /** Identity of the log beside it; empty until SQLite has created it. */
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
 * Writes a connection's contents into a new file at its path, readable by the owner only, and closes it. An existing file at the path is
 * moved aside. If it throws, the connection is still open and nothing is lost.
 */
export function restoreFile({ db, file }: Connection): void {
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
  // Last, and before the new file has logs: SQLite removes logs with its name.
  db.close();
}

/** Flushes a folder, so that created, renamed and removed files survive a power cut. */
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
