import { createHash } from "node:crypto";
import { closeSync, fsyncSync, openSync, rmSync, writeSync } from "node:fs";
import { ByteWriter, ParquetWriter } from "hyparquet-writer";
import type { PointValue } from "../../../../points/index.ts";
import { COMPRESSION, schemaOf } from "../../../../storage/parquet.ts";
import type { Topic } from "../../../contract.ts";
import { RollupFold } from "../../../rollup.ts";
import { jsonCell, ROW_COLUMNS, textCell, valueCell } from "../../../row-columns.ts";
import { DAY, HOUR } from "../../../time.ts";
import type { Rows } from "../rows.ts";
import {
  COLUMN_BITS,
  FORMAT_VERSION,
  KEYS,
  packTopics,
  RowDigest,
  type TopicEntry,
} from "./day-file-form.ts";
import { encodeHours } from "./hours.ts";

/** Samples of one topic in the order of time; more of the same topic may follow in the next block. */
export interface DayBlock extends Rows {
  readonly topic: Topic;
}

export interface DayFileSummary {
  readonly bytes: number;
  /** Of the file, in hexadecimal. */
  readonly sha256: string;
  readonly rows: number;
  /** Checksum of the samples as they were given. */
  readonly digest: string;
  /** Absent without rows. */
  readonly firstTime?: number;
  readonly lastTime?: number;
  readonly topics: readonly DayTopic[];
}

/** Where a file has a topic. */
export interface DayTopic {
  readonly topic: Topic;
  readonly firstRow: number;
  readonly rows: number;
  /** Columns with values, see `COLUMN_BITS`. */
  readonly columns: number;
  /** Hourly rollups, see `decodeHours`; absent where long texts make them large. */
  readonly hours?: Uint8Array;
}

/** Number of rows after which a row group ends with the current topic. */
const GROUP_ROWS = 40_000;
/** Number of rows after which a row group ends within a topic. */
const MAX_GROUP_ROWS = 60_000;
/** Length of the text and JSON of a row group after which it ends. */
const MAX_GROUP_TEXT = 16 * 1024 * 1024;
/** Maximum size of a dictionary: a column with larger ones is written without. */
const DICTIONARY_BYTES = 4 * 1024 * 1024;
/** One page for each column of a row group, so that zstd sees that the points of a device have the same times. */
const PAGE_BYTES = 2 ** 31;
/** Maximum size of the rollups of a topic. Those of numbers take some hundred bytes. */
const MAX_HOURS_BYTES = 16 * 1024;
/** Length of the bounds of texts in statistics: topics of one site differ only after many characters. */
const BOUND_BYTES = 128;

/**
 * Writes the file of a closed day: row group by row group, of which no more than one is in memory. The file is complete on the disk
 * when this returns; on a failure it is removed. `day`: days since 1970 UTC. Each topic must come once, in consecutive blocks.
 * @throws {RangeError} when samples are of another day or not in the order of time; errors of the file system as they are.
 */
export function writeDayFile(path: string, day: number, blocks: Iterable<DayBlock>): DayFileSummary {
  const descriptor = openSync(path, "w", 0o600);
  try {
    const file = new DayFileWriter(descriptor, day);
    for (const block of blocks) file.add(block);
    const summary = file.finish();
    fsyncSync(descriptor);
    return summary;
  } catch (error) {
    rmSync(path, { force: true });
    throw error;
  } finally {
    closeSync(descriptor);
  }
}

class DayFileWriter {
  readonly #day: number;
  readonly #sha256 = createHash("sha256");
  readonly #digest = new RowDigest();
  readonly #parquet: ParquetWriter;
  readonly #names = new Set<string>();
  readonly #topics: DayTopic[] = [];
  #topic: TopicFold | undefined;
  #group = new Group();
  #rows = 0;
  #bytes = 0;
  #firstTime = Number.POSITIVE_INFINITY;
  #lastTime = Number.NEGATIVE_INFINITY;

