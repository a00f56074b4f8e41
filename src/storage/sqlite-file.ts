import { closeSync, fsyncSync, mkdirSync, openSync, renameSync, rmSync, statSync } from "node:fs";
import { dirname } from "node:path";
import type { DatabaseSync } from "node:sqlite";

/** Device and inode of a file; empty where there is none. */
export function identityOf(file: string): string {
  const stats = statSync(file, { throwIfNoEntry: false });
  return stats ? `${stats.dev}:${stats.ino}` : "";
}

/**
 * Says whether an open database is still the one at its path. Linux lets go of a file only when it is closed: one that was removed
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
 * Writes all that an open database holds into a new file at its path, readable by the owner only, and closes the database. What stands at
 * the path now is moved aside. Where it throws, the database is open still and nothing is lost.
 */
export function putBack(db: DatabaseSync, file: string): void {
  const unfinished = `${file}.new`;
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  for (const end of ["", "-wal", "-shm", "-journal"]) rmSync(unfinished + end, { force: true });
  closeSync(openSync(unfinished, "wx", 0o600));
  db.exec(`VACUUM INTO '${unfinished.replaceAll("'", "''")}'`);
  flush(unfinished);
  db.close();
  for (const end of ["-wal", "-shm"]) rmSync(file + end, { force: true });
  if (identityOf(file) !== "")
    renameSync(file, `${file}.aside-${new Date().toISOString().replaceAll(":", "")}`);
  renameSync(unfinished, file);
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
