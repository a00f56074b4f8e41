import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Connection, Durability } from "../../../../storage/sqlite.ts";
import { DAY } from "../../../time.ts";
import { DatabaseFile, openForWriting } from "../database-file.ts";
import { type DayRow, dayOf, days, rangeOf, removeSamples } from "./catalogue.ts";
import { closeDay } from "./closing.ts";

/** Rows removed in a transaction, for which a batch may have to wait. */
const STEP_ROWS = 10_000;
/** Share of late samples above which the file of a day is written again. */
const LATE_SHARE = 0.01;
/** Share of free pages above which the file is made smaller. */
const FREE_SHARE = 0.1;
/** Least time between two attempts at the same day, in milliseconds: late samples may go on arriving, and what failed may fail again. */
const AGAIN_MS = 3_600_000;

const OLDEST =
  "SELECT min((SELECT min(time) FROM sample WHERE device_id = device.id AND time >= ?)) FROM device";
const IS_KNOWN = "SELECT 1 FROM day WHERE day = ?";
const CLOSING = "WHERE path IS NULL ORDER BY day";
const UNCLEARED = "WHERE path IS NOT NULL AND cleared = 0 ORDER BY day LIMIT 1";
const LATE = `WHERE path IS NOT NULL AND
  (SELECT count(*) FROM late WHERE time >= day.day * ${DAY} AND time < (day.day + 1) * ${DAY}) > ? * rows ORDER BY day`;

export interface KeeperRequest {
  /** Days before this one are closed, as days since 1970 UTC; null: none. */
  readonly closeBefore: number | null;
  /** Whether days with few late samples are written again too, and at once, and the file is made smaller. */
  readonly thorough: boolean;
}

/**
 * Moves the days of a history file into files of their own, oldest first. Each day is first entered as being closed, from when on the
 * writer adds nothing to its samples; then its file is written and entered; then its samples are removed in steps.
 */
export class DayKeeper {
  readonly #file: DatabaseFile;
  readonly #folder: string;
  /** Times before which a day is not written again. */
  readonly #failed = new Map<number, number>();
  /** Why days failed last. */
  readonly #why = new Map<number, string>();
  readonly #rewritten = new Map<number, number>();

  constructor(file: string, folder: string, durability: Durability) {
    this.#file = new DatabaseFile(file, (path) => openForWriting(path, durability));
    this.#folder = folder;
  }

  /** Does a piece of work: a day, or a step of removing. Returns whether there may be more. */
  work({ closeBefore, thorough }: KeeperRequest): boolean {
    const database = this.#file.get();
    this.#removeStrays(database);
    return (
      this.#clear(database) ||
      this.#close(database, days(database, CLOSING)) ||
      this.#close(database, this.#withLate(database, thorough)) ||
      (closeBefore !== null && this.#begin(database, closeBefore)) ||
      (thorough && this.#shrink(database))
    );
  }

  close(): void {
    this.#file.close();
  }

  #withLate(database: Connection, thorough: boolean): DayRow[] {
    if (thorough) return days(database, LATE, 0);
    const now = performance.now();
    return days(database, LATE, LATE_SHARE).filter(({ day }) => (this.#rewritten.get(day) ?? 0) <= now);
  }

  #removeStrays(database: Connection): void {
    for (const [path] of database.all<[path: string]>("SELECT path FROM stray_file")) {
      rmSync(join(this.#folder, path), { force: true });
      database.run("DELETE FROM stray_file WHERE path = ?", path);
    }
  }

  /** Removes samples that are in a file. */
  #clear(database: Connection): boolean {
    const [day] = days(database, UNCLEARED);
    if (!day) return false;
    const { start, end } = rangeOf(day.day);
    const range = { from: start, before: end, rows: STEP_ROWS };
    if (database.transaction(() => removeSamples(database, range)) === 0)
      database.run("UPDATE day SET cleared = 1 WHERE day = ?", day.day);
    return true;
  }

  /** Writes the file of the first of the days that did not fail lately. */
  #close(database: Connection, candidates: readonly DayRow[]): boolean {
    const now = performance.now();
    const day = candidates.find((one) => (this.#failed.get(one.day) ?? 0) <= now);
    if (!day) return false;
    try {
      closeDay(database, this.#folder, day, resting());
    } catch (error) {
      // A full disk or a read-only folder fails every day: the same day is tried again, and no further day is begun.
      if (day.path === null && isOfSystem(error)) throw error;
      this.#failed.set(day.day, now + AGAIN_MS);
      const why = (error as Error).message;
      const isKnown = this.#why.get(day.day) === why;
      this.#why.set(day.day, why);
      // The other days go on, and the same fault is reported once.
      if (!isKnown) throw error;
      return true;
    }
    this.#failed.delete(day.day);
    this.#why.delete(day.day);
    this.#rewritten.set(day.day, now + AGAIN_MS);
    return true;
  }

  /** Gives free pages back to the disk if they are many. */
  #shrink(database: Connection): false {
    const free = database.number("PRAGMA freelist_count");
    if (free > FREE_SHARE * database.number("PRAGMA page_count")) {
      database.exec("VACUUM");
      // The smaller contents are in the log until then.
      database.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    return false;
  }

  /** Begins to close the oldest day before the given one; those that failed are passed over. */
  #begin(database: Connection, before: number): boolean {
    for (let from = Number.MIN_SAFE_INTEGER; ; ) {
      const [oldest] = database.get<[time: number | null]>(OLDEST, from)!;
      if (oldest === null) return false;
      const day = dayOf(oldest);
      if (day >= before) return false;
      if (database.get(IS_KNOWN, day) === undefined) {
        database.run("INSERT OR IGNORE INTO day (day) VALUES (?)", day);
        return true;
      }
      from = rangeOf(day).end;
    }
  }
}

/** Whether the file system or SQLite reported it. */
function isOfSystem(error: unknown): boolean {
  const { syscall, errcode } = error as { syscall?: string; errcode?: number };
  return syscall !== undefined || errcode !== undefined;
}

/** Returns a function that rests for as long as the thread has worked since its last call. */
function resting(): () => void {
  const never = new Int32Array(new SharedArrayBuffer(4));
  let since = performance.now();
  return () => {
    Atomics.wait(never, 0, 0, performance.now() - since);
    since = performance.now();
  };
}
