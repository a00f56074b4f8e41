import type { SQLInputValue } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { Connection } from "../storage/sqlite.ts";
import type { AppendBatch, Appended } from "./messages.ts";
import { diskBytes, type Room } from "./room.ts";
import type { SharedTexts } from "./shared-texts.ts";
import type { Tally } from "./tally.ts";

/** Rows per INSERT: twice as fast as one by one. */
const ROWS = 50;
/** Room is made for so much of the limit at a time, so that what was freed is used again at once. */
const PORTION = 0.02;
/** Of a batch that is larger than the limit, so much of the limit is kept. */
const FILL = 0.9;

/** A record on its way into the file. */
export interface NewRow {
  readonly time: number;
  readonly samples: number;
  readonly retries: number;
  readonly key: string;
  readonly text: string;
  /** Number of its shared text. */
  readonly shared: number | null;
}

/** Puts a batch at the end of the queue. Within a transaction. */
export function append(
  connection: Connection,
  tally: Tally,
  room: Room,
  texts: SharedTexts,
  batch: AppendBatch,
): Appended {
  const [lastId, lastBatch, first, gone] = connection.get(
    "SELECT last_id, batch, batch_first, batch_gone FROM state",
  ) as [number, number, number, number];
  if (lastBatch >= batch.number) return { first, gone };
  const { keys, samples, times, sharing, lost } = batch;
  const numbers = batch.shared.map((text) => texts.store(connection, room, text, lastId + keys.length));
  const rows = batch.texts.map(
    (text, index): NewRow => ({
      time: times[index]!,
      samples: samples[index]!,
      retries: 0,
      key: keys[index]!,
      text,
      shared: numbers[sharing[index]!] ?? null,
    }),
  );
  tally.add(
    "accepted",
    samples.reduce((sum, count) => sum + count, lost),
  );
  tally.add("dropped", lost, "disk");
  const from = lastId + 1;
  const skipped = insert(connection, tally, room, rows, from);
  const answer = { first: from, gone: Math.max(skipped, Math.min(room.lastGone - lastId, rows.length), 0) };
  connection.run(
    "UPDATE state SET last_id = ?, batch = ?, batch_first = ?, batch_gone = ?",
    lastId + rows.length,
    batch.number,
    answer.first,
    answer.gone,
  );
  return answer;
}

/**
 * Inserts rows with ids from `from` on, after making room for them. Answers how many of them, the oldest, were left out
 * because all together are more than the limit.
 */
export function insert(
  connection: Connection,
  tally: Tally,
  room: Room,
  rows: readonly NewRow[],
  from: number,
): number {
  const sizes = rows.map(({ key, text }) => diskBytes(Buffer.byteLength(key) + Buffer.byteLength(text)));
  const skipped = tooMany(sizes, room.limit * FILL);
  for (const row of rows.slice(0, skipped)) room.lost(row.samples, row.time);
  let portion: SQLInputValue[] = [];
  let need = 0;
  let waiting = 0;
  const flush = (): void => {
    room.make(need);
    connection.run(insertSql(portion.length / COLUMNS), ...portion);
    portion = [];
    need = 0;
  };
  for (let index = skipped; index < rows.length; index++) {
    const { time, samples, retries, key, text, shared } = rows[index]!;
    waiting += samples;
    const sum = recordChecksum(time, samples, key, text, shared);
    portion.push(from + index, time, samples, retries, sum, key, text, shared);
    need += sizes[index]!;
    if (portion.length === ROWS * COLUMNS || need > room.limit * PORTION) flush();
  }
  if (portion.length > 0) flush();
  tally.add("waiting", waiting);
  return skipped;
}

export function recordChecksum(
  time: number,
  samples: number,
  key: string,
  text: string,
  shared: number | null,
): number {
  return shared === null
    ? checksum(time, samples, key, text)
    : checksum(time, samples, key, text, String(shared));
}

/** Over all that a row says. */
export function checksum(time: number, samples: number, ...texts: readonly string[]): number {
  let sum = crc32(`${time} ${samples}`);
  for (const text of texts) sum = crc32(text, sum);
  return sum;
}

/** How many from the first on have to be left out so that the rest is no more than `limit`. */
function tooMany(sizes: readonly number[], limit: number): number {
  let sum = 0;
  for (let index = sizes.length - 1; index >= 0; index--) {
    sum += sizes[index]!;
    if (sum > limit) return index + 1;
  }
  return 0;
}

const COLUMNS = 8;

function insertSql(rows: number): string {
  return `INSERT INTO record (id, time, samples, retries, checksum, key, text, shared) VALUES ${Array(rows).fill("(?, ?, ?, ?, ?, ?, ?, ?)").join(", ")}`;
}
