import { createHash } from "node:crypto";
import type { Connection } from "../storage/sqlite.ts";
import { QueueError } from "./failure.ts";
import { diskBytes, type Room } from "./room.ts";

/** So many are kept in memory. */
const MOST = 1000;
/** After so many bytes of new ones it is looked for those that no record needs any more. */
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
      for (const [id, text] of this.#known) insert(connection, id, text);
      connection.run(
        "DELETE FROM shared WHERE id NOT IN (SELECT shared FROM record WHERE shared IS NOT NULL)",
      );
      this.#lastUses.clear();
      const lastId = connection.number("SELECT last_id FROM state");
      for (const [id] of connection.all("SELECT id FROM shared")) this.#lastUses.set(id as number, lastId);
    });
  }

  /** Puts a text into the file where it is not there yet, for records up to `lastUse`. Answers its number. Within a transaction. */
  store(connection: Connection, room: Room, text: string, lastUse: number): number {
    const id = numberOf(text);
    this.#lastUses.set(id, lastUse);
    this.#remember(id, text);
    if (connection.get("SELECT 1 FROM shared WHERE id = ?", id)) return id;
    const bytes = diskBytes(Buffer.byteLength(text));
    room.make(bytes);
    insert(connection, id, text);
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
    if (this.#known.size > MOST) this.#known.delete(this.#known.keys().next().value!);
  }
}

/** 48 bits, so that it is also a checksum that no two texts have in common. */
export function numberOf(text: string): number {
  return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}

function insert(connection: Connection, id: number, text: string): void {
  connection.run("INSERT OR IGNORE INTO shared (id, text) VALUES (?, ?)", id, text);
}
