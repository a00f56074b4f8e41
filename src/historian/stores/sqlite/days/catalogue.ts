import { Connection } from "../../../../storage/sqlite.ts";
import { DAY } from "../../../time.ts";

/** A row of `day`: a day that is closed, or is being closed while it has no `path`. */
export interface DayRow {
  /** Number of days since 1970 UTC. */
  readonly day: number;
  /** Below the folder of the files; null while the day is being closed. */
  readonly path: string | null;
  readonly sha256: string | null;
  readonly bytes: number;
  readonly rows: number;
  /** Time of the first row. */
  readonly first: number | null;
  /** Whether `sample` has no rows of this day any more. */
  readonly cleared: boolean;
}

const DAY_COLUMNS = "day, path, sha256, bytes, rows, first_time, cleared";
const DEVICES_BETWEEN =
  "SELECT id FROM device WHERE EXISTS (SELECT 1 FROM sample WHERE device_id = device.id AND time >= ?1 AND time < ?2)";
const NTH_TIME =
  "SELECT time FROM sample WHERE device_id = ? AND time >= ? AND time < ? ORDER BY time LIMIT 1 OFFSET ?";
const REMOVE = "DELETE FROM sample WHERE device_id = ? AND time >= ? AND time <= ?";

/** Returns the day that contains a time, as a number of days since 1970 UTC. */
export function dayOf(time: number): number {
  return Math.floor(time / DAY);
}

/** Returns the range of a day, in microseconds since 1970 UTC. */
export function rangeOf(day: number): { start: number; end: number } {
  return { start: day * DAY, end: (day + 1) * DAY };
}

/** Returns days of the catalogue; `which` is what follows `FROM day`. */
export function days(database: Connection, which: string, ...values: (number | string)[]): DayRow[] {
  return database
    .all<[number, string | null, string | null, number, number, number | null, number]>(
      `SELECT ${DAY_COLUMNS} FROM day ${which}`,
      ...values,
    )
    .map(([day, path, sha256, bytes, rows, first, cleared]) => ({
      ...{ day, path, sha256, bytes, rows, first },
      cleared: cleared !== 0,
    }));
}

/** Returns the closed days of a history file, which is only read; none where it has no catalogue. */
export function closedDays(file: string): (DayRow & { readonly path: string; readonly sha256: string })[] {
  const database = Connection.open(file, { readOnly: true });
  try {
    if (database.get("SELECT 1 FROM sqlite_schema WHERE name = 'day'") === undefined) return [];
    return days(database, "WHERE path IS NOT NULL ORDER BY day").flatMap(({ path, sha256, ...day }) =>
      path === null || sha256 === null ? [] : [{ ...day, path, sha256 }],
    );
  } finally {
    database.close();
  }
}

/**
 * Removes the oldest closed day that ends at or before a time, if there is one: it leaves the catalogue, and its file becomes a stray
 * one. Returns its number of rows.
 */
export function removeDay(database: Connection, before: number): number {
  const closed = "WHERE path IS NOT NULL AND day < ? ORDER BY day LIMIT 1";
  const [day] = days(database, closed, dayOf(before));
  if (!day) return 0;
  forgetDay(database, day);
  const late = database.run(
    "DELETE FROM late WHERE time >= ? AND time < ?",
    day.day * DAY,
    (day.day + 1) * DAY,
  );
  // A day without rows counts, so that the caller goes on.
  return Math.max(day.rows + Number(late.changes), 1);
}

/** Takes a day out of the catalogue. */
export function forgetDay(database: Connection, { day, path }: DayRow): void {
  database.run("DELETE FROM day_topic WHERE day = ? AND topic_id IN (SELECT id FROM topic)", day);
  database.run("DELETE FROM day WHERE day = ?", day);
  if (path !== null) markStray(database, path);
}

/** Notes that a file is not, or not yet, part of the history: it is removed when the store is next looked after. */
export function markStray(database: Connection, path: string): void {
  database.run("INSERT OR IGNORE INTO stray_file VALUES (?)", path);
}

/**
 * Removes about `rows` of the oldest samples from `from` up to `before` (exclusive), device by device in the order of the key, so that
 * whole pages become free. Returns their number.
 */
export function removeSamples(
  database: Connection,
  { from, before, rows }: { readonly from: number; readonly before: number; readonly rows: number },
): number {
  let removed = 0;
  for (const [device] of database.all<[id: number]>(DEVICES_BETWEEN, from, before)) {
    if (removed >= rows) break;
    const nth = database.get<[time: number]>(NTH_TIME, device, from, before, rows - removed - 1);
    removed += Number(database.run(REMOVE, device, from, nth ? nth[0] : before - 1).changes);
  }
  return removed;
}
