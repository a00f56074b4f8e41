import { chmodSync, renameSync } from "node:fs";
import type { PointValue } from "../points/index.ts";
import { DiskReserve } from "./disk-reserve.ts";
import { asideName, Connection, type Form, makeFile, OpenFile, removeLogs, restoreFile } from "./sqlite.ts";
import { sqliteCode } from "./sqlite-failure.ts";

/** Reserved disk space for this file, in bytes. The write-ahead log is checkpointed long before it needs that much. */
const RESERVE_BYTES = 1024 * 1024;
const CHECKPOINT_PAGES = 100;
/** Preallocated size of the file and its log, in bytes: more than the log has when it is checkpointed. */
const GROW_BYTES = 2 * CHECKPOINT_PAGES * 4096;
/** Number of saves between two checks of the preallocated space. */
const SAVES_PER_CHECK = 50;
const RETRY_MS = 5000;
/** Namespace of invalid records, under `<namespace> <key>`. */
const SET_ASIDE = "set aside";

const GET = "SELECT value FROM state WHERE namespace = ? AND key = ?";
const PUT = "INSERT OR REPLACE INTO state (namespace, key, value) VALUES (?, ?, ?)";
const DELETE = "DELETE FROM state WHERE namespace = ? AND key = ?";
const LIST = "SELECT key, value FROM state WHERE namespace = ? ORDER BY key";

export const STATE_FORM: Form = {
  newest: 1,
  steps: () => [
    `CREATE TABLE IF NOT EXISTS state (namespace TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,
       PRIMARY KEY (namespace, key))`,
  ],
  newer: (message) => new Error(message),
};

/** A durable map of JSON values. `set` to null removes the key. */
export interface StateNamespace {
  get(key: string): PointValue;
  set(key: string, value: PointValue): void;
  /** Sets several values atomically: after a crash all of them are on disk, or none. */
  setAll(changes: Iterable<readonly [key: string, value: PointValue]>): void;
  entries(): [key: string, value: PointValue][];
  /** Returns the valid records by key. Invalid ones are set aside and reported. */
  records<T>(fits: (value: unknown) => value is T): [key: string, record: T][];
}

/** Callbacks for reports of the store. */
export interface StateReports {
  /** Called when a change could not be saved; with undefined when everything is saved again. */
  readonly unsaved: (error: unknown) => void;
  /** Called when an invalid record was set aside. */
  readonly setAside: (namespace: string, key: string) => void;
}

/** A value of the state; null: it was removed. */
export type StateEntry = readonly [namespace: string, key: string, value: PointValue];

/**
 * State that survives a restart: JSON values by namespace and key, in SQLite (WAL, synchronous FULL). A change applies in memory first
 * and is on disk when `set` returns; if it cannot be saved, it is kept in memory, reported, and retried. The file is readable by its
 * owner only.
 */
export class StateStore {
  /** New path of a damaged file found at opening. */
  readonly setAside: string | undefined;
  #reports: StateReports | undefined;
  /** Records to report when {@link reportTo} is called. */
  readonly #unreported: (readonly [namespace: string, key: string])[] = [];
  #trouble: unknown;
  readonly #file: string;
  readonly #reserve: DiskReserve | undefined;
  #open: OpenFile;
  #connection: Connection;
  /** Changes that are not on disk, by namespace and key. */
  readonly #unsaved = new Map<string, Map<string, PointValue>>();
  #batches = 0;
  #saves = 0;
  #retry: NodeJS.Timeout | undefined;
  #onSaved: ((changes: readonly StateEntry[]) => void) | undefined;

  /** Holds these entries in memory only; `onSaved` gets every later change, those of a batch together. */
  static inMemory(
    entries: Iterable<StateEntry>,
    onSaved: (changes: readonly StateEntry[]) => void,
  ): StateStore {
    const store = StateStore.open(":memory:");
    store.batch(() => {
      for (const [namespace, key, value] of entries) store.#change(namespace, [[key, value]]);
    });
    store.#onSaved = onSaved;
    return store;
  }

