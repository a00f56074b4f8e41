import type { PointValue } from "../../../points/index.ts";
import type { AggregateRequest, ReadRequest, StoredAggregate, Topic } from "../../contract.ts";
import { formatTime, parseIsoTime } from "../../time.ts";
import { topicKey } from "../sqlite/batch.ts";
import { DatabaseFile, openForReading } from "../sqlite/database-file.ts";
import type { Rows } from "../sqlite/rows.ts";
import { type FileKind, fileKind, quoted, type VolttronTables } from "./tables.ts";
import { parseConfiguredTopics, parseMeta, parseValue } from "./text.ts";
import { TopicIds } from "./topic-ids.ts";

/** Texts that sort before and after every time with a four-digit year. */
const FIRST = "";
const LAST = ":";

/** Runs queries on a file of VOLTTRON's historian. */
export class VolttronReader {
  readonly #file: DatabaseFile;
  readonly #tables: VolttronTables;
  readonly #ids: TopicIds;
  #topicsSql = "";

  constructor(file: string, tables: VolttronTables) {
    this.#file = new DatabaseFile(file, (path) =>
      openForReading(path, (database) => {
        const kind = fileKind(database, tables);
        this.#topicsSql = topicsSql(tables, kind);
        return kind === "empty";
      }),
    );
    this.#tables = tables;
    this.#ids = new TopicIds(tables);
  }

  open(): void {
    this.#file.get();
  }

  topics(names?: readonly string[]): Topic[] {
    const database = this.#file.get();
    const byKey = new Map<string, Topic>();
    const add = ([name, meta]: [string, string | null]): void => {
      byKey.set(topicKey(name), { name, meta: parseMeta(meta) });
    };
    if (names) {
      const one = `${this.#topicsSql} WHERE t.topic_id = ?`;
      for (const key of new Set(names.map(topicKey))) {
        const id = this.#ids.find(database, key);
        if (id !== undefined) for (const row of database.all<[string, string | null]>(one, id)) add(row);
      }
    } else {
      const every = `${this.#topicsSql} ORDER BY t.topic_id`;
      for (const row of database.all<[string, string | null]>(every)) add(row);
    }
    return [...byKey.values()];
  }

  read(request: ReadRequest): Rows {
    const id = this.#ids.find(this.#file.get(), topicKey(request.topic));
    return this.#rows(this.#tables.data, "value_string", id, request);
  }

  aggregates(): StoredAggregate[] {
    return this.#aggregates().map(({ id: _, ...aggregate }) => aggregate);
  }

  readAggregate({ type, period, ...request }: AggregateRequest): Rows | undefined {
    const found = this.#aggregates().find(
      (one) =>
        topicKey(one.name) === topicKey(request.topic) &&
        one.type === type.toUpperCase() &&
        one.period === period,
    );
    // VOLTTRON puts no prefix before these tables.
    return found && this.#rows(`${found.type.toLowerCase()}_${found.period}`, "agg_value", found.id, request);
  }

  #aggregates(): (StoredAggregate & { readonly id: number })[] {
    const database = this.#file.get();
    const { aggregateTopics, aggregateMeta } = this.#tables;
    const there = (table: string) => database.get("SELECT 1 FROM pragma_table_info(?)", table) !== undefined;
    if (!there(aggregateTopics) || !there(aggregateMeta)) return [];
    const sql = `SELECT t.agg_topic_id, t.agg_topic_name, t.agg_type, t.agg_time_period, m.metadata
       FROM ${quoted(aggregateTopics)} AS t LEFT JOIN ${quoted(aggregateMeta)} AS m ON m.agg_topic_id = t.agg_topic_id
       ORDER BY t.agg_topic_id`;
    return database
      .all<[number, string, string, string, string | null]>(sql)
      .map(([id, name, type, period, meta]) => ({
        ...{ id, name, type: type.toUpperCase(), period, topics: parseConfiguredTopics(meta) },
      }))
      .filter(({ type, period }) => there(`${type.toLowerCase()}_${period}`));
  }

  #rows(
    table: string,
    column: string,
    id: number | undefined,
    { start, end, order, skip, limit }: Omit<ReadRequest, "topic">,
  ): Rows {
    const database = this.#file.get();
    const times: number[] = [];
    const values: PointValue[] = [];
    const sql = `SELECT ts, ${column} FROM ${quoted(table)} WHERE topic_id = ? AND ts >= ? AND ts < ?
       ORDER BY ts ${order === "FIRST_TO_LAST" ? "ASC" : "DESC"} LIMIT ? OFFSET ?`;
    const from = start === undefined ? FIRST : formatTime(start);
    const to = end === undefined ? LAST : formatTime(end);
    // Rows with an unreadable time are skipped without shortening the result.
    for (let offset = skip; id !== undefined && times.length < limit; ) {
      const wanted = Math.min(limit - times.length, Number.MAX_SAFE_INTEGER);
      const rows = database.all<[string, string]>(sql, id, from, to, wanted, offset);
      for (const [ts, value] of rows) {
        const time = parseIsoTime(String(ts));
        if (time === undefined) continue;
        times.push(time);
        values.push(parseValue(String(value)));
      }
      offset += rows.length;
      if (rows.length < wanted) break;
    }
    return { times: Float64Array.from(times), values };
  }

  oldest(from?: number): number | undefined {
    const sql = `SELECT min(ts) FROM ${quoted(this.#tables.data)} WHERE ts >= ?`;
    const first = from === undefined ? FIRST : formatTime(from);
    const ts = this.#file.get().get<[string | null]>(sql, first)?.[0];
    return ts == null ? undefined : parseIsoTime(ts);
  }

  size(): number {
    return this.#file.get().usedBytes();
  }

  close(): void {
    this.#file.close();
  }
}

function topicsSql({ topics, meta }: VolttronTables, kind: FileKind): string {
  return kind === "merged"
    ? `SELECT t.topic_name, t.metadata FROM ${quoted(topics)} AS t`
    : `SELECT t.topic_name, m.metadata FROM ${quoted(topics)} AS t
       LEFT JOIN ${quoted(meta)} AS m ON m.topic_id = t.topic_id`;
}
