import type { Log } from "../../../log/log.ts";
import type { Query } from "../../../storage/postgres.ts";
import type { Sample } from "../../contract.ts";
import { rejection } from "../json-values.ts";
import { type BatchRow, groupByTopic, plainArray, type TopicRows, textArray } from "./batch.ts";
import { isBadValue, isMissing } from "./failure.ts";
import type { StorePool } from "./pool.ts";
import { migrate, storeEpoch } from "./schema.ts";
import { type Store, storeAll, storeSplitting } from "./splitting.ts";
import { type Tables, timeOfMicroseconds } from "./tables.ts";
import { KnownTopics } from "./topics.ts";

/** Limits of one statement. */
const MAX_ROWS = 10_000;
const MAX_JSON = 16 * 1024 * 1024;

interface Row extends BatchRow {
  readonly topicId: number;
}

/** Writes batches, each in one transaction. */
export class Writer {
  readonly #pool: StorePool;
  readonly #tables: Tables;
  readonly #topics: KnownTopics;
  readonly #log: Log;

  constructor(pool: StorePool, tables: Tables, log: Log) {
    this.#pool = pool;
    this.#tables = tables;
    this.#topics = new KnownTopics(tables);
    this.#log = log;
  }

  async open(signal?: AbortSignal): Promise<void> {
    await this.#pool.run(signal, (query) => migrate(query, this.#tables, this.#log));
  }

  async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    const topics = groupByTopic(samples);
    if (topics.length === 0) return;
    await this.#pool.run(signal, async (query) => {
      const refused = await this.#store(query, topics);
      if (refused.size > 0) throw rejection(samples, refused);
    });
  }

  /** Stores everything at once, and item by item only if that fails. Returns the reasons of rejections by index. */
  async #store(query: Query, topics: readonly TopicRows[], mayMigrate = true): Promise<Map<number, string>> {
    try {
      return await this.#transaction(query, topics, storeAll);
    } catch (error) {
      // If the connection is broken, report the original error.
      await query("ROLLBACK").catch(() => {
        throw error;
      });
      if (isBadValue(error)) return await this.#transaction(query, topics, storeSplitting(query));
      if (!isMissing(error) || !mayMigrate) throw error;
    }
    await migrate(query, this.#tables, this.#log);
    return await this.#store(query, topics, false);
  }

  /** Commits unless a sample was rejected. */
  async #transaction(query: Query, topics: readonly TopicRows[], store: Store): Promise<Map<number, string>> {
    const refused = new Map<number, string>();
    this.#topics.begin(await storeEpoch(query, this.#tables, "BEGIN; "));
    const badTopics = await this.#topics.store(query, topics, store);
    for (const [{ rows }, reason] of badTopics) for (const { index } of rows) refused.set(index, reason);
    const good = topics.filter((topic) => !badTopics.has(topic));
    for (const rows of inChunks(this.#rows(good)))
      for (const [{ index }, reason] of await store(rows, (some) => this.#insert(query, some)))
        refused.set(index, reason);
    await query(refused.size === 0 ? "COMMIT" : "ROLLBACK");
    if (refused.size === 0) this.#topics.committed();
    return refused;
  }

  /** Returns rows in the order of the key, which is fast for the index and prevents a deadlock of two writers. */
  #rows(topics: readonly TopicRows[]): Row[] {
    return topics
      .map((topic) => ({ topicId: this.#topics.id(topic), rows: topic.rows }))
      .sort((a, b) => a.topicId - b.topicId)
      .flatMap(({ topicId, rows }) => rows.map((row) => ({ ...row, topicId })));
  }

  async #insert(query: Query, rows: readonly Row[]): Promise<void> {
    const { sample } = this.#tables;
    await query(
      `INSERT INTO ${sample} AS old (topic_id, time, value, json)
       SELECT topic_id, ${timeOfMicroseconds("microseconds")}, value, json
       FROM unnest($1::integer[], $2::bigint[], $3::float8[], $4::text[]) AS new (topic_id, microseconds, value, json)
       ON CONFLICT (topic_id, time) DO UPDATE SET value = excluded.value, json = excluded.json
       WHERE (old.value, old.json) IS DISTINCT FROM (excluded.value, excluded.json)`,
      [
        plainArray(rows.map((row) => row.topicId)),
        plainArray(rows.map((row) => row.time)),
        plainArray(rows.map((row) => row.number)),
        textArray(rows.map((row) => row.json)),
      ],
    );
  }
}

/** Splits rows into parts within the limits of one statement. */
function inChunks(rows: readonly Row[]): Row[][] {
  const chunks: Row[][] = [];
  let size = 0;
  for (const row of rows) {
    const chunk = chunks.at(-1);
    size += row.json?.length ?? 0;
    if (chunk && chunk.length < MAX_ROWS && size <= MAX_JSON) chunk.push(row);
    else {
      chunks.push([row]);
      size = row.json?.length ?? 0;
    }
  }
  return chunks;
}
