import { createHash } from "node:crypto";
import type { SQLInputValue } from "node:sqlite";
import { crc32 } from "node:zlib";
import type { Connection } from "../storage/sqlite.ts";
import type { QueuedRecord } from "./contract.ts";
import type { Counters } from "./counters.ts";
import { QueueError } from "./failure.ts";
import type { AppendBatch, Appended, ReadPage, ReadRequest } from "./messages.ts";
import { diskBytes, type SizeLimit } from "./size-limit.ts";

/** Records in the file: appending and reading them, and the texts that they share. */

/** Rows per INSERT: twice as fast as one by one. */
const ROWS = 50;
/** Share of the limit that is freed at a time, so that freed pages are reused immediately. */
const PORTION = 0.02;
/** Share of the limit that is kept of a batch larger than the limit. */
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
  counters: Counters,
  limit: SizeLimit,
  texts: SharedTexts,
  batch: AppendBatch,
): Appended {
  const [lastId, lastBatch, first, gone] = connection.get(
    "SELECT last_id, batch, batch_first, batch_gone FROM state",
  ) as [number, number, number, number];
  if (lastBatch >= batch.number) return { first, gone };
  const { keys, samples, times, sharing, lost } = batch;
  const numbers = batch.shared.map((text) => texts.store(connection, limit, text, lastId + keys.length));
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
  counters.add(
    "accepted",
    samples.reduce((sum, count) => sum + count, lost),
  );
  counters.add("dropped", lost, "disk");
  const from = lastId + 1;
  const skipped = insertRows(connection, counters, limit, rows, from);
  const answer = { first: from, gone: Math.max(skipped, Math.min(limit.lastGone - lastId, rows.length), 0) };
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
export function insertRows(
  connection: Connection,
  counters: Counters,
  limit: SizeLimit,
  rows: readonly NewRow[],
  from: number,
): number {
  const sizes = rows.map(({ key, text }) => diskBytes(Buffer.byteLength(key) + Buffer.byteLength(text)));
  const skipped = tooMany(sizes, limit.bytes * FILL);
  for (const row of rows.slice(0, skipped)) limit.lost(row.samples, row.time);
  let portion: SQLInputValue[] = [];
  let need = 0;
  let waiting = 0;
  const flush = (): void => {
    limit.makeRoom(need);
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
    if (portion.length === ROWS * COLUMNS || need > limit.bytes * PORTION) flush();
  }
  if (portion.length > 0) flush();
  counters.add("waiting", waiting);
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

/** Records from the one after `after` on: at least one, where there is one. */
export function readRecords(
  connection: Connection,
  texts: SharedTexts,
  { after, count, bytes }: ReadRequest,
): ReadPage {
  const records: QueuedRecord[] = [];
  const sharing: number[] = [];
  const shared: string[] = [];
  const indexes = new Map<number, number>();
  let length = 0;
  const take = (number: number): number => {
    const text = texts.find(connection, number);
    const index = text === undefined ? -1 : shared.push(text) - 1;
    indexes.set(number, index);
    length += text?.length ?? 0;
    return index;
  };
  const rows = connection.iterate(
    "SELECT id, time, samples, key, text, shared, checksum FROM record WHERE id > ? ORDER BY id LIMIT ?",
    after,
    count,
  );
  for (const row of rows) {
    const [id, time, samples, key, text, number, sum] = row as [
      number,
      number,
      number,
      string,
      string,
      number | null,
      number,
    ];
    if (sum !== recordChecksum(time, samples, key, text, number))
      throw new QueueError("damaged", `record ${id} is not what was written`);
    length += text.length;
    if (records.length > 0 && length > bytes) break;
    const index = number === null ? -1 : (indexes.get(number) ?? take(number));
    sharing.push(index);
    const incomplete = number !== null && index < 0;
    records.push({ id, time, samples, key, text, ...(incomplete && { incomplete }) });
  }
  return { records, shared, sharing };
}

/** Maximum number of shared texts kept in memory. */
const MAX_TEXTS = 1000;
/** Bytes of new shared texts after which those that no record needs any more are deleted. */
const TIDY_BYTES = 256 * 1024;

/** The texts that records have in common: each once in the file, under a number that is made of it. */
export class SharedTexts {
  readonly #known = new Map<number, string>();
  /** By number, the id of a record after which none refers to it: exact for what was stored since the opening. */
  readonly #lastUses = new Map<number, number>();
  #bytes = 0;

  /** After the file was opened: with what a damaged one has lost, and without what no record needs. */
  opened(connection: Connection): void {
    if (this.#known.size === 0 && !connection.get("SELECT 1 FROM shared LIMIT 1")) return;
    connection.transaction(() => {
      for (const [id, text] of this.#known) insertText(connection, id, text);
      connection.run(
        "DELETE FROM shared WHERE id NOT IN (SELECT shared FROM record WHERE shared IS NOT NULL)",
      );
      this.#lastUses.clear();
      const lastId = connection.number("SELECT last_id FROM state");
      for (const [id] of connection.all("SELECT id FROM shared")) this.#lastUses.set(id as number, lastId);
    });
  }

  /** Puts a text into the file where it is not there yet, for records up to `lastUse`. Answers its number. Within a transaction. */
  store(connection: Connection, limit: SizeLimit, text: string, lastUse: number): number {
    const id = numberOf(text);
    this.#lastUses.set(id, lastUse);
    this.#remember(id, text);
    if (connection.get("SELECT 1 FROM shared WHERE id = ?", id)) return id;
    const bytes = diskBytes(Buffer.byteLength(text));
    limit.makeRoom(bytes);
    insertText(connection, id, text);
    this.#bytes += bytes;
    return id;
  }

  /** Undefined where it was lost. */
  find(connection: Connection, id: number): string | undefined {
    const known = this.#known.get(id);
    if (known !== undefined) return known;
    const text = connection.get("SELECT text FROM shared WHERE id = ?", id)?.[0] as string | undefined;
    if (text === undefined) return undefined;
    if (numberOf(text) !== id) throw new QueueError("damaged", `shared text ${id} is not what was written`);
    this.#remember(id, text);
    return text;
  }

  /** Keeps the file from growing with texts of long ago. Within a transaction. */
  tidy(connection: Connection): void {
    if (this.#bytes >= TIDY_BYTES) this.deleteUnused(connection);
  }

  /** Lets those go that only records before the first one of now had. Within a transaction. */
  deleteUnused(connection: Connection): void {
    // Where nothing waits, records of the present transaction are still to come.
    const first = connection.number("SELECT coalesce(min(id), (SELECT last_id FROM state) + 1) FROM record");
    for (const [id, lastUse] of this.#lastUses) {
      if (lastUse >= first) continue;
      connection.run("DELETE FROM shared WHERE id = ?", id);
      this.#lastUses.delete(id);
    }
    this.#bytes = 0;
  }

  #remember(id: number, text: string): void {
    // The one that was not needed for longest is the first.
    this.#known.delete(id);
    this.#known.set(id, text);
    if (this.#known.size > MAX_TEXTS) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** 48 bits, so that it is also a checksum that no two texts have in common. */
export function numberOf(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

function insertText(connection: Connection, id: number, text: string): void {
  connection.run("INSERT OR IGNORE INTO shared (id, text) VALUES (?, ?)", id, text);
}
