import type { PointType, PointValue } from "../../../points/index.ts";
import type { Query } from "../../../storage/postgres.ts";
import type { ReadRequest, Row, Topic } from "../../contract.ts";
import { plainArray, topicKey } from "./batch.ts";
import type { StorePool } from "./pool.ts";
import { storeEpoch } from "./schema.ts";
import { MICROSECONDS, type Tables, timeOfMicroseconds } from "./tables.ts";

type TopicColumns = [name: string, units: string, type: PointType, tz: string];
type SampleColumns = [time: string, value: number | null, json: string | null];

/** Runs queries concurrently. */
export class Reader {
  readonly #pool: StorePool;
  readonly #tables: Tables;
  #checked = false;

  constructor(pool: StorePool, tables: Tables) {
    this.#pool = pool;
    this.#tables = tables;
  }

  async open(signal?: AbortSignal): Promise<void> {
    await this.#pool.run(signal, (query) => storeEpoch(query, this.#tables));
    this.#checked = true;
  }

  async topics(names?: readonly string[], signal?: AbortSignal): Promise<readonly Topic[]> {
    const some = names && [plainArray(names.map(topicKey))];
    const rows = await this.#query(signal, (query) =>
      query<TopicColumns>(
        `SELECT name, units, type, tz FROM ${this.#tables.topic}${some ? " WHERE key = ANY ($1::uuid[])" : ""}`,
        some,
      ),
    );
    return rows.map(([name, units, type, tz]) => ({ name, meta: { units, type, tz } }));
  }

  async read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]> {
    const { topic, start, end, order, skip, limit } = request;
    const { topic: topics, sample } = this.#tables;
    const rows = await this.#query(signal, (query) =>
      query<SampleColumns>(
        `SELECT ${MICROSECONDS}, value, json FROM ${sample}
         WHERE topic_id = (SELECT id FROM ${topics} WHERE key = $1)
           AND time >= ${timeOfMicroseconds("$2::bigint")} AND time < ${timeOfMicroseconds("$3::bigint")}
         ORDER BY topic_id, time ${order === "FIRST_TO_LAST" ? "ASC" : "DESC"} LIMIT $4 OFFSET $5`,
        [
          topicKey(topic),
          start ?? Number.MIN_SAFE_INTEGER,
          end ?? Number.MAX_SAFE_INTEGER + 1,
          Number.isFinite(limit) ? limit : null,
          skip,
        ],
      ),
    );
    return rows.map(([time, number, json]): Row => [Number(time), decode(number, json)]);
  }

  /** Runs a query; checks the store's version before the first one. */
  async #query<T>(signal: AbortSignal | undefined, ask: (query: Query) => Promise<T>): Promise<T> {
    if (!this.#checked) await this.open(signal);
    return await this.#pool.run(signal, ask);
  }
}

function decode(number: number | null, json: string | null): PointValue {
  return json === null ? number : JSON.parse(json);
}
