import type { Connection } from "../../../../storage/sqlite.ts";
import type { Order, Row } from "../../../contract.ts";
import { DAY } from "../../../time.ts";
import { type Rows, sliceRows, toColumns, withLate } from "../rows.ts";
import { readValue, type StoredValue } from "../values.ts";
import { dayOf } from "./catalogue.ts";
import type { DayFiles } from "./day-files.ts";

/** Ids of a topic in the history file. */
export interface TopicIds {
  readonly deviceId: number;
  readonly topicId: number;
}

/** A range of one topic. */
export interface TimelineRequest extends TopicIds {
  /** Inclusive. */
  readonly start: number;
  /** Exclusive. */
  readonly end: number;
  readonly order: Order;
  /** Number of rows to skip. Default 0. */
  readonly skip?: number;
  /** Maximum number of rows to return. Default: all. */
  readonly limit?: number;
  /** Looks up each scrape of the device, first to last, instead of reading the range of all its points. */
  readonly byScrape?: boolean;
}

/** Where the file of a day has the topic. */
interface FiledRows {
  readonly path: string;
  readonly firstRow: number;
  readonly rows: number;
  readonly columns: number;
}

/** Number of rows of SQLite that are returned at once. */
const PIECE = 1000;

interface Segment {
  readonly start: number;
  readonly end: number;
  /** Absent: the rows are in `sample`. */
  readonly filed?: FiledRows;
}

const FILED = `SELECT day, path, first_row, day_topic.rows, columns FROM day_topic JOIN day USING (day)
  WHERE topic_id = ? AND day >= ? AND day <= ? ORDER BY day`;
const LATE = "SELECT time, value FROM late WHERE topic_id = ? AND time >= ? AND time < ? ORDER BY time";
const SAMPLES =
  "SELECT time, value FROM sample WHERE device_id = ?1 AND topic_id = ?2 AND time >= ?3 AND time < ?4 ORDER BY time";
/** Two lookups for each scrape, however many points the device has. */
const SAMPLES_BY_SCRAPE = `WITH RECURSIVE scrape (time) AS (
    SELECT min(time) FROM sample WHERE device_id = ?1 AND time >= ?3
    UNION ALL
    SELECT (SELECT min(time) FROM sample WHERE device_id = ?1 AND time > scrape.time) FROM scrape WHERE scrape.time < ?4)
  SELECT sample.time, value FROM scrape
    JOIN sample ON sample.device_id = ?1 AND sample.time = scrape.time AND sample.topic_id = ?2
    WHERE scrape.time < ?4`;

/**
 * Yields the rows of a topic, piece by piece, from the files of closed days, from `sample`, and from `late`, whose rows replace the
 * others. Must run in a read transaction. The rows of a file that cannot be read are left out.
 */
export function* timeline(database: Connection, files: DayFiles, request: TimelineRequest): Generator<Rows> {
  const { topicId, start, end, order } = request;
  let { skip = 0, limit = Number.POSITIVE_INFINITY } = request;
  if (limit === 0) return;
  const hasLate = database.get(`${LATE} LIMIT 1`, topicId, start, end) !== undefined;
  for (const segment of segments(database, request)) {
    const range = [topicId, segment.start, segment.end] as const;
    const late = hasLate ? database.all<[number, StoredValue]>(LATE, ...range) : [];
    const { filed } = segment;
    if (filed && late.length === 0 && skip >= filed.rows && segment.end - segment.start === DAY) {
      skip -= filed.rows;
      continue;
    }
    const pieces = filed
      ? filedRows(files, filed, segment, order)
      : samples(database, request, segment, skip + limit);
    const lateRows = late.map(([time, value]): Row => [time, readValue(database, topicId, time, value)]);
    for (const piece of withLate(pieces, order === "FIRST_TO_LAST" ? lateRows : lateRows.reverse(), order)) {
      const rows = sliceRows(piece, skip, skip + limit);
      skip = Math.max(skip - piece.times.length, 0);
      limit -= rows.times.length;
      if (rows.times.length > 0) yield rows;
      if (limit === 0) return;
    }
  }
}

/** Cuts a range at the days whose files have the topic, in the order asked for. */
function* segments(
  database: Connection,
  { topicId, start, end, order }: TimelineRequest,
): Generator<Segment> {
  const isUp = order === "FIRST_TO_LAST";
  let [from, to] = [start, end];
  for (const row of database.iterate(FILED + (isUp ? "" : " DESC"), topicId, dayOf(start), dayOf(end - 1))) {
    const [day, path, firstRow, rows, columns] = row as [number, string, number, number, number];
    const dayStart = Math.max(day * DAY, start);
    const dayEnd = Math.min((day + 1) * DAY, end);
    if (isUp && from < dayStart) yield { start: from, end: dayStart };
    if (!isUp && to > dayEnd) yield { start: dayEnd, end: to };
    yield { start: dayStart, end: dayEnd, filed: { path, firstRow, rows, columns } };
    if (isUp) from = dayEnd;
    else to = dayStart;
  }
  if (from < to) yield { start: from, end: to };
}

function* filedRows(
  files: DayFiles,
  filed: FiledRows,
  { start, end }: Segment,
  order: Order,
): Generator<Rows> {
  try {
    yield* files.get(filed.path).readRows(filed, { start, end, order });
  } catch (error) {
    files.report(filed.path, error);
  }
}

function* samples(
  database: Connection,
  { deviceId, topicId, order, byScrape = false }: TimelineRequest,
  { start, end }: Segment,
  most: number,
): Generator<Rows> {
  const sql = byScrape ? SAMPLES_BY_SCRAPE : order === "FIRST_TO_LAST" ? SAMPLES : `${SAMPLES} DESC`;
  const size = Math.min(most, PIECE);
  let rows: Row[] = [];
  for (const row of database.iterate(sql, deviceId, topicId, start, end)) {
    const [time, value] = row as [number, StoredValue];
    if (rows.push([time, readValue(database, topicId, time, value)]) < size) continue;
    yield toColumns(rows);
    rows = [];
  }
  if (rows.length > 0) yield toColumns(rows);
}
