import { closeSync, openSync, renameSync } from "node:fs";
import { Connection, type Durability, type Form, removeFile, syncFolder } from "../storage/sqlite.ts";
import { QUEUE_FORM } from "./schema.ts";

/** SQLite's default, and what the sums of `size-limit.ts` are made with. */
export const PAGE_BYTES = 4096;

export interface ConnectOptions {
  readonly durability: Durability;
  /** The log beside the file is moved into it whenever it has grown to about this. */
  readonly walBytes: number;
  readonly alone?: boolean;
}

/** Opens a file that is there. `form`: it is brought to the newest version. */
export function connect(file: string, { walBytes, ...options }: ConnectOptions, form?: Form): Connection {
  const pages = Math.max(16, Math.round(walBytes / PAGE_BYTES));
  return Connection.open(file, { ...options, form }, (connection) =>
    connection.exec(
      `PRAGMA wal_autocheckpoint = ${pages}; PRAGMA journal_size_limit = ${2 * pages * PAGE_BYTES}`,
    ),
  );
}

/** Makes a queue file, whole or not at all, in place of what was there. `fill` puts into it what it begins with. */
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
