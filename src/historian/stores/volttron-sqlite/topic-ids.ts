import type { Connection } from "../../../storage/sqlite.ts";
import { topicKey } from "../sqlite/batch.ts";
import { quoted, type VolttronTables } from "./tables.ts";

/**
 * Caches the ids of topics by lower-case name, for which the table has no column; changes by other programs are detected. Of names that
 * differ in case only, the last one counts, as in VOLTTRON.
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

  /** Adds a new topic to the cache. */
  add(key: string, id: number): void {
    this.#ids.set(key, id);
  }

  #refresh(database: Connection, stale: boolean): void {
    // The version changes with every commit of another connection.
    const version = database.number("PRAGMA data_version");
    if (!stale && database === this.#database && version === this.#version) return;
    this.#database = database;
    this.#version = version;
    this.#ids.clear();
    for (const [id, name] of database.all<[id: number, name: string]>(this.#all))
      this.#ids.set(topicKey(name), id);
  }
}