  constructor(descriptor: number, day: number) {
    this.#day = day;
    const writer = new ByteWriter();
    const flush = () => {
      this.#write(descriptor, writer.getBytes());
      writer.index = 0;
    };
    this.#parquet = new ParquetWriter({
      writer: Object.assign(writer, { flush, finish: flush }),
      schema: schemaOf(ROW_COLUMNS),
      ...COMPRESSION,
      statisticsTruncateLength: BOUND_BYTES,
      createdBy: "voltbridge",
    });
  }

  add(block: DayBlock): void {
    const { topic, times, values } = block;
    if (topic.name !== this.#topic?.topic.name) this.#begin(topic);
    const fold = this.#topic!;
    this.#digest.add(block);
    for (let row = 0; row < times.length; row++) {
      if (this.#group.isFull()) this.#endGroup();
      const time = times[row]!;
      const value = values[row]!;
      fold.columns |= this.#group.add(fold.topic, time, value);
      fold.add(time, value);
    }
    this.#rows += times.length;
    if (times.length === 0) return;
    this.#firstTime = Math.min(this.#firstTime, times[0]!);
    this.#lastTime = Math.max(this.#lastTime, times.at(-1)!);
  }

  finish(): DayFileSummary {
    this.#endTopic();
    this.#endGroup();
    const entries = this.#topics.map(({ topic: { name, meta }, firstRow, rows }): TopicEntry => {
      return [name, meta.units, meta.type, meta.tz, firstRow, rows];
    });
    this.#parquet.kvMetadata = [
      { key: KEYS.format, value: String(FORMAT_VERSION) },
      { key: KEYS.day, value: new Date((this.#day * DAY) / 1000).toISOString().slice(0, 10) },
      { key: KEYS.topics, value: packTopics(entries) },
    ];
    this.#parquet.finish();
    return {
      ...{ bytes: this.#bytes, sha256: this.#sha256.digest("hex"), rows: this.#rows },
      digest: this.#digest.finish(entries),
      ...(this.#rows > 0 && { firstTime: this.#firstTime, lastTime: this.#lastTime }),
      topics: this.#topics,
    };
  }

  #begin(topic: Topic): void {
    this.#endTopic();
    if (this.#names.has(topic.name)) throw new RangeError(`${topic.name}: a topic must come once`);
    this.#names.add(topic.name);
    if (this.#group.rows >= GROUP_ROWS) this.#endGroup();
    this.#topic = new TopicFold(topic, this.#day, this.#rows);
  }

  #endTopic(): void {
    if (this.#topic && this.#rows > this.#topic.firstRow) this.#topics.push(this.#topic.finish(this.#rows));
    this.#topic = undefined;
  }

  #endGroup(): void {
    if (this.#group.rows === 0) return;
    const { columns, rows } = this.#group;
    this.#group = new Group();
    // The writer's flush is synchronous, and so is this.
    this.#parquet.write({
      columnData: [
        { name: "topic", data: columns.topic },
        // PLAIN: with differences, zstd could not see the repetition.
        { name: "time", data: columns.time, encoding: "PLAIN", columnIndex: true },
        { name: "value", data: columns.value },
        { name: "text", data: columns.text },
        { name: "json", data: columns.json },
        { name: "units", data: columns.units },
      ],
      ...{ rowGroupSize: rows, pageSize: PAGE_BYTES, dictionarySize: DICTIONARY_BYTES },
    });
  }

  #write(descriptor: number, bytes: Uint8Array): void {
    this.#sha256.update(bytes);
    this.#bytes += bytes.length;
    for (let at = 0; at < bytes.length; ) at += writeSync(descriptor, bytes, at);
  }
}

/** Cells of a row group. */
class Group {
  rows = 0;
  readonly columns = {
    ...{ topic: [] as string[], time: [] as bigint[], value: [] as (number | null)[] },
    ...{ text: [] as (string | null)[], json: [] as (string | null)[], units: [] as string[] },
  };
  #textLength = 0;

  isFull(): boolean {
    return this.rows >= MAX_GROUP_ROWS || this.#textLength >= MAX_GROUP_TEXT;
  }

  /** Returns the bits of the columns that have the value. */
  add({ name, meta }: Topic, time: number, pointValue: PointValue): number {
    const [value, text, json] = [valueCell(pointValue), textCell(pointValue), jsonCell(pointValue)];
    const { columns } = this;
    columns.topic.push(name);
    columns.time.push(BigInt(time));
    columns.value.push(value);
    columns.text.push(text);
    columns.json.push(json);
    columns.units.push(meta.units);
    this.rows += 1;
    this.#textLength += (text?.length ?? 0) + (json?.length ?? 0);
    return (
      (value === null ? 0 : COLUMN_BITS.value) |
      (text === null ? 0 : COLUMN_BITS.text) |
      (json === null ? 0 : COLUMN_BITS.json)
    );
  }
}

/** Sums up the rows of one topic. */
class TopicFold {
  readonly topic: Topic;
  readonly firstRow: number;
  columns = 0;
  readonly #day: number;
  readonly #hours: RollupFold[] = [];
  #hour: RollupFold;
  #before: number;

  constructor(topic: Topic, day: number, firstRow: number) {
    this.topic = topic;
    this.firstRow = firstRow;
    this.#day = day;
    this.#before = day * DAY - 1;
    this.#hour = new RollupFold(day * DAY);
    this.#hours.push(this.#hour);
  }

  add(time: number, value: PointValue): void {
    if (!(time > this.#before && time < (this.#day + 1) * DAY))
      throw new RangeError(`${this.topic.name}: time ${time} is of another day or not after ${this.#before}`);
    this.#before = time;
    if (time >= this.#hour.start + HOUR) {
      this.#hour = new RollupFold(Math.floor(time / HOUR) * HOUR);
      this.#hours.push(this.#hour);
    }
    this.#hour.add([time, value]);
  }

  finish(rows: number): DayTopic {
    const hours = encodeHours(
      this.#day,
      this.#hours.flatMap((hour) => hour.rollup() ?? []),
    );
    return {
      ...{ topic: this.topic, firstRow: this.firstRow, rows: rows - this.firstRow, columns: this.columns },
      ...(hours.length <= MAX_HOURS_BYTES && { hours }),
    };
  }
}
