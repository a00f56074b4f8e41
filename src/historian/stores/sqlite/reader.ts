import type { PointType } from "../../../points/index.ts";
import type { Connection } from "../../../storage/sqlite.ts";
import type { ReadRequest, RollupRequest, ThinRequest, Topic } from "../../contract.ts";
import { Thinning } from "../../thinning.ts";
import { DAY } from "../../time.ts";
import { topicKey } from "./batch.ts";
import { DatabaseFile, openForReading } from "./database-file.ts";
import { type DayRow, dayOf, days } from "./days/catalogue.ts";
import { DayFileError } from "./days/day-file-form.ts";
import type { DayFile } from "./days/day-file-reader.ts";
import { DayFiles, type UnreadableDay } from "./days/day-files.ts";
import type { EncodedHours } from "./days/hours.ts";
import { type TopicIds, timeline } from "./days/timeline.ts";
import { joinRows, NO_ROWS, type Rows, toColumns } from "./rows.ts";

export interface ThinnedRows extends Rows {
  /** As in `Thinned`. */
  readonly next?: number;
}

/** Time after which a long call ends early, in milliseconds: other queries wait behind it. */
const THIN_MS = 200;
/** Schema version of the first files with closed days. */
const FIRST_WITH_DAYS = 2;
/** Stands for the tables that an older file does not have; nothing is written to it. */
const NO_DAYS = `CREATE TEMP TABLE day (day, path, sha256, bytes, rows, first_time, last_time, cleared);
  CREATE TEMP TABLE day_topic (topic_id, day, first_row, rows, columns, hours);
  CREATE TEMP TABLE late (id, topic_id, time, value);
  CREATE TEMP TABLE stray_file (path)`;
/** The range of times, see `Sample`. */
const FIRST_TIME = Number.MIN_SAFE_INTEGER;
const AFTER_LAST_TIME = Number.MAX_SAFE_INTEGER + 1;
const ROWS_PER_CHECK = 1000;

const TOPICS = "SELECT name, units, type, tz FROM topic";
const IDS = "SELECT device_id, id FROM topic WHERE key = ?";
const OLDEST =
  "SELECT min((SELECT min(time) FROM sample WHERE device_id = device.id AND time >= ?)) FROM device";
const OLDEST_LATE = "SELECT min(time) FROM late WHERE time >= ?";
const FILE_BYTES = "SELECT coalesce(sum(bytes), 0) FROM day";
const HOURS = `SELECT day, hours FROM day_topic WHERE topic_id = ? AND day >= ? AND day <= ? AND hours IS NOT NULL AND NOT EXISTS (
    SELECT 1 FROM late WHERE late.topic_id = day_topic.topic_id AND time >= day * ${DAY} AND time < (day + 1) * ${DAY})
  ORDER BY day`;

type TopicColumns = [name: string, units: string, type: PointType, tz: string];

/** Runs queries on its own connection, which sees committed data and never blocks the writer. */
export class Reader {
  readonly #file: DatabaseFile;
  readonly #files: DayFiles;
  /** A file of an older version. */
  #withoutDays: Connection | undefined;

  /** `folder`: of the files of closed days. `onUnreadable`: called once for each file that cannot be read. */
  constructor(file: string, folder: string, onUnreadable: (day: UnreadableDay) => void) {
    this.#file = new DatabaseFile(file, (path) => this.#open(path));
    this.#files = new DayFiles(folder, onUnreadable);
  }

  open(): void {
    this.#file.get();
  }