  /**
   * Opens or creates the file; `:memory:` keeps it in memory only. A damaged file is moved aside under a dated name. An existing file can
   * be opened on a full disk. Throws for a file of a newer version, and when the folder cannot be written.
   */
  static open(file: string): StateStore {
    if (file === ":memory:") return new StateStore(file, openDatabase(file, false), undefined, undefined);
    const reserve = new DiskReserve(`${file}-ballast`, RESERVE_BYTES);
    let aside: string | undefined;
    try {
      return new StateStore(file, openOnFullDisk(file, reserve), reserve, undefined);
    } catch (error) {
      if (!isDamaged(error)) throw error;
      aside = asideName(file, "damaged");
      renameSync(file, aside);
      removeLogs(file);
    }
    return new StateStore(file, openOnFullDisk(file, reserve), reserve, aside);
  }

  private constructor(
    file: string,
    connection: Connection,
    reserve: DiskReserve | undefined,
    setAside: string | undefined,
  ) {
    this.#file = file;
    this.#connection = connection;
    this.#open = new OpenFile(file);
    this.#reserve = reserve;
    this.setAside = setAside;
    if (reserve && !reserve.take()) this.#scheduleRetry();
  }

  /** Sends reports to `reports` from now on, including earlier ones. */
  reportTo(reports: StateReports): void {
    this.#reports = reports;
    for (const place of this.#unreported.splice(0)) reports.setAside(...place);
    if (this.#trouble !== undefined) reports.unsaved(this.#trouble);
  }

  /** Writes the state into a new file if the file was removed, and returns a message. If it throws, nothing is lost. */
  restore(): string | undefined {
    if (this.#file === ":memory:" || !this.#open.removed) return undefined;
    restoreFile(this.#connection);
    this.#connection = openDatabase(this.#file, false);
    this.#open = new OpenFile(this.#file);
    return `${this.#file} was removed while in use; its contents were written to a new file`;
  }

  namespace(name: string): StateNamespace {
    const get = (key: string): PointValue => {
      const change = this.#unsaved.get(name)?.get(key);
      if (change !== undefined) return change;
      const row = this.#connection.get<[value: string]>(GET, name, key);
      return row ? (JSON.parse(row[0]) as PointValue) : null;
    };
    const entries = (): [string, PointValue][] => {
      const rows = this.#connection.all<[key: string, value: string]>(LIST, name);
      const saved = rows.map(([key, value]): [string, PointValue] => [key, JSON.parse(value)]);
      const changes = this.#unsaved.get(name);
      if (!changes) return saved;
      const all = [...new Map([...saved, ...changes])].filter(([, value]) => value !== null);
      return all.sort(([a], [b]) => (a < b ? -1 : 1));
    };
    return {
      get,
      entries,
      set: (key, value) => this.#change(name, [[key, value]]),
      setAll: (changes) => this.#change(name, changes),
      records: <T>(fits: (value: unknown) => value is T) => {
        const good: [string, T][] = [];
        for (const [key, value] of entries()) {
          if (fits(value)) good.push([key, value]);
          else this.#setAside(name, key, value);
        }
        return good;
      },
    };
  }

  /** Saves everything that `work` changes, in any namespace, atomically: after a crash all of it is on disk, or nothing. */
  batch<T>(work: () => T): T {
    this.#batches++;
    try {
      return work();
    } finally {
      this.#batches--;
      if (this.#batches === 0) this.#save();
    }
  }

  close(): void {
    clearTimeout(this.#retry);
    this.#save();
    clearTimeout(this.#retry);
    this.#connection.close();
  }

  #change(name: string, changes: Iterable<readonly [key: string, value: PointValue]>): void {
    const unsaved = this.#unsaved.get(name) ?? new Map<string, PointValue>();
    for (const [key, value] of changes) unsaved.set(key, value);
    if (unsaved.size > 0) this.#unsaved.set(name, unsaved);
    if (this.#batches === 0) this.#save();
  }

  #setAside(name: string, key: string, value: PointValue): void {
    this.batch(() => {
      this.#change(SET_ASIDE, [[`${name} ${key}`, value]]);
      this.#change(name, [[key, null]]);
    });
    if (this.#reports) this.#reports.setAside(name, key);
    else this.#unreported.push([name, key]);
  }

  #save(): void {
    if (this.#unsaved.size === 0) return;
    try {
      this.#write();
    } catch (error) {
      if (!this.#writeIntoReserve()) {
        this.#failed(error);
        return;
      }
    }
    this.#onSaved?.(
      [...this.#unsaved].flatMap(([name, changes]) =>
        [...changes].map(([key, value]): StateEntry => [name, key, value]),
      ),
    );
    this.#unsaved.clear();
    this.#saves++;
    if (this.#saves % SAVES_PER_CHECK === 0) setImmediate(() => this.#keepAhead());
    if (this.#trouble === undefined) return;
    this.#trouble = undefined;
    this.#reports?.unsaved(undefined);
  }

  #write(): void {
    this.#connection.transaction(() => {
      for (const [name, changes] of this.#unsaved)
        for (const [key, value] of changes)
          if (value === null) this.#connection.run(DELETE, name, key);
          else this.#connection.run(PUT, name, key, JSON.stringify(value));
    });
  }

  #writeIntoReserve(): boolean {
    if (!this.#reserve?.there) return false;
    this.#reserve.release();
    this.#scheduleRetry();
    try {
      this.#write();
      return true;
    } catch {
      // Another process used the space; the first error is reported.
      return false;
    }
  }

  /** Preallocates space again, which is used up over time, while the disk has space. */
  #keepAhead(): void {
    const connection = this.#connection;
    if (this.#file === ":memory:" || !connection.db.isOpen) return;
    try {
      if (connection.number("PRAGMA freelist_count") < CHECKPOINT_PAGES) growAhead(connection);
    } catch {
      // The next save fails in the same way and reports it.
    }
  }

  #failed(error: unknown): void {
    this.#trouble = error;
    this.#reports?.unsaved(error);
    this.#scheduleRetry();
  }

  /** Schedules a retry of unsaved changes and of the reserve. */
  #scheduleRetry(): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => {
      this.#save();
      if (this.#unsaved.size > 0 || this.#reserve?.take() === false) this.#scheduleRetry();
    }, RETRY_MS).unref();
  }
}

/** Opens the file on a full disk too: releases the reserve, or else avoids the shared memory file that SQLite cannot create. */
function openOnFullDisk(file: string, reserve: DiskReserve): Connection {
  try {
    return openDatabase(file, false);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    reserve.release();
  }
  try {
    return openDatabase(file, false);
  } catch (error) {
    if (!isOfDisk(error)) throw error;
    return openDatabase(file, true);
  }
}

function openDatabase(file: string, alone: boolean): Connection {
  const onDisk = file !== ":memory:";
  if (onDisk) {
    makeFile(file);
    chmodSync(file, 0o600);
  }
  return Connection.open(file, { durability: "full", alone, form: STATE_FORM }, (connection) => {
    connection.exec(`PRAGMA wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
    const check = connection.get("PRAGMA quick_check(1)")?.[0];
    if (check !== "ok") throw new DamagedError(`${file} is damaged: ${check}`);
    if (onDisk) growAhead(connection);
  });
}

/**
 * Preallocates more of the file and its log than is written until the next call: writes then use existing pages, and succeed on a disk
 * that has become full.
 */
function growAhead(connection: Connection): void {
  try {
    connection.run("INSERT OR REPLACE INTO state VALUES ('grow ahead', '', zeroblob(?))", GROW_BYTES);
    connection.exec("DELETE FROM state WHERE namespace = 'grow ahead'; PRAGMA wal_checkpoint(RESTART)");
  } catch (error) {
    // On a full disk the reserve beside the file remains.
    if (!isOfDisk(error)) throw error;
  }
}

class DamagedError extends Error {}

const SQLITE_IOERR = 10;
const SQLITE_CORRUPT = 11;
const SQLITE_FULL = 13;
const SQLITE_CANTOPEN = 14;
const SQLITE_NOTADB = 26;

function isDamaged(error: unknown): boolean {
  return error instanceof DamagedError || [SQLITE_CORRUPT, SQLITE_NOTADB].includes(sqliteCode(error));
}

function isOfDisk(error: unknown): boolean {
  return [SQLITE_IOERR, SQLITE_FULL, SQLITE_CANTOPEN].includes(sqliteCode(error));
}
