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

export interface PageOptions extends ReadOptions {
  readonly isOpen?: boolean | undefined;
  readonly after?: readonly [start: string, id: string] | undefined;
  readonly count: number;
}

/** Returns the conditions on the rows of table `t`, with `?` for the values. */
export function sessionFilter({ from, to, stationID }: ReadOptions, time = "t.started_at") {
  const conditions: string[] = [];
  const values: SqlValue[] = [];
  const add = (condition: string, value: SqlValue) => {
    conditions.push(condition);
    values.push(value);
  };
  if (from) add(`${time} >= ?`, wireTime(from));
  if (to) add(`${time} < ?`, wireTime(to));
  if (stationID !== undefined) add("t.station_id = ?", stationID);
  return { conditions, values };
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

  /** Returns sessions, the newest first. `after`: the last one of the page before. */
  async page({
    from,
    to,
    stationID,
    isOpen,
    after,
    count,
    signal,
  }: PageOptions): Promise<RowOf<"session">[]> {
    const { conditions, values } = sessionFilter({ from, to, stationID });
    if (isOpen !== undefined) conditions.push(`t.ended_at IS ${isOpen ? "" : "NOT "}NULL`);
    if (after) {
      conditions.push("(t.started_at, t.session_id) < (?, ?)");
      values.push(...after);
    }
    const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")} ` : "";
    const rest = `${where}ORDER BY t.started_at DESC, t.session_id DESC LIMIT ${count}`;
    return (await this.#select("session", rest, values, signal)).map((row) => this.#row("session", row));
  }

  /** Returns the rows of a table that belong to one session, ordered by their key. */
  async ofSession<N extends "session" | "payment" | "interval">(
    table: N,
    sessionID: string,
    signal?: AbortSignal,
  ): Promise<RowOf<N>[]> {
    const order = tables[table].key.map((column) => `t.${column}`).join(", ");
    const rows = await this.#select(table, `WHERE t.session_id = ? ORDER BY ${order}`, [sessionID], signal);
    return rows.map((row) => this.#row(table, row));
  }

  /** Returns the newest alarms, the newest first. */
  async newestAlarms({
    from,
    to,
    stationID,
    count,
    signal,
  }: Omit<PageOptions, "after" | "isOpen">): Promise<RowOf<"alarm">[]> {
    const { conditions, values } = sessionFilter({ from, to, stationID }, "t.occurred_at");
    const where = conditions.length > 0 ? `WHERE ${conditions.join(" AND ")} ` : "";
    const rest = `${where}ORDER BY t.occurred_at DESC, t.station_id, t.type, t.port_number LIMIT ${count}`;
    return (await this.#select("alarm", rest, values, signal)).map((row) => this.#row("alarm", row));
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
