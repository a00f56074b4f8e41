import { closeSync, openSync, renameSync } from "node:fs";
import {
  Connection,
  type Durability,
  type Form,
  removeFile,
  syncFolder,
  versionsIn,
} from "../storage/sqlite.ts";
import { QueueError } from "./failure.ts";

/** SQLite's default, assumed by the calculations of `size-limit.ts`. */
export const PAGE_BYTES = 4096;

export interface ConnectOptions {
  readonly durability: Durability;
  /** Size of the WAL at which it is checkpointed. */
  readonly walBytes: number;
  readonly alone?: boolean;
}

/** Opens an existing file; migrates it to `form` when given. */
export function connect(file: string, { walBytes, ...options }: ConnectOptions, form?: Form): Connection {
  const pages = Math.max(16, Math.round(walBytes / PAGE_BYTES));
  return Connection.open(file, { ...options, form }, (connection) =>
    connection.exec(
      `PRAGMA wal_autocheckpoint = ${pages}; PRAGMA journal_size_limit = ${2 * pages * PAGE_BYTES}`,
    ),
  );
}

/** Creates a queue file atomically, replacing an existing one. `fill` adds its initial contents. */
export function create(file: string, fill: (connection: Connection) => void = () => {}): void {
  const unfinished = `${file}.new`;
  removeFile(unfinished);
  closeSync(openSync(unfinished, "wx", 0o600));
  try {
    Connection.open(unfinished, {}, (connection) => {
      connection.exec(
        `PRAGMA page_size = ${PAGE_BYTES}; PRAGMA auto_vacuum = INCREMENTAL; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL`,
      );
      connection.migrate(QUEUE_FORM);
      connection.transaction(() => fill(connection));
    }).close();
  } catch (error) {
    removeFile(unfinished);
    throw error;
  }
  renameSync(unfinished, file);
  syncFolder(file);
}

/** Identifies a queue in the header of a SQLite file. */
const APPLICATION_ID = 0x76627175;

/**
 * One step per schema version; `user_version` counts the steps taken. Never change a released step, add one.
 *
 * `tally` contains the counters, in values: kinds `accepted`, `delivered`, `waiting`, `dropped` and `dead` (the last two by reason). It
 * changes in the same transaction as the records, so it is exact.
 * `checksum` covers the whole row: a damaged disk can change a text without damaging the file's structure.
 * `shared` contains texts that many records share, under a number that is also their checksum (`records.ts`).
 * `state.batch` is the last commit of appends, so that a commit with an unknown result can be repeated.
 */
const STEPS = [
  `CREATE TABLE record (
     id INTEGER PRIMARY KEY,
     time INTEGER NOT NULL,
     samples INTEGER NOT NULL,
     retries INTEGER NOT NULL,
     checksum INTEGER NOT NULL,
     key TEXT NOT NULL,
     text TEXT NOT NULL
   );
   CREATE TABLE dead_letter (
     id INTEGER PRIMARY KEY,
     time INTEGER NOT NULL,
     samples INTEGER NOT NULL,
     retries INTEGER NOT NULL,
     checksum INTEGER NOT NULL,
     key TEXT NOT NULL,
     text TEXT NOT NULL,
     reason TEXT NOT NULL,
     detail TEXT NOT NULL,
     at INTEGER NOT NULL
   );
   CREATE TABLE tally (
     kind TEXT NOT NULL,
     reason TEXT NOT NULL,
     samples INTEGER NOT NULL,
     PRIMARY KEY (kind, reason)
   ) WITHOUT ROWID;
   CREATE TABLE state (
     last_id INTEGER NOT NULL,
     last_dead_id INTEGER NOT NULL,
     dead_bytes INTEGER NOT NULL,
     batch INTEGER NOT NULL,
     batch_first INTEGER NOT NULL,
     batch_gone INTEGER NOT NULL
   );
   INSERT INTO state VALUES (0, 0, 0, 0, 0, 0);`,
  `CREATE TABLE shared (
     id INTEGER PRIMARY KEY,
     text TEXT NOT NULL
   );
   ALTER TABLE record ADD COLUMN shared INTEGER;`,
];

/** The tables of a queue. */
export const QUEUE_FORM: Form = {
  newest: STEPS.length,
  applicationId: APPLICATION_ID,
  steps: (version) => STEPS.slice(version),
  newer: (message) => new QueueError("refused", message),
};

/** Returns whether a header is that of another program's SQLite file. */
export function isForeign(header: Buffer): boolean {
  const found = versionsIn(header);
  return found !== undefined && found.applicationId !== APPLICATION_ID;
}
