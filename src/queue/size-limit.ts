import type { Connection } from "../storage/sqlite.ts";
import type { Counters } from "./counters.ts";
import { PAGE_BYTES } from "./file.ts";
import type { Evicted } from "./messages.ts";

/** Size of a row without its texts (ids, counts, lengths), in bytes. */
const ROW_BYTES = 40;
/** Space for rows on a page, and the longest row without overflow pages (SQLite's file format, 1.6). */
const PAGE_ROOM = PAGE_BYTES - 12;
const MAX_LOCAL = PAGE_BYTES - 35;
const MIN_LOCAL = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
/** Share of the limit that is freed in addition, so that not every commit has to free space. */
const EXTRA_SHARE = 0.02;
/** Maximum share of the limit for dead letters. */
const DEAD_SHARE = 0.25;
const PAGE_OF_ROWS = 256;

/** Returns the disk space of a row with `textBytes` bytes of text. */
export function diskBytes(textBytes: number): number {
  const row = textBytes + ROW_BYTES;
  if (row <= MAX_LOCAL) return PAGE_BYTES / Math.floor(PAGE_ROOM / row);
  const rest = MIN_LOCAL + ((row - MIN_LOCAL) % (PAGE_BYTES - 4));
  const local = rest <= MAX_LOCAL ? rest : MIN_LOCAL;
  return (
    Math.ceil((row - local) / (PAGE_BYTES - 4)) * PAGE_BYTES + PAGE_BYTES / Math.floor(PAGE_ROOM / local)
  );
}

/** Maximum number of ranges remembered by {@link EvictedIds}. */
const MAX_RANGES = 10_000;

/**
 * The ids of records evicted since the queue was opened. The sink may still deliver one that it read before; that record is then not
 * lost.
 */
export class EvictedIds {
  /** Ascending, both ends included: adjacent records are evicted mergeEvicted, so a long outage is one range. */
  readonly #ranges: { first: number; last: number }[] = [];

  /** Adds ascending ids, larger than all previous ones. */
  add(ids: readonly number[]): void {
    for (const id of ids) {
      const range = this.#ranges.at(-1);
      if (range && range.last === id - 1) range.last = id;
      else this.#ranges.push({ first: id, last: id });
    }
    // The oldest were settled long ago.
    this.#ranges.splice(0, this.#ranges.length - MAX_RANGES);
  }

  has(id: number): boolean {
    return this.#find(id) >= 0;
  }

  delete(id: number): void {
    const index = this.#find(id);
    if (index < 0) return;
    const { first, last } = this.#ranges[index]!;
    const rest = [
      { first, last: id - 1 },
      { first: id + 1, last },
    ].filter((range) => range.first <= range.last);
    this.#ranges.splice(index, 1, ...rest);
  }

  #find(id: number): number {
    let low = 0;
    let high = this.#ranges.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const { first, last } = this.#ranges[middle]!;
      if (id < first) high = middle - 1;
      else if (id > last) low = middle + 1;
      else return middle;
    }
    return -1;
  }
}

/** Keeps a queue file within its limit during one transaction, by evicting the oldest records. */
export class SizeLimit {
  readonly #connection: Connection;
  readonly #counters: Counters;
  readonly bytes: number;
  readonly #onEvicted: () => void;
  /** Ids of the evicted records, ascending. */
  readonly gone: number[] = [];
  #samples = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  /** `onEvicted`: called after records were evicted. */
  constructor(
    connection: Connection,
    counters: Counters,
    bytes = Number.POSITIVE_INFINITY,
    onEvicted: () => void = () => {},
  ) {
    this.#connection = connection;
    this.#counters = counters;
    this.bytes = bytes;
    this.#onEvicted = onEvicted;
  }

  get evicted(): Evicted | undefined {
    return this.#samples === 0 ? undefined : { from: this.#from, to: this.#to };
  }

  /** Id of the newest evicted record. */
  get lastGone(): number {
    return this.gone.at(-1) ?? 0;
  }

  /** Evicts records until `need` more bytes fit. */
  makeRoom(need: number): void {
    if (this.bytes === Number.POSITIVE_INFINITY) return;
    for (;;) {
      const over = this.#connection.usedBytes() + need - this.bytes;
      if (over <= 0 || !this.#evict(over + this.bytes * EXTRA_SHARE)) return;
    }
  }

  /** Counts values dropped because of the limit, whether they were in the file or not. */
  lost(samples: number, time: number): void {
    this.#counters.add("dropped", samples, "limit");
    this.#samples += samples;
    this.#from = Math.min(this.#from, time);
    this.#to = Math.max(this.#to, time);
  }

  /** Drops the oldest dead letters while they exceed their share. */
  trimDeadLetters(): void {
    if (this.bytes === Number.POSITIVE_INFINITY) return;
    let over = this.#connection.number("SELECT dead_bytes FROM state") - this.bytes * DEAD_SHARE;
    while (over > 0) {
      const rows = this.#connection.all(
        `SELECT id, samples, time, reason, ${DEAD_BYTES} FROM dead_letter ORDER BY id LIMIT ${PAGE_OF_ROWS}`,
      );
      if (rows.length === 0) return;
      for (const row of rows) {
        const [id, samples, time, reason, bytes] = row as [number, number, number, string, number];
        this.#connection.run("DELETE FROM dead_letter WHERE id = ?", id);
        this.#connection.run("UPDATE state SET dead_bytes = dead_bytes - ?", bytes);
        this.#counters.add("dead", -samples, reason);
        this.lost(samples, time);
        over -= bytes;
        if (over <= 0) return;
      }
    }
  }

  #evict(needed: number): boolean {
    const rows = this.#connection.all(
      `SELECT id, samples, time, octet_length(key) + octet_length(text) FROM record ORDER BY id LIMIT ${PAGE_OF_ROWS}`,
    );
    let freed = 0;
    let last = 0;
    for (const row of rows) {
      if (freed >= needed) break;
      const [id, samples, time, length] = row as [number, number, number, number];
      this.#counters.add("waiting", -samples);
      this.lost(samples, time);
      freed += diskBytes(length);
      this.gone.push(id);
      last = id;
    }
    if (rows.length === 0) return false;
    this.#connection.run("DELETE FROM record WHERE id <= ?", last);
    this.#onEvicted();
    return true;
  }
}

/** Size of a dead letter in bytes, as an SQL expression. */
export const DEAD_BYTES =
  "(octet_length(key) + octet_length(text) + octet_length(reason) + octet_length(detail) + 64)";
