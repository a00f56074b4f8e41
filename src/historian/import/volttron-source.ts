import { Connection } from "../../storage/sqlite.ts";
import { sqliteFailure } from "../../storage/sqlite-failure.ts";
import { quoted } from "../stores/volttron-sqlite/tables.ts";
import { parseTexts, parseValue } from "../stores/volttron-sqlite/text.ts";
import { TIME_EXPECTED, TimeReader } from "./columns.ts";
import {
  ImportError,
  type ReadOptions,
  type Source,
  type SourceBatch,
  type SourceRow,
  type SourceTopic,
} from "./source.ts";

type Data = [rowid: number, ts: string, id: number, value: string];

/**
 * A file of VOLTTRON's SQLite historian, of either schema, whatever its tables are called. It is read in the order in which it was
 * written, which is nearly that of the times, and may be written to meanwhile.
 */
export class VolttronSource implements Source {
  readonly kind = "volttron";
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async *read({ position, size, wants, reject }: ReadOptions): AsyncGenerator<SourceBatch> {
    const database = this.#attempt(() => Connection.open(this.#file, { readOnly: true }));
    try {
      const tables = this.#attempt(() => tablesOf(database));
      const data = quoted(tables.data);
      const last = this.#attempt(() => database.number(`SELECT coalesce(max(rowid), 0) FROM ${data}`));
      const sql = `SELECT rowid, ts, topic_id, value_string FROM ${data} WHERE rowid > ? AND rowid <= ? ORDER BY rowid LIMIT ?`;
      const topics = this.#attempt(() => topicsOf(database, tables, wants));
      const times = new TimeReader();
      const { rowid: after = 0 } = position ?? {};
      for (let from = after; from < last; ) {
        const found = this.#attempt(() => database.all<Data>(sql, from, last, size));
        const rows: SourceRow[] = [];
        for (const [rowid, ts, id, value] of found) {
          const topic = topics.get(id);
          if (topic === null) continue;
          const time = times.read(String(ts));
          if (topic === undefined)
            reject("the topic of the row is not in the file", `row ${rowid}`, `topic_id ${id}`);
          else if (time === undefined) reject(TIME_EXPECTED, `row ${rowid}`, String(ts));
          else rows.push({ topic, time, value: parseValue(String(value)) });
        }
        from = found.length < size ? last : found.at(-1)![0];
        yield { rows, position: { rowid: from }, share: from / last };
      }
    } finally {
      database.close();
    }
  }

  #attempt<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof ImportError) throw error;
      throw new ImportError(`${this.#file}: ${sqliteFailure(error, {}).why}`, { cause: error });
    }
  }
}

/** Finds VOLTTRON's tables by their columns: their names are settings of its historian. */
function tablesOf(database: Connection) {
  const columns = new Map<string, string[]>();
  const sql = `SELECT m.name, c.name FROM sqlite_schema AS m, pragma_table_info(m.name) AS c WHERE m.type = 'table'`;
  for (const [table, column] of database.all<[string, string]>(sql))
    columns.set(table, [...(columns.get(table) ?? []), column]);
  const withColumns = (...names: string[]) =>
    [...columns].filter(([, has]) => names.every((name) => has.includes(name))).map(([table]) => table);
  const [data, ...otherData] = withColumns("ts", "topic_id", "value_string");
  const [topics, ...otherTopics] = withColumns("topic_id", "topic_name");
  if (data === undefined || topics === undefined)
    throw new ImportError(
      columns.has("sample") && columns.has("topic")
        ? `${database.file} is a store of voltbridge; export it with "voltbridge history export --own --data <its folder>" and import that file`
        : `${database.file} is not a file of VOLTTRON's SQLite historian; its tables are ${[...columns.keys()].join(", ") || "none"}`,
    );
  if (otherData.length > 0 || otherTopics.length > 0)
    throw new ImportError(
      `${database.file} has the tables of several historians: ${[data, ...otherData, topics, ...otherTopics].join(", ")}; copy those of one to a file of its own`,
    );
  const isMerged = columns.get(topics)!.includes("metadata");
  const [meta = ""] = withColumns("topic_id", "metadata").filter((table) => table !== topics);
  return { data, topics, meta, isMerged };
}

/** Returns the topics by id, null for those that are not wanted. */
function topicsOf(
  database: Connection,
  { topics, meta, isMerged }: ReturnType<typeof tablesOf>,
  wants: (name: string) => boolean,
): ReadonlyMap<number, SourceTopic | null> {
  const from = "SELECT t.topic_id, t.topic_name";
  const sql =
    isMerged || meta === ""
      ? `${from}, ${isMerged ? "t.metadata" : "NULL"} FROM ${quoted(topics)} AS t`
      : `${from}, m.metadata FROM ${quoted(topics)} AS t LEFT JOIN ${quoted(meta)} AS m ON m.topic_id = t.topic_id`;
  return new Map(
    database
      .all<[number, string, string | null]>(sql)
      .map(([id, name, text]) => [id, wants(name) ? { name, meta: parseTexts(text) } : null]),
  );
}