  #open(path: string): Connection {
    const database = openForReading(path);
    if (database.number("PRAGMA user_version") < FIRST_WITH_DAYS) {
      database.exec(NO_DAYS);
      this.#withoutDays = database;
    }
    return database;
  }

  topics(names?: readonly string[]): Topic[] {
    const database = this.#file.get();
    if (!names) return database.all<TopicColumns>(TOPICS).map(toTopic);
    return [...new Set(names.map(topicKey))].flatMap((key) =>
      database.all<TopicColumns>(`${TOPICS} WHERE key = ?`, key).map(toTopic),
    );
  }

  read({ topic, start, end, order, skip, limit }: ReadRequest): Rows {
    const range = { start: start ?? FIRST_TIME, end: end ?? AFTER_LAST_TIME, order, skip, limit };
    return (
      this.#ofTopic(topic, (database, ids) =>
        joinRows([...timeline(database, this.#files, { ...ids, ...range })]),
      ) ?? NO_ROWS
    );
  }

  thin({ topic, start, end, period }: ThinRequest): ThinnedRows {
    return (
      this.#ofTopic(topic, (database, ids) => {
        const thinning = new Thinning(period);
        const request = { ...ids, start, end, order: "FIRST_TO_LAST", byScrape: true } as const;
        const pieces = timeline(database, this.#files, request);
        const next = thinUntil(performance.now() + THIN_MS, thinning, pieces);
        return { ...toColumns(thinning.finish()), ...(next !== undefined && { next }) };
      }) ?? NO_ROWS
    );
  }

  rollups({ topic, start, end }: RollupRequest): readonly EncodedHours[] {
    return (
      this.#ofTopic(topic, (database, { topicId }) =>
        database
          .all<[day: number, hours: Uint8Array]>(HOURS, topicId, dayOf(start), dayOf(end - 1))
          .map(([day, bytes]) => ({ day, bytes })),
      ) ?? []
    );
  }

  oldest(from: number = FIRST_TIME): number | undefined {
    return this.#inSnapshot((database) => {
      const times = [OLDEST, OLDEST_LATE].flatMap(
        (sql) => database.get<[time: number | null]>(sql, from)?.[0] ?? [],
      );
      const filed = this.#oldestFiled(database, from);
      return [...times, ...(filed === undefined ? [] : [filed])].sort((a, b) => a - b)[0];
    });
  }

  size(): number {
    const database = this.#current();
    return database.usedBytes() + database.number(FILE_BYTES);
  }

  days(): DayRow[] {
    return this.#inSnapshot((database) => days(database, "WHERE path IS NOT NULL ORDER BY day"));
  }

  /** Reads the whole file of a day. Returns what is wrong with it; undefined when nothing is, or it was replaced meanwhile. */
  check(path: string): string | undefined {
    return this.#files.check(path, () => this.days().find((day) => day.path === path));
  }

  /** Checks the history file itself. Returns the first of its faults. */
  checkRecent(): string | undefined {
    const database = this.#current();
    const [found] = database.get<[string]>("PRAGMA quick_check(1)")!;
    return found === "ok" ? undefined : `${database.file}: ${found}`;
  }

  /** Returns the files in the folder that are not of the catalogue, and not about to be removed. */
  others(): string[] {
    // Before the catalogue, which knows a file before it is there; some may be gone afterwards.
    const paths = this.#files.paths();
    return this.#inSnapshot((database) => {
      const strays = database.all<[path: string]>("SELECT path FROM stray_file").flat();
      const known = new Set([...strays, ...days(database, "WHERE path IS NOT NULL").map(({ path }) => path)]);
      const others = paths.filter((path) => !known.has(path));
      if (others.length === 0) return others;
      const still = new Set(this.#files.paths());
      return others.filter((path) => still.has(path));
    });
  }

  close(): void {
    this.#files.close();
    this.#file.close();
  }

  /** Returns the oldest time in a file at or after `from`. */
  #oldestFiled(database: Connection, from: number): number | undefined {
    for (const { path, first } of days(
      database,
      "WHERE path IS NOT NULL AND last_time >= ? ORDER BY day LIMIT 2",
      from,
    )) {
      if (first === null || path === null) continue;
      if (first >= from) return first;
      try {
        return firstTime(this.#files.get(path), from);
      } catch (error) {
        this.#files.report(path, error);
      }
    }
    return undefined;
  }

  #ofTopic<T>(topic: string, read: (database: Connection, ids: TopicIds) => T): T | undefined {
    return this.#inSnapshot((database) => {
      const ids = database.get<[deviceId: number, topicId: number]>(IDS, topicKey(topic));
      return ids && read(database, { deviceId: ids[0], topicId: ids[1] });
    });
  }

  /** Returns the open file; opens it anew once the bridge has migrated it. */
  #current(): Connection {
    const database = this.#file.get();
    if (database !== this.#withoutDays || database.number("PRAGMA user_version") < FIRST_WITH_DAYS)
      return database;
    this.#file.close();
    return this.#file.get();
  }

  /** Reads rows, large values and the catalogue as of one time. */
  #inSnapshot<T>(read: (database: Connection) => T): T {
    for (;;) {
      const database = this.#current();
      database.exec("BEGIN");
      try {
        return read(database);
      } catch (error) {
        // A file is missing, for the first time: see `DayFiles`.
        if (!(error instanceof DayFileError)) throw error;
      } finally {
        database.exec("ROLLBACK");
      }
    }
  }
}

/** Returns the first time in a file at or after `from`; undefined without one. */
function firstTime(file: DayFile, from: number): number | undefined {
  let first = Number.POSITIVE_INFINITY;
  for (const { times } of file.readRows(
    { firstRow: 0, rows: file.rows, columns: 0 },
    { order: "FIRST_TO_LAST" },
  ))
    for (const time of times) if (time >= from && time < first) first = time;
  return Number.isFinite(first) ? first : undefined;
}

/** Adds rows until they end, or the time is over and a period too. Returns the time of the next row in that case. */
function thinUntil(end: number, thinning: Thinning, pieces: Iterable<Rows>): number | undefined {
  let count = 0;
  let isOver = false;
  for (const { times, values } of pieces)
    for (const [row, time] of times.entries()) {
      if (++count % ROWS_PER_CHECK === 0) isOver = performance.now() > end;
      if (isOver && thinning.begins(time)) return time;
      thinning.add(time, values[row]!);
    }
  return undefined;
}

function toTopic([name, units, type, tz]: TopicColumns): Topic {
  return { name, meta: { units, type, tz } };
}
