import type { PointType, PointValue } from "../../../points/index.ts";
import type { Connection } from "../../../storage/sqlite.ts";
import type { ReadRequest, ThinRequest, Topic } from "../../contract.ts";
import { Thinning } from "../../thinning.ts";
import { topicKey } from "./batch.ts";
import { DatabaseFile, openForReading } from "./database-file.ts";
import { LARGE } from "./schema.ts";

/** Rows as columns, which are fast to transfer between threads. */
export interface Rows {
  readonly times: Float64Array<ArrayBuffer>;
  readonly values: readonly PointValue[];
}

export interface ThinnedRows extends Rows {
  /** As in `Thinned`. */
  readonly next?: number;
}

/** Time after which a long call ends early, in milliseconds: other queries wait behind it. */
const THIN_MS = 200;
const ROWS_PER_CHECK = 1000;

const TOPICS = "SELECT name, units, type, tz FROM topic";
const IDS = "SELECT device_id, id FROM topic WHERE key = ?";
const ROWS_UP = rowsInOrder("ASC");
const ROWS_DOWN = rowsInOrder("DESC");
const OLDEST =
  "SELECT min((SELECT min(time) FROM sample WHERE device_id = device.id AND time >= ?)) FROM device";
/**
 * Rows of one topic by the times of its device: two lookups for each scrape, however many points it has, where a range of the key would
 * read all of them.
 */
const ROWS_OF_SCRAPES = `WITH RECURSIVE scrape (time) AS (
    SELECT min(time) FROM sample WHERE device_id = ?1 AND time >= ?3
    UNION ALL
    SELECT (SELECT min(time) FROM sample WHERE device_id = ?1 AND time > scrape.time) FROM scrape WHERE scrape.time < ?4)
  SELECT sample.time, value FROM scrape
    JOIN sample ON sample.device_id = ?1 AND sample.time = scrape.time AND sample.topic_id = ?2
    WHERE scrape.time < ?4`;
const LARGE_VALUE = "SELECT json FROM large_value WHERE topic_id = ? AND time = ?";

type TopicColumns = [name: string, units: string, type: PointType, tz: string];
type SampleColumns = [time: number, value: number | string | null];

/** Runs queries on its own connection, which sees committed data and never blocks the writer. */
export class Reader {
  readonly #file: DatabaseFile;

  constructor(file: string) {
    this.#file = new DatabaseFile(file, (path) => openForReading(path));
  }

  open(): void {
    this.#file.get();
  }

  topics(names?: readonly string[]): Topic[] {
    const database = this.#file.get();
    if (!names) return database.all<TopicColumns>(TOPICS).map(toTopic);
    return [...new Set(names.map(topicKey))].flatMap((key) =>
      database.all<TopicColumns>(`${TOPICS} WHERE key = ?`, key).map(toTopic),
    );
  }

  read(request: ReadRequest): Rows {
    const database = this.#file.get();
    // Rows and large values must come from one snapshot.
    database.exec("BEGIN");
    try {
      const ids = database.get<[deviceId: number, topicId: number]>(IDS, topicKey(request.topic));
      return ids ? readTopic(database, ...ids, request) : { times: new Float64Array(), values: [] };
    } finally {
      database.exec("ROLLBACK");
    }
  }

  thin({ topic, start, end, period }: ThinRequest): ThinnedRows {
    const database = this.#file.get();
    const thinning = new Thinning<SampleColumns[1]>(period);
    let next: number | undefined;
    database.exec("BEGIN");
    try {
      const ids = database.get<[deviceId: number, topicId: number]>(IDS, topicKey(topic));
      if (!ids) return { times: new Float64Array(), values: [] };
      const until = performance.now() + THIN_MS;
      let count = 0;
      let isLate = false;
      for (const row of database.iterate(ROWS_OF_SCRAPES, ...ids, start, end)) {
        const [time, value] = row as unknown as SampleColumns;
        if (++count % ROWS_PER_CHECK === 0) isLate = performance.now() > until;
        if (isLate && thinning.begins(time)) {
          next = time;
          break;
        }
        thinning.add(time, value);
      }
      const rows = thinning.finish();
      return {
        times: Float64Array.from(rows, ([time]) => time),
        values: rows.map(([time, value]) => decode(database, ids[1], time, value)),
        ...(next !== undefined && { next }),
      };
    } finally {
      database.exec("ROLLBACK");
    }
  }

  oldest(from: number = Number.MIN_SAFE_INTEGER): number | undefined {
    return this.#file.get().get<[time: number | null]>(OLDEST, from)?.[0] ?? undefined;
  }

  size(): number {
    return this.#file.get().usedBytes();
  }

  close(): void {
    this.#file.close();
  }
}

function readTopic(database: Connection, deviceId: number, topicId: number, request: ReadRequest): Rows {
  const { start, end, order, limit, skip } = request;
  const sql = order === "FIRST_TO_LAST" ? ROWS_UP : ROWS_DOWN;
  const range = [start ?? Number.MIN_SAFE_INTEGER, end ?? Number.MAX_SAFE_INTEGER + 1];
  const rows = database.all<SampleColumns>(sql, deviceId, topicId, ...range, limit, skip);
  return {
    times: Float64Array.from(rows, ([time]) => time),
    values: rows.map(([time, value]) => decode(database, topicId, time, value)),
  };
}

function rowsInOrder(direction: "ASC" | "DESC"): string {
  return `SELECT time, value FROM sample WHERE device_id = ? AND topic_id = ? AND time >= ? AND time < ?
    ORDER BY time ${direction} LIMIT ? OFFSET ?`;
}

function toTopic([name, units, type, tz]: TopicColumns): Topic {
  return { name, meta: { units, type, tz } };
}

function decode(
  database: Connection,
  topicId: number,
  time: number,
  value: number | string | null,
): PointValue {
  if (typeof value !== "string") return value;
  if (value !== LARGE) return JSON.parse(value);
  return JSON.parse(database.get<[json: string]>(LARGE_VALUE, topicId, time)![0]);
}
