import type { Retention } from "../../contract.ts";
import { removeInSteps } from "../remove-in-steps.ts";
import type { StorePool } from "./pool.ts";
import { MICROSECONDS, type Tables, timeOfMicroseconds } from "./tables.ts";

/** Number of pages from which the size is estimated; smaller tables are read completely. */
const PAGES = 500;
/** Size of a row without json, in bytes: header, line pointer, columns and index entry. */
const ROW_BYTES = 84;

/** Removes the oldest samples. Autovacuum frees their space for new ones; the files do not shrink. */
export class PostgresRetention implements Retention {
  readonly #pool: StorePool;
  readonly #tables: Tables;

  constructor(pool: StorePool, tables: Tables) {
    this.#pool = pool;
    this.#tables = tables;
  }

  async removeBefore(before: number, signal?: AbortSignal): Promise<number> {
    return await removeInSteps((rows) => this.#removeStep(before, rows, signal));
  }

  /** Finds the oldest samples of each topic by the key, without an index on time alone and without a scan. */
  async #removeStep(before: number, rows: number, signal?: AbortSignal): Promise<number> {
    const { topic, sample } = this.#tables;
    const [[count] = ["0"]] = await this.#pool.run(signal, (query) =>
      query<[count: string]>(
        `WITH old AS (
           SELECT oldest.* FROM ${topic} AS topic CROSS JOIN LATERAL (
             SELECT topic_id, time FROM ${sample} WHERE topic_id = topic.id
               AND time < ${timeOfMicroseconds("$1::bigint")} ORDER BY time LIMIT $2
           ) AS oldest LIMIT $2
         ), removed AS (
           DELETE FROM ${sample} AS sample USING old
           WHERE sample.topic_id = old.topic_id AND sample.time = old.time RETURNING 1
         ) SELECT count(*) FROM removed`,
        [before, rows],
      ),
    );
    return Number(count);
  }

  async oldest(signal?: AbortSignal, from?: number): Promise<number | undefined> {
    const { topic, sample } = this.#tables;
    const since = from === undefined ? "" : ` AND time >= ${timeOfMicroseconds("$1::bigint")}`;
    const [[time] = [null]] = await this.#pool.run(signal, (query) =>
      query<[time: string | null]>(
        `SELECT ${MICROSECONDS} FROM (SELECT min(oldest.time) AS time FROM ${topic} AS topic CROSS JOIN LATERAL (
           SELECT time FROM ${sample} WHERE topic_id = topic.id${since} ORDER BY time LIMIT 1) AS oldest) AS first`,
        from === undefined ? [] : [Math.floor(from)],
      ),
    );
    return time === null ? undefined : Number(time);
  }

  /** Estimates the size from a sample of the table's pages. Free space and dead rows do not count. */
  async size(signal?: AbortSignal): Promise<number | undefined> {
    const { sample } = this.#tables;
    return await this.#pool.run(signal, async (query) => {
      const [[pages] = ["0"]] = await query<[pages: string]>(
        "SELECT pg_relation_size($1::regclass) / current_setting('block_size')::integer",
        [sample],
      );
      const share = Math.min(1, PAGES / Math.max(1, Number(pages)));
      const [[bytes] = ["0"]] = await query<[bytes: string]>(
        `SELECT coalesce(sum(${ROW_BYTES} + coalesce(pg_column_size(json), 0)), 0)
         FROM ${sample} TABLESAMPLE SYSTEM ($1)`,
        [share * 100],
      );
      return Math.round(Number(bytes) / share);
    });
  }
}
