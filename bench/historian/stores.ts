import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { HistorianBackend, Sample, TopicMeta } from "../../src/historian/contract.ts";
import { SqliteBackend } from "../../src/historian/stores/sqlite/backend.ts";
import { volttronSqlite } from "../../src/historian/stores/volttron-sqlite/index.ts";
import { metaText, numberText } from "../../src/historian/stores/volttron-sqlite/text.ts";
import { DAY, formatTime } from "../../src/historian/time.ts";
import { createLog } from "../../src/log/log.ts";

export const FILE = "historian.sqlite";
export const VOLTTRON_FILE = "volttron.sqlite";

/** Opens the embedded store of a folder; days are closed as soon as they are over. */
export function openOwn(folder: string, { readonly = false } = {}): SqliteBackend {
  return new SqliteBackend({ file: join(folder, FILE), durability: "full", readonly, recentDays: 0 });
}

/** Anything that samples can be written to. */
export type Sink = Pick<HistorianBackend, "write" | "upkeep" | "close">;

/**
 * A new file with the tables of VOLTTRON's historian, and its rows in the order in which they come. It is written without a thread, without a
 * journal and with a large cache, or it would take most of the time of a bench; the tables are the same.
 */
export class VolttronFile implements Sink {
  readonly #database: DatabaseSync;
  readonly #insert: StatementSync;
  readonly #ids = new Map<string, number>();

  private constructor(database: DatabaseSync) {
    this.#database = database;
    this.#insert = database.prepare(
      "INSERT OR REPLACE INTO data (ts, topic_id, value_string) VALUES (?, ?, ?)",
    );
  }

  static async create(folder: string): Promise<VolttronFile> {
    const tables = { table_prefix: "", data_table: "data", topics_table: "topics", meta_table: "meta" };
    const backend = volttronSqlite.create(
      { path: VOLTTRON_FILE, durability: "normal", tables_def: tables },
      { dataFolder: folder, readonly: false, log: createLog({ level: "warn" }) },
    );
    await backend.open();
    await backend.close();
    const database = new DatabaseSync(join(folder, VOLTTRON_FILE));
    database.exec("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -1000000");
    return new VolttronFile(database);
  }

  async write(samples: readonly Sample[]): Promise<void> {
    this.#database.exec("BEGIN");
    for (const { topic, time, value, meta } of samples) {
      const text = typeof value === "number" ? numberText(value, meta.type) : JSON.stringify(value);
      this.#insert.run(formatTime(time), this.#idOf(topic, meta), text);
    }
    this.#database.exec("COMMIT");
  }

  async close(): Promise<void> {
    this.#database.close();
  }

  #idOf(topic: string, meta: TopicMeta): number {
    const known = this.#ids.get(topic);
    if (known !== undefined) return known;
    const { lastInsertRowid } = this.#database
      .prepare("INSERT INTO topics (topic_name, metadata) VALUES (?, ?)")
      .run(topic, metaText(meta, null));
    this.#ids.set(topic, Number(lastInsertRowid));
    return Number(lastInsertRowid);
  }
}

/** Writes days of samples through a store and closes each day once it is over. Returns the number of samples. */
export async function fill(
  stores: readonly Sink[],
  days: number,
  batchesOf: (day: number) => Iterable<readonly Sample[]>,
  start: number,
): Promise<number> {
  let count = 0;
  for (let day = 0; day < days; day++) {
    for (const samples of batchesOf(day)) {
      for (const store of stores) await store.write(samples);
      count += samples.length;
    }
    for (const store of stores) await closeBefore(store, start + (day + 1) * DAY);
    if (process.stderr.isTTY) process.stderr.write(`\r${day + 1} of ${days} days written\x1b[K`);
  }
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  return count;
}

export async function closeBefore(store: Sink, now: number, thorough = false): Promise<void> {
  while (await store.upkeep?.work({ now, thorough }));
}

export interface Sizes {
  /** The SQLite file without its free pages. */
  readonly used: number;
  /** The SQLite file and its WAL as they are. */
  readonly onDisk: number;
  /** Files of days. */
  readonly files: number;
}

export function sizesOf(folder: string, file: string): Sizes {
  const all = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const bytesOf = (path: string) => statSync(join(folder, path)).size;
  const sum = (paths: readonly string[]) => paths.reduce((bytes, path) => bytes + bytesOf(path), 0);
  using database = new DatabaseSync(join(folder, file), { readOnly: true });
  const pragma = (name: string) => Number(Object.values(database.prepare(`PRAGMA ${name}`).get()!)[0]);
  return {
    used: (pragma("page_count") - pragma("freelist_count")) * pragma("page_size"),
    onDisk: sum(all.filter((path) => path.startsWith(file))),
    files: sum(all.filter((path) => path.endsWith(".parquet"))),
  };
}

/** Returns the bytes of a file's tables and indexes by name. */
export function bytesByTable(folder: string, file: string): Map<string, number> {
  using database = new DatabaseSync(join(folder, file), { readOnly: true });
  const rows = database.prepare("SELECT name, sum(pgsize) AS bytes FROM dbstat GROUP BY name").all();
  return new Map(rows.map(({ name, bytes }) => [String(name), Number(bytes)]));
}
