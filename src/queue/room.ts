import { type Connection, PAGE_BYTES, usedBytes } from "./connection.ts";
import type { Evicted } from "./messages.ts";
import type { Tally } from "./tally.ts";

/** Of a row, besides its texts: ids, counts, lengths. */
const ROW_BYTES = 40;
/** What a page holds of rows, and the longest row that is not continued on pages of its own (SQLite's file format, 1.6). */
const PAGE_ROOM = PAGE_BYTES - 12;
const LONGEST_LOCAL = PAGE_BYTES - 35;
const SHORTEST_LOCAL = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23;
/** More is freed at once than is needed, so that not every commit has to. */
const SLACK = 0.02;
/** Dead letters may use so much of the limit. */
const DEAD_SHARE = 0.25;
const PAGE_OF_ROWS = 256;

/** What a row with so many bytes of text takes of the file. */
export function diskBytes(textBytes: number): number {
  const row = textBytes + ROW_BYTES;
  if (row <= LONGEST_LOCAL) return PAGE_BYTES / Math.floor(PAGE_ROOM / row);
  const rest = SHORTEST_LOCAL + ((row - SHORTEST_LOCAL) % (PAGE_BYTES - 4));
  const local = rest <= LONGEST_LOCAL ? rest : SHORTEST_LOCAL;
  return (
    Math.ceil((row - local) / (PAGE_BYTES - 4)) * PAGE_BYTES + PAGE_BYTES / Math.floor(PAGE_ROOM / local)
  );
}

/** Keeps a file within its limit during one transaction: the oldest records go. */
export class Room {
  readonly #connection: Connection;
  readonly #tally: Tally;
  readonly limit: number;
  readonly #onEvicted: () => void;
  /** Id of the newest record that went. */
  lastGone = 0;
  #samples = 0;
  #from = Number.POSITIVE_INFINITY;
  #to = Number.NEGATIVE_INFINITY;

  /** `onEvicted`: what else goes with records. */
  constructor(
    connection: Connection,
    tally: Tally,
    limit = Number.POSITIVE_INFINITY,
    onEvicted: () => void = () => {},
  ) {
    this.#connection = connection;
    this.#tally = tally;
    this.limit = limit;
    this.#onEvicted = onEvicted;
  }

  get evicted(): Evicted | undefined {
    return this.#samples === 0 ? undefined : { samples: this.#samples, from: this.#from, to: this.#to };
  }

  /** Makes sure that `need` more bytes fit. */
  make(need: number): void {
    if (this.limit === Number.POSITIVE_INFINITY) return;
    for (;;) {
      const over = usedBytes(this.#connection) + need - this.limit;
      if (over <= 0 || !this.#evict(over + this.limit * SLACK)) return;
    }
  }

  /** Counts values that are dropped for want of room, whether they were in the file or not. */
  lost(samples: number, time: number): void {
    this.#tally.add("dropped", samples, "limit");
    this.#samples += samples;
    this.#from = Math.min(this.#from, time);
    this.#to = Math.max(this.#to, time);
  }

  /** Lets the oldest dead letters go where they have more than their share. */
  trimDeadLetters(): void {
    if (this.limit === Number.POSITIVE_INFINITY) return;
    let over = this.#connection.number("SELECT dead_bytes FROM state") - this.limit * DEAD_SHARE;
    while (over > 0) {
      const rows = this.#connection.all(
        `SELECT id, samples, time, reason, ${DEAD_BYTES} FROM dead_letter ORDER BY id LIMIT ${PAGE_OF_ROWS}`,
      );
      if (rows.length === 0) return;
      for (const row of rows) {
        const [id, samples, time, reason, bytes] = row as [number, number, number, string, number];
        this.#connection.run("DELETE FROM dead_letter WHERE id = ?", id);
        this.#connection.run("UPDATE state SET dead_bytes = dead_bytes - ?", bytes);
        this.#tally.add("dead", -samples, reason);
        this.lost(samples, time);
        over -= bytes;
        if (over <= 0) return;
      }
    }
  }

  #evict(bytes: number): boolean {
    const rows = this.#connection.all(
      `SELECT id, samples, time, octet_length(key) + octet_length(text) FROM record ORDER BY id LIMIT ${PAGE_OF_ROWS}`,
    );
    let freed = 0;
    let last = 0;
    for (const row of rows) {
      if (freed >= bytes) break;
      const [id, samples, time, length] = row as [number, number, number, number];
      this.#tally.add("waiting", -samples);
      this.lost(samples, time);
      freed += diskBytes(length);
      last = id;
    }
    if (rows.length === 0) return false;
    this.#connection.run("DELETE FROM record WHERE id <= ?", last);
    this.lastGone = last;
    this.#onEvicted();
    return true;
  }
}

/** Of a dead letter, as an SQL expression. */
export const DEAD_BYTES =
  "(octet_length(key) + octet_length(text) + octet_length(reason) + octet_length(detail) + 64)";
