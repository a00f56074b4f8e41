import type { Connection } from "../../../storage/sqlite.ts";
import { topicKey } from "../sqlite/batch.ts";
import { quoted, type VolttronTables } from "./tables.ts";

/**
 * Ids of topics by their names in lower case. The table has no such column, so they are remembered; what others changed
 * meanwhile is noticed. Of names that differ in case only, the last one counts, as for VOLTTRON.
 */
export class TopicIds {
  readonly #all: string;
  readonly #one: string;
  readonly #ids = new Map<string, number>();
  #database: Connection | undefined;
  #version = 0;

  constructor({ topics }: VolttronTables) {
    this.#all = `SELECT topic_id, topic_name FROM ${quoted(topics)} ORDER BY topic_id`;
    this.#one = `SELECT topic_name FROM ${quoted(topics)} WHERE topic_id = ?`;
  }

  find(database: Connection, key: string): number | undefined {
    const id = database === this.#database ? this.#ids.get(key) : undefined;
    if (id !== undefined) {
      const row = database.get<[name: string]>(this.#one, id);
      if (row && topicKey(row[0]) === key) return id;
    }
    this.#refresh(database, id !== undefined);
    return this.#ids.get(key);
  }

  /** Remembers one that was just made. */
  add(key: string, id: number): void {
    this.#ids.set(key, id);
  }

  #refresh(database: Connection, stale: boolean): void {
    // Changes with every commit of another connection.
    const version = database.number("PRAGMA data_version");
    if (!stale && database === this.#database && version === this.#version) return;
    this.#database = database;
    this.#version = version;
    this.#ids.clear();
    for (const [id, name] of database.all<[id: number, name: string]>(this.#all))
      this.#ids.set(topicKey(name), id);
  }
}
