import type { Rows, SessionDatabase } from "../database/contract.ts";
import { quoted } from "../database/dialect.ts";
import { columnsOf, type RowOf, type SqlValue, type TableName, tables } from "../database/tables.ts";
import { wireTime } from "../database/times.ts";

/** A range from `from` (inclusive) to `to` (exclusive), by the table's time: start, report or occurrence. */
export interface Range {
  readonly from?: Date;
  readonly to?: Date;
}

export interface ReadOptions extends Range {
  readonly stationID?: string;
  readonly signal?: AbortSignal;
}

/** Number of rows read at once, so that no whole result is in memory. */
const PAGE = 2000;

/** Time columns by which ranges select and rows are ordered. */
const TIMES: Partial<Record<TableName, string>> = {
  session: "started_at",
  payment: "reported_at",
  interval: "started_at",
  alarm: "occurred_at",
};

/** Reads the session tables of either database. Rows have the columns of `tables.ts`. */
export class SessionReader {
  readonly #database: SessionDatabase;

  constructor(database: SessionDatabase) {
    this.#database = database;
  }

  /** Returns all rows of a table, ordered by their key. */
  async all<N extends TableName>(table: N, signal?: AbortSignal): Promise<RowOf<N>[]> {
    const order = tables[table].key.join(", ");
    return (await this.#select(table, `ORDER BY ${order}`, [], signal)).map((row) => this.#row(table, row));
  }

  /** Returns the rows of a table, ordered by their time if they have one, or else by their key. */
  async *rows<N extends TableName>(
    table: N,
    { from, to, stationID, signal }: ReadOptions = {},
  ): AsyncGenerator<RowOf<N>, void, undefined> {
    const time = TIMES[table];
    const key: readonly string[] = tables[table].key;
    const order = time ? [time, ...key.filter((column) => column !== time)] : key;
    const wanted: string[] = [];
    const values: SqlValue[] = [];
    const where = (condition: string, ...more: SqlValue[]) => {
      wanted.push(condition);
      values.push(...more);
    };
    if (time && from) where(`${time} >= ?`, wireTime(from));
    if (time && to) where(`${time} < ?`, wireTime(to));
    if (stationID !== undefined) where("station_id = ?", stationID);
    const columns = columnsOf(table).map(([name]) => name);
    const places = order.map((name) => columns.indexOf(name));
    for (let after: readonly SqlValue[] | undefined; ; ) {
      const beyond = after ? [`(${order.join(", ")}) > (${order.map(() => "?").join(", ")})`] : [];
      const conditions = [...wanted, ...beyond];
      const rows = await this.#select(
        table,
        `${conditions.length > 0 ? `WHERE ${conditions.join(" AND ")} ` : ""}ORDER BY ${order.join(", ")} LIMIT ${PAGE}`,
        [...values, ...(after ?? [])],
        signal,
      );
      for (const row of rows) yield this.#row(table, row);
      const last = rows.at(-1);
      if (!last || rows.length < PAGE) return;
      after = places.map((place) => last[place] ?? null);
    }
  }

  /** Returns sessions with unpublished events, ordered by start. */
  async waitingSessions(count: number, signal?: AbortSignal): Promise<RowOf<"session">[]> {
    const rest = `WHERE to_announce IS NOT NULL ORDER BY t.started_at, t.session_id LIMIT ${count}`;
    return (await this.#select("session", rest, [], signal)).map((row) => this.#row("session", row));
  }

  /** Returns id and start of an account's ended sessions without stored quarter hours, ordered by start. */
  async sessionsWithoutIntervals(
    {
      account,
      after,
      to,
      count,
    }: {
      readonly account: string;
      readonly after: readonly [start: string, id: string];
      readonly to: string;
      readonly count: number;
    },
    signal?: AbortSignal,
  ): Promise<[id: string, start: string][]> {
    const { dialect } = this.#database;
    const rows = await this.query(
      `SELECT ${dialect.shown("t.session_id", "long")}, ${dialect.shown("t.started_at", "time")} FROM session AS t
       WHERE account = ? AND ended_at IS NOT NULL AND intervals_at IS NULL
         AND (started_at, session_id) > (?, ?) AND started_at < ?
       ORDER BY t.started_at, t.session_id LIMIT ${count}`,
      [account, ...after, to],
      signal,
    );
    return rows.map(([id, start]) => [String(id), String(start)]);
  }

  /** Returns the number of rows in a table. */
  async count(table: TableName, signal?: AbortSignal): Promise<number> {
    const [[count] = [0]] = await this.query(`SELECT count(*) FROM ${quoted(table)}`, [], signal);
    return Number(count);
  }

  /** Runs a query with `?` for the values. */
  query(sql: string, values?: readonly SqlValue[], signal?: AbortSignal): Promise<Rows> {
    return this.#database.read(sql, values, signal);
  }

  #select(
    table: TableName,
    rest: string,
    values: readonly SqlValue[],
    signal: AbortSignal | undefined,
  ): Promise<Rows> {
    const { dialect } = this.#database;
    // The alias makes ORDER BY use the columns, not the converted values.
    const shown = columnsOf(table).map(([name, { type }]) => dialect.shown(`t.${name}`, type));
    return this.#database.read(
      `SELECT ${shown.join(", ")} FROM ${quoted(table)} AS t ${rest}`,
      values,
      signal,
    );
  }

  #row<N extends TableName>(table: N, row: readonly SqlValue[]): RowOf<N> {
    const entries = columnsOf(table).map(([name, { type }], index) => {
      const value = row[index] ?? null;
      return [name, type === "boolean" && typeof value === "number" ? value !== 0 : value];
    });
    return Object.fromEntries(entries) as RowOf<N>;
  }
}
