import { existsSync, mkdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import type { PointType, PointValue } from "../../../../points/index.ts";
import { type Connection, syncFolder } from "../../../../storage/sqlite.ts";
import type { Row, Topic } from "../../../contract.ts";
import { NO_ROWS, type Rows, sliceRows, withLate } from "../rows.ts";
import { readValue, type StoredValue } from "../values.ts";
import { type DayRow, days, forgetDay, markStray, rangeOf } from "./catalogue.ts";
import { ALL_COLUMNS } from "./day-file-form.ts";
import { checkDayFile, checkSum, DayFile, type RowRange } from "./day-file-reader.ts";
import { type DayBlock, type DayFileSummary, writeDayFile } from "./day-file-writer.ts";

/** Number of samples of a device that are in memory at once; a topic with more is read in parts. */
const MOST_IN_MEMORY = 250_000;
const PART = 40_000;
const DAY_MS = 86_400_000;

/** In the order of the file. */
const TOPICS = `SELECT topic.id, topic.device_id, topic.name, topic.units, topic.type, topic.tz
  FROM topic JOIN device ON device.id = topic.device_id ORDER BY device.key, topic.key`;
const COUNTS =
  "SELECT topic_id, count(*) FROM sample WHERE device_id = ? AND time >= ? AND time < ? GROUP BY topic_id";
const SAMPLES =
  "SELECT topic_id, time, value FROM sample WHERE device_id = ? AND time >= ? AND time < ? ORDER BY time, topic_id";
const SAMPLES_OF_TOPIC = `SELECT time, value FROM sample WHERE device_id = ? AND topic_id = ? AND time >= ? AND time < ?
  ORDER BY time LIMIT ?`;
const NEWEST_LATE = "SELECT coalesce(max(id), 0) FROM late WHERE time >= ? AND time < ?";
const LATE_TOPICS = "SELECT DISTINCT topic_id FROM late WHERE time >= ? AND time < ? AND id <= ?";
const REMOVE_LATE = "DELETE FROM late WHERE time >= ? AND time < ? AND id <= ?";
const LATE_SAMPLES =
  "SELECT time, value FROM late WHERE topic_id = ? AND time >= ? AND time < ? AND id <= ? ORDER BY time";
const FILE_TOPICS = `SELECT topic_id, first_row, rows, columns FROM day_topic
  WHERE day = ? AND topic_id IN (SELECT id FROM topic)`;
const ENTER_TOPIC = "INSERT OR REPLACE INTO day_topic VALUES (?, ?, ?, ?, ?, ?)";
const ENTER_DAY =
  "UPDATE day SET path = ?, sha256 = ?, bytes = ?, rows = ?, first_time = ?, last_time = ? WHERE day = ?";

interface TopicOfDay {
  readonly id: number;
  readonly deviceId: number;
  readonly topic: Topic;
}

/** Source of the samples of a day, without its late samples. */
interface DaySource {
  has(topicId: number): boolean;
  /** Yields the parts of the topics, topic by topic in their order; topics without rows too. */
  parts(topics: readonly TopicOfDay[]): Iterable<[topic: TopicOfDay, parts: Iterable<Rows>]>;
}

/** Called between pieces of work, so that the thread can leave the processor to others. */
export type Rest = () => void;

/**
 * Writes the file of a day from its samples, or from its previous file, together with its late samples, and enters it into the
 * catalogue. Until then, and again after a crash at any point, the day is as it was; what is left of the file is removed as a stray.
 */
export function closeDay(database: Connection, folder: string, day: DayRow, rest: Rest): void {
  const { start, end } = rangeOf(day.day);
  // Samples that arrive from now on have later ids, and stay in `late`.
  const late = new LateSamples(database, start, end);
  const source =
    day.path === null ? new RecentDay(database, start, end) : new FiledDay(database, folder, day);
  const topics = topicsOf(database).filter(({ id }) => source.has(id) || late.topics.has(id));
  if (topics.length === 0) {
    database.transaction(() => {
      // Unless samples arrived meanwhile.
      if (new LateSamples(database, start, end).topics.size === 0) forgetDay(database, day);
    });
    return;
  }
  const path = freePath(folder, day);
  const part = `${path}.part`;
  database.transaction(() => {
    markStray(database, path);
    markStray(database, part);
  });
  makeFolders(folder, path);
  const file = join(folder, part);
  const summary = writeDayFile(file, day.day, blocksOf(source, topics, late, rest));
  checkDayFile(file, summary);
  renameSync(file, join(folder, path));
  syncFolder(join(folder, path));
  database.transaction(() => enterDay(database, day, path, topics, summary, late));
}

/** Late samples of a day, as of now. */
class LateSamples {
  readonly newest: number;
  readonly topics: ReadonlySet<number>;
  readonly #database: Connection;
  readonly #range: readonly [start: number, end: number, newest: number];

  constructor(database: Connection, start: number, end: number) {
    this.#database = database;
    this.newest = database.get<[id: number]>(NEWEST_LATE, start, end)![0];
    this.#range = [start, end, this.newest];
    this.topics = new Set(database.all<[id: number]>(LATE_TOPICS, ...this.#range).flat());
  }

  of(topicId: number): Row[] {
    return this.#database
      .all<[number, StoredValue]>(LATE_SAMPLES, topicId, ...this.#range)
      .map(([time, value]) => [time, readValue(this.#database, topicId, time, value)]);
  }

  remove(): void {
    this.#database.run(REMOVE_LATE, ...this.#range);
  }
}

/** A day that has no file yet. Nothing is added to its samples: see `storeSamples` of the layout. */
class RecentDay implements DaySource {
  readonly #database: Connection;
  readonly #range: readonly [start: number, end: number];
  readonly #counts: ReadonlyMap<number, number>;

  constructor(database: Connection, start: number, end: number) {
    this.#database = database;
    this.#range = [start, end];
    const devices = database.all<[id: number]>("SELECT id FROM device");
    this.#counts = new Map(
      devices.flatMap(([id]) => database.all<[topic: number, rows: number]>(COUNTS, id, start, end)),
    );
  }

  has(topicId: number): boolean {
    return this.#counts.has(topicId);
  }

  *parts(topics: readonly TopicOfDay[]): Generator<[TopicOfDay, Iterable<Rows>]> {
    let group: TopicOfDay[] = [];
    let rows = 0;
    for (const topic of topics) {
      const count = this.#counts.get(topic.id) ?? 0;
      const [first] = group;
      if (first && (first.deviceId !== topic.deviceId || rows + count > MOST_IN_MEMORY)) {
        yield* this.#together(group);
        group = [];
        rows = 0;
      }
      group.push(topic);
      rows += count;
    }
    yield* this.#together(group);
  }

  /** Reads topics of one device. */
  *#together(topics: readonly TopicOfDay[]): Generator<[TopicOfDay, Iterable<Rows>]> {
    const [first] = topics;
    if (!first) return;
    if ((this.#counts.get(first.id) ?? 0) > MOST_IN_MEMORY) {
      yield [first, this.#oneByOne(first)];
      return;
    }
    const found = new Map(
      topics.map(({ id }) => [id, { times: [] as number[], values: [] as PointValue[] }]),
    );
    for (const row of this.#database.iterate(SAMPLES, first.deviceId, ...this.#range)) {
      const [id, time, value] = row as [number, number, StoredValue];
      const part = found.get(id);
      part?.times.push(time);
      part?.values.push(readValue(this.#database, id, time, value));
    }
    for (const topic of topics) {
      const { times, values } = found.get(topic.id)!;
      yield [topic, times.length > 0 ? [{ times: Float64Array.from(times), values }] : []];
    }
  }

  *#oneByOne({ id, deviceId }: TopicOfDay): Generator<Rows> {
    let [start, end] = this.#range;
    for (;;) {
      const times: number[] = [];
      const values: PointValue[] = [];
      // While rows are iterated, large values are as of the same time, though old samples are removed meanwhile.
      for (const row of this.#database.iterate(SAMPLES_OF_TOPIC, deviceId, id, start, end, PART)) {
        const [time, value] = row as [number, StoredValue];
        times.push(time);
        values.push(readValue(this.#database, id, time, value));
      }
      if (times.length === 0) return;
      yield { times: Float64Array.from(times), values };
      start = times.at(-1)! + 1;
    }
  }
}

/** A day that has a file. */
class FiledDay implements DaySource {
  readonly #file: DayFile;
  readonly #topics: ReadonlyMap<number, RowRange>;
  readonly #groups: Iterator<Rows>;
  /** The last group, and the number of its first row. */
  #group = NO_ROWS;
  #first = 0;

  constructor(database: Connection, folder: string, { day, path, sha256 }: DayRow) {
    // Or the new file would have damaged values and a good checksum.
    checkSum(join(folder, path!), sha256!);
    this.#file = new DayFile(join(folder, path!));
    const all = { firstRow: 0, rows: this.#file.rows, columns: ALL_COLUMNS };
    this.#groups = this.#file.readRows(all, { order: "FIRST_TO_LAST" });
    this.#topics = new Map(
      database
        .all<[number, number, number, number]>(FILE_TOPICS, day)
        .map(([id, firstRow, rows, columns]) => [id, { firstRow, rows, columns }]),
    );
  }

  has(topicId: number): boolean {
    return this.#topics.has(topicId);
  }

  *parts(topics: readonly TopicOfDay[]): Generator<[TopicOfDay, Iterable<Rows>]> {
    try {
      for (const topic of topics) {
        const range = this.#topics.get(topic.id);
        yield [topic, range ? this.#rowsOf(range) : []];
      }
    } finally {
      this.#file.close();
    }
  }

  /** Reads on from the rows of the topic before, so that each row group is decoded once, however many topics it has. */
  *#rowsOf({ firstRow, rows }: RowRange): Generator<Rows> {
    for (let row = firstRow, end = firstRow + rows; row < end; ) {
      if (row < this.#first)
        throw new RangeError("the topics of the file are in another order than in the catalogue");
      if (row < this.#first + this.#group.times.length) {
        const group = sliceRows(this.#group, row - this.#first, end - this.#first);
        yield group;
        row += group.times.length;
      } else {
        const next = this.#groups.next();
        if (next.done) throw new RangeError(`the file ends at row ${this.#first}, expected ${end}`);
        this.#first += this.#group.times.length;
        this.#group = next.value;
      }
    }
  }
}

/** Returns all topics in the order of the file. */
function topicsOf(database: Connection): TopicOfDay[] {
  return database
    .all<[number, number, string, string, PointType, string]>(TOPICS)
    .map(([id, deviceId, name, units, type, tz]) => ({
      id,
      deviceId,
      topic: { name, meta: { units, type, tz } },
    }));
}

function* blocksOf(
  source: DaySource,
  topics: readonly TopicOfDay[],
  late: LateSamples,
  rest: Rest,
): Generator<DayBlock> {
  for (const [{ id, topic }, parts] of source.parts(topics)) {
    const all = late.topics.has(id) ? withLate(parts, late.of(id), "FIRST_TO_LAST") : parts;
    for (const rows of all) {
      yield { topic, ...rows };
      rest();
    }
  }
}

/** Returns a path below the folder that no file has, and that the day did not have before: readers keep files open by their paths. */
function freePath(folder: string, { day, path: before }: DayRow): string {
  const [year = "", month = "", date = ""] = new Date(day * DAY_MS).toISOString().slice(0, 10).split("-");
  const version = before === null ? 0 : Number(/-(\d+)\.parquet$/.exec(before)?.[1] ?? 1);
  for (let next = version + 1; ; next++) {
    const path = join(year, month, `${date}${next === 1 ? "" : `-${next}`}.parquet`);
    if (!existsSync(join(folder, path))) return path;
  }
}

/** Makes the folders of a file so that they survive a power cut. */
function makeFolders(folder: string, path: string): void {
  const above = dirname(join(folder, path));
  const made = mkdirSync(above, { recursive: true, mode: 0o700 });
  if (made === undefined) return;
  for (let at = above; at.length >= made.length; at = dirname(at)) syncFolder(at);
}

/** Makes the file the day's, and removes what it contains from `late`. */
function enterDay(
  database: Connection,
  { day, path: before }: DayRow,
  path: string,
  topics: readonly TopicOfDay[],
  summary: DayFileSummary,
  late: LateSamples,
): void {
  const [current] = days(database, "WHERE day = ?", day);
  // Removed meanwhile for its age: the new file stays a stray.
  if (!current || current.path !== before) return;
  const { sha256, bytes, rows, firstTime, lastTime } = summary;
  database.run(ENTER_DAY, path, sha256, bytes, rows, firstTime ?? null, lastTime ?? null, day);
  const ids = new Map(topics.map(({ id, topic }) => [topic, id]));
  for (const { topic, firstRow, rows: count, columns, hours } of summary.topics)
    database.run(ENTER_TOPIC, ids.get(topic)!, day, firstRow, count, columns, hours ?? null);
  late.remove();
  database.run("DELETE FROM stray_file WHERE path = ?", path);
  if (before !== null) markStray(database, before);
}
