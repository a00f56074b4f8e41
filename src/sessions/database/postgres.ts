import type { PostgresConnection } from "../../config/postgres-connection.ts";
import { PostgresPool, placeOf, postgresFailure, type Query, sqlState } from "../../storage/postgres.ts";
import { newerText } from "../../storage/sqlite.ts";
import {
  countRows,
  NO_ROWS,
  type Rows,
  type SessionDatabase,
  SessionDatabaseError,
  type Statement,
  valuesOf,
} from "./contract.ts";
import { postgresDialect, quoted } from "./dialect.ts";
import { ddl, migrationsFrom, SCHEMA_VERSION } from "./schema.ts";
import type { SqlValue } from "./tables.ts";

/** Name of the connection settings in messages. */
export const SETTING = "sessions.connection";
const MAX_CONNECTIONS = 4;

/** Stores sessions in a schema of a PostgreSQL database, version 14 or newer. */
export class PostgresSessions implements SessionDatabase {
  readonly dialect = postgresDialect;
  readonly #connection: PostgresConnection;
  readonly #readonly: boolean;
  readonly #pool: PostgresPool;
  readonly #closed = new AbortController();

  constructor(connection: PostgresConnection, readonly: boolean) {
    this.#connection = connection;
    this.#readonly = readonly;
    this.#pool = new PostgresPool({
      connection,
      setting: SETTING,
      max: MAX_CONNECTIONS,
      query_timeout: Math.ceil(connection.timeout * 1000),
      first: `SET search_path TO ${quoted(connection.schema)}`,
    });
  }

  async open(signal?: AbortSignal): Promise<void> {
    await this.#lend(async (query) => {
      const version = await this.#version(query);
      if (version === SCHEMA_VERSION) return;
      if (this.#readonly)
        throw new SessionDatabaseError(
          `schema ${this.#connection.schema} has no sessions yet, or those of an older voltbridge; run voltbridge sessions sync, which creates or migrates it`,
          true,
        );
      await this.#migrate(query);
    }, signal);
  }

  async write(statements: readonly Statement[], signal?: AbortSignal): Promise<Rows[]> {
    if (this.#readonly) throw new SessionDatabaseError("the sessions were opened for reading only", false);
    return await this.#lend(async (query) => {
      const answers: Rows[] = [];
      await query("BEGIN");
      let counted = NO_ROWS;
      for (const statement of statements) {
        const answer = await runOne(query, statement, valuesOf(statement, counted));
        if (statement.counted) counted = countRows(statement, answer);
        answers.push(answer);
      }
      await query("COMMIT");
      return answers;
    }, signal);
  }

  async read(sql: string, values: readonly SqlValue[] = [], signal?: AbortSignal): Promise<Rows> {
    return await this.#lend((query) => query(numbered(sql), values), signal);
  }

  async close(): Promise<void> {
    this.#closed.abort(new Error("the database was closed"));
    await this.#pool.close();
  }

  /** Each statement has the configured deadline. An abort, or the close, gives up the connection with what it was doing. */
  async #lend<T>(use: (query: Query) => Promise<T>, signal?: AbortSignal): Promise<T> {
    try {
      return await this.#pool.lend(
        use,
        signal ? AbortSignal.any([this.#closed.signal, signal]) : this.#closed.signal,
      );
    } catch (error) {
      throw this.#failure(error);
    }
  }

  /** Returns the schema version; 0 without tables. */
  async #version(query: Query): Promise<number> {
    const { schema } = this.#connection;
    const [found] = await query("SELECT to_regclass($1) IS NOT NULL", [`"${schema}"."schema_version"`]);
    if (!found?.[0]) return 0;
    const [[version] = [0]] = await query("SELECT version FROM schema_version");
    if (Number(version) <= SCHEMA_VERSION) return Number(version);
    throw new SessionDatabaseError(
      newerText(
        `schema ${schema} of the sessions`,
        Number(version),
        SCHEMA_VERSION,
        "restore the database as it was before the upgrade, or set sessions.connection.schema to another one",
      ),
      false,
    );
  }

  /** Creates or migrates the tables in one transaction; of concurrent callers only one does. */
  async #migrate(query: Query): Promise<void> {
    const { schema } = this.#connection;
    await query("BEGIN");
    await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`voltbridge sessions ${schema}`]);
    const [there] = await query("SELECT to_regnamespace($1) IS NOT NULL", [quoted(schema)]);
    // Even IF NOT EXISTS requires the right to create one.
    if (!there?.[0]) await query(`CREATE SCHEMA ${quoted(schema)}`);
    const version = await this.#version(query);
    if (version === 0)
      await query(`CREATE TABLE schema_version (version integer NOT NULL); ${ddl(this.dialect)}`);
    else for (const step of migrationsFrom(version, this.dialect)) await query(step);
    await query(`DELETE FROM schema_version; INSERT INTO schema_version VALUES (${SCHEMA_VERSION})`);
    await query("COMMIT");
  }

  #failure(error: unknown): Error {
    if (error instanceof SessionDatabaseError) return error;
    const { why, retryable } = postgresFailure(error, SETTING);
    // 22, 23, 42: the statement is invalid, and a retry fails in the same way.
    const retry = retryable && !/^(22|23|42)/.test(sqlState(error) ?? "");
    const text = `session database ${placeOf(this.#connection)}: ${why}`;
    return new SessionDatabaseError(text, retry, { cause: error });
  }
}

/** Replaces the `?` of a statement by $1, $2, …; no text in a statement contains one. */
function numbered(sql: string): string {
  let number = 0;
  return sql.replaceAll("?", () => `$${++number}`);
}

async function runOne(
  query: Query,
  { sql, bulk }: Statement,
  rows: readonly (readonly SqlValue[])[],
): Promise<Rows> {
  if (rows.length === 0) return [];
  if (bulk)
    return await query(
      sql,
      bulk.map((_, column) => rows.map((row) => row[column])),
    );
  const answers: (readonly SqlValue[])[] = [];
  for (const row of rows) answers.push(...(await query<readonly SqlValue[]>(numbered(sql), row)));
  return answers;
}
