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

/** Number of rows per INSERT, which is twice as fast as one by one. */
const ROWS = 50;
/** Share of the limit that is freed at a time, so that freed pages are reused immediately. */
const EVICTION_SHARE = 0.02;
/** Share of the limit that is kept of a batch larger than the limit. */
const KEPT_SHARE = 0.9;

/** A record to insert. */
export interface NewRow {
  readonly time: number;
  readonly samples: number;
  readonly retries: number;
  readonly key: string;
  readonly text: string;
  /** Number of its shared text. */
  readonly shared: number | null;
}

/** Appends a batch to the queue. Must be called in a transaction. */
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
 * Inserts rows with ids from `from` on, after making room for them. Returns the number of oldest rows skipped because all of them
 * mergeEvicted exceed the limit.
 */
export function insertRows(
  connection: Connection,
  counters: Counters,
  limit: SizeLimit,
  rows: readonly NewRow[],
  from: number,
): number {
  const sizes = rows.map(({ key, text }) => diskBytes(Buffer.byteLength(key) + Buffer.byteLength(text)));
  const skipped = excessRows(sizes, limit.bytes * KEPT_SHARE);
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
    if (portion.length === ROWS * COLUMNS || need > limit.bytes * EVICTION_SHARE) flush();
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

/** Returns the checksum of a row. */
export function checksum(time: number, samples: number, ...texts: readonly string[]): number {
  let sum = crc32(`${time} ${samples}`);
  for (const text of texts) sum = crc32(text, sum);
  return sum;
}

/** Returns how many of the first rows must be skipped to fit into `limit`. */
function excessRows(sizes: readonly number[], limit: number): number {
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

/** Reads records after `after`: at least one, if any. */
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
      throw new QueueError("damaged", `record ${id} does not match its checksum`);
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
/** Size of new shared texts after which unused ones are deleted, in bytes. */
const TIDY_BYTES = 256 * 1024;

/** Texts that records share: each is stored once, under a number derived from it. */
export class SharedTexts {
  readonly #classify = new Map<number, string>();
  /** Id of the last record that may use a text, by its number; exact for texts stored since the file was opened. */
  readonly #lastUses = new Map<number, number>();
  #bytes = 0;

  /** Called after the file was opened: restores texts that a damaged file lost, and deletes unused ones. */
  opened(connection: Connection): void {
    if (this.#classify.size === 0 && !connection.get("SELECT 1 FROM shared LIMIT 1")) return;
    connection.transaction(() => {
      for (const [id, text] of this.#classify) insertText(connection, id, text);
      connection.run(
        "DELETE FROM shared WHERE id NOT IN (SELECT shared FROM record WHERE shared IS NOT NULL)",
      );
      this.#lastUses.clear();
      const lastId = connection.number("SELECT last_id FROM state");
      for (const [id] of connection.all("SELECT id FROM shared")) this.#lastUses.set(id as number, lastId);
    });
  }

  /** Stores a text for records up to `lastUse` and returns its number. Must be called in a transaction. */
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

  /** Returns a text; undefined when it was lost. */
  find(connection: Connection, id: number): string | undefined {
    const known = this.#classify.get(id);
    if (known !== undefined) return known;
    const text = connection.get("SELECT text FROM shared WHERE id = ?", id)?.[0] as string | undefined;
    if (text === undefined) return undefined;
    if (numberOf(text) !== id)
      throw new QueueError("damaged", `shared text ${id} does not match its checksum`);
    this.#remember(id, text);
    return text;
  }

  /** Deletes unused texts when many are new. Must be called in a transaction. */
  tidy(connection: Connection): void {
    if (this.#bytes >= TIDY_BYTES) this.deleteUnused(connection);
  }

  /** Deletes texts that only removed records used. Must be called in a transaction. */
  deleteUnused(connection: Connection): void {
    // If nothing waits, the records of this transaction are still to be inserted.
    const first = connection.number("SELECT coalesce(min(id), (SELECT last_id FROM state) + 1) FROM record");
    for (const [id, lastUse] of this.#lastUses) {
      if (lastUse >= first) continue;
      connection.run("DELETE FROM shared WHERE id = ?", id);
      this.#lastUses.delete(id);
    }
    this.#bytes = 0;
  }

  #remember(id: number, text: string): void {
    // The map keeps the least recently used text first.
    this.#classify.delete(id);
    this.#classify.set(id, text);
    if (this.#classify.size > MAX_TEXTS) this.#classify.delete(this.#classify.keys().next().value!);
  }
}

/** Returns a number of 48 bits, which is unique and also serves as a checksum. */
export function numberOf(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

function insertText(connection: Connection, id: number, text: string): void {
  connection.run("INSERT OR IGNORE INTO shared (id, text) VALUES (?, ?)", id, text);
}
