import { readdirSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Historian } from "../../src/historian/query/historian.ts";
import { decodeDays } from "../../src/historian/stores/sqlite/days/hours.ts";
import { Reader } from "../../src/historian/stores/sqlite/reader.ts";
import { DAY, formatTime, HOUR } from "../../src/historian/time.ts";
import { findDuckDb } from "./duckdb.ts";
import { FILE, openOwn, VOLTTRON_FILE } from "./stores.ts";

/** The end is exclusive; both in microseconds since 1970 UTC. */
export interface Question {
  readonly topic: string;
  readonly start: number;
  readonly end: number;
}

export const QUESTIONS = {
  "24 h of one topic": DAY,
  "hourly means of 30 days": 30 * DAY,
} as const;
export type QuestionName = keyof typeof QUESTIONS;

/** Answers both questions from one store. Each returns its number of rows. */
export interface Asker {
  ask(name: QuestionName, question: Question): Promise<number>;
  close(): Promise<void> | void;
}

export const DUCKDB_FILE = "duck.db";

/** All who are asked, by name. Nothing is opened before the function is called; undefined: DuckDB is not installed. */
export const ASKERS: Record<string, (folder: string) => Asker | Promise<Asker> | undefined> = {
  "voltbridge, as users ask it": async (folder) => {
    const historian = new Historian(openOwn(folder, { readonly: true }));
    // Its thread starts.
    await historian.backend.open();
    return {
      async ask(name, { topic, start, end }) {
        const range = { topic, start: new Date(start / 1000), end: new Date(end / 1000) };
        const { values } = await historian.query(
          name === "24 h of one topic" ? range : { ...range, aggType: "avg", aggPeriod: "1h" },
        );
        return values[topic]!.length;
      },
      close: () => historian.close(),
    };
  },
  "voltbridge, the reader alone": (folder) => {
    const reader = new Reader(join(folder, FILE), join(folder, "history"), ({ why }) => {
      throw new Error(why);
    });
    reader.open();
    return {
      async ask(name, question) {
        if (name === "24 h of one topic")
          return reader.read({ ...question, order: "FIRST_TO_LAST", skip: 0, limit: 1_000_000 }).values
            .length;
        const hours = decodeDays(reader.rollups(question), question).flatMap((part) => part.hours);
        return hours.map(({ start, numbers }) => [start, numbers!.sum / numbers!.count]).length;
      },
      close: () => reader.close(),
    };
  },
  "VOLTTRON's tables": (folder) => {
    const database = new DatabaseSync(join(folder, VOLTTRON_FILE), { readOnly: true });
    const id = database.prepare("SELECT topic_id FROM topics WHERE topic_name = ?");
    const range = "FROM data WHERE topic_id = ? AND ts >= ? AND ts < ?";
    const rows = database.prepare(`SELECT ts, value_string ${range} ORDER BY ts ASC`);
    const means = database.prepare(
      `SELECT substr(ts, 1, 13) AS hour, avg(CAST(value_string AS REAL)) ${range} GROUP BY hour ORDER BY hour`,
    );
    for (const statement of [rows, means]) statement.setReturnArrays(true);
    return {
      async ask(name, { topic, start, end }) {
        const values = [id.get(topic)!.topic_id!, formatTime(start), formatTime(end)];
        if (name === "hourly means of 30 days") return means.all(...values).length;
        const found = rows.all(...values) as unknown as [string, string][];
        return found.map(([time, value]) => [time, JSON.parse(value)]).length;
      },
      close: () => database.close(),
    };
  },
  "DuckDB, its own table": (folder) => duckDb(join(folder, DUCKDB_FILE), "sample"),
  "DuckDB, our day files": (folder) => {
    const history = join(folder, "history");
    const files = (first: number, last: number) =>
      readdirSync(history, { recursive: true, encoding: "utf8" })
        .filter((path) => /\.parquet$/.test(path))
        .filter((path) => {
          const day = Date.parse(path.slice(0, 10).replaceAll("/", "-")) * 1000;
          return day + DAY > first && day < last;
        })
        .map((path) => `'${join(history, path)}'`);
    return duckDb(":memory:", ({ start, end }) => `read_parquet([${files(start, end)}])`);
  },
};

/** `from`: what is asked; files must be named in the statement, which is prepared again for others. */
function duckDb(path: string, from: string | ((question: Question) => string)): Promise<Asker> | undefined {
  const duck = findDuckDb();
  return duck && ask();

  async function ask(): Promise<Asker> {
    const options: Record<string, string> = path === ":memory:" ? {} : { access_mode: "READ_ONLY" };
    const instance = await duck!.DuckDBInstance.create(path, options);
    const connection = await instance.connect();
    const statements = new Map<string, ReturnType<typeof connection.prepare>>();
    return {
      async ask(name, question) {
        const source = typeof from === "string" ? from : from(question);
        const where = "WHERE topic = $1 AND time >= make_timestamptz($2) AND time < make_timestamptz($3)";
        const sql =
          name === "24 h of one topic"
            ? `SELECT epoch_us(time), value, text FROM ${source} ${where} ORDER BY time`
            : `SELECT epoch_us(time) // ${HOUR} AS hour, avg(value) FROM ${source} ${where} GROUP BY hour ORDER BY hour`;
        const prepared = statements.get(sql) ?? connection.prepare(sql);
        statements.set(sql, prepared);
        const statement = await prepared;
        statement.bindVarchar(1, question.topic);
        statement.bindBigInt(2, BigInt(question.start));
        statement.bindBigInt(3, BigInt(question.end));
        return (await statement.runAndReadAll()).getRowsJS().length;
      },
      close: () => connection.closeSync(),
    };
  }
}
