import pg from "pg";
import { clientOptions, type PostgresConnection } from "../../historian/stores/postgres/connection.ts";
import { sqlState } from "../../historian/stores/postgres/failure.ts";
import {
  NOTHING_TALLIED,
  type Rows,
  type SessionDatabase,
  SessionDatabaseError,
  type Statement,
  tallyOf,
  valuesOf,
} from "../database.ts";
import { postgresDialect, quoted } from "../dialect.ts";
import { ddl, migrationsFrom, SCHEMA_VERSION } from "../schema.ts";
import type { SqlValue } from "../tables.ts";

/** Runs a statement; rows come as arrays. */
type Run = (sql: string, values?: readonly unknown[]) => Promise<Rows>;

const MOST_CONNECTIONS = 4;

/** SQLSTATE, or its class, of what no other try can cure, with what to do. */
const GIVE_UP: Readonly<Record<string, string>> = {
  "28": "it refuses the login; check sessions.connection.user and password, and pg_hba.conf",
  "3D000": "the database does not exist; CREATE DATABASE it, or name another in sessions.connection",
  "42501": "the user may not do that; GRANT it, or name another user in sessions.connection",
};

/** Sessions in a schema of a PostgreSQL database, version 14 or newer. */
export class PostgresSessions implements SessionDatabase {
  readonly dialect = postgresDialect;
  readonly #connection: PostgresConnection;
  readonly #readonly: boolean;
  #pool: pg.Pool | undefined;

  constructor(connection: PostgresConnection, readonly: boolean) {
    this.#connection = connection;
    this.#readonly = readonly;
  }

  async open(signal?: AbortSignal): Promise<void> {
    await this.#lend(async (run) => {
      const version = await this.#version(run);
      if (version === SCHEMA_VERSION) return;
      if (this.#readonly)
        throw new SessionDatabaseError(
          `there are no sessions in schema ${this.#connection.schema} yet, or of an older voltbridge; voltbridge sessions sync brings it up to date`,
          true,
        );
      await this.#migrate(run);
    }, signal);
  }

  async write(statements: readonly Statement[], signal?: AbortSignal): Promise<Rows[]> {
    if (this.#readonly) throw new SessionDatabaseError("the sessions were opened for reading only", false);
    return await this.#lend(async (run) => {
      const answers: Rows[] = [];
      await run("BEGIN");
      let tally = NOTHING_TALLIED;
      for (const statement of statements) {
        const answer = await runOne(run, statement, valuesOf(statement, tally));
        if (statement.tally) tally = tallyOf(statement, answer);
        answers.push(answer);
      }
      await run("COMMIT");
      return answers;
    }, signal);
  }

  async read(sql: string, values: readonly SqlValue[] = [], signal?: AbortSignal): Promise<Rows> {
    return await this.#lend((run) => run(numbered(sql), values), signal);
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  /** Lends a connection; one that did not end well is not used again. Each statement has the deadline of the settings. */
  async #lend<T>(use: (run: Run) => Promise<T>, signal?: AbortSignal): Promise<T> {
    this.#pool ??= this.#makePool();
    let client: pg.PoolClient | undefined;
    try {
      const lent = await this.#pool.connect();
      client = lent;
      const answer = await use(async (text, values) => {
        signal?.throwIfAborted();
        const result = await lent.query({ text, values: values as unknown[], rowMode: "array" });
        // A text of several statements has several results; the last one counts.
        return ((Array.isArray(result) ? result.at(-1) : result) as { rows: Rows }).rows;
      });
      lent.release();
      return answer;
    } catch (error) {
      client?.release(true);
      throw this.#failure(error);
    }
  }

  #makePool(): pg.Pool {
    const { timeout, schema } = this.#connection;
    const pool = new pg.Pool({
      ...clientOptions(this.#connection, "sessions.connection"),
      query_timeout: Math.ceil(timeout * 1000),
      max: MOST_CONNECTIONS,
    });
    // A connection that breaks is found by its next user; here it must only not go unheard.
    pool.on("error", () => {});
    pool.on("connect", (client) => {
      client.on("error", () => {});
      client.query(`SET search_path TO ${quoted(schema)}`).catch(() => {});
    });
    return pool;
  }

  /** 0 where there are no tables yet. */
  async #version(run: Run): Promise<number> {
    const { schema } = this.#connection;
    const [found] = await run("SELECT to_regclass($1) IS NOT NULL", [`"${schema}"."schema_version"`]);
    if (!found?.[0]) return 0;
    const [[version] = [0]] = await run("SELECT version FROM schema_version");
    if (Number(version) <= SCHEMA_VERSION) return Number(version);
    throw new SessionDatabaseError(
      `the sessions in schema ${schema} were made by a newer voltbridge (schema ${version}, this one knows ${SCHEMA_VERSION}); they are left as they are. Run that version, or set sessions.connection.schema`,
      false,
    );
  }

  /** In one transaction; of several who try at once one does it. */
  async #migrate(run: Run): Promise<void> {
    const { schema } = this.#connection;
    await run("BEGIN");
    await run("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`voltbridge sessions ${schema}`]);
    const [there] = await run("SELECT to_regnamespace($1) IS NOT NULL", [quoted(schema)]);
    // Even IF NOT EXISTS asks for the right to make one.
    if (!there?.[0]) await run(`CREATE SCHEMA ${quoted(schema)}`);
    const version = await this.#version(run);
    if (version === 0)
      await run(`CREATE TABLE schema_version (version integer NOT NULL); ${ddl(this.dialect)}`);
    else for (const step of migrationsFrom(version, this.dialect)) await run(step);
    await run(`DELETE FROM schema_version; INSERT INTO schema_version VALUES (${SCHEMA_VERSION})`);
    await run("COMMIT");
  }

  #failure(error: unknown): Error {
    if (error instanceof SessionDatabaseError) return error;
    const { host, port, database } = this.#connection;
    const state = sqlState(error) ?? "";
    const advice = GIVE_UP[state] ?? GIVE_UP[state.slice(0, 2)];
    const said = (error as Error)?.message || String((error as { code?: string })?.code ?? error);
    const text = advice ? `${advice} (${said})` : said;
    // 22, 23, 42: what is asked is wrong, and stays so.
    const retry = !advice && !/^(22|23|42)/.test(state);
    return new SessionDatabaseError(`session database ${database} at ${host}:${port}: ${text}`, retry, {
      cause: error,
    });
  }
}

/** `?` of the statement become $1, $2, …; none of them stands within a text. */
function numbered(sql: string): string {
  let number = 0;
  return sql.replaceAll("?", () => `$${++number}`);
}

async function runOne(
  run: Run,
  { sql, bulk }: Statement,
  rows: readonly (readonly SqlValue[])[],
): Promise<Rows> {
  if (rows.length === 0) return [];
  if (bulk)
    return await run(
      sql,
      bulk.map((_, column) => rows.map((row) => row[column])),
    );
  const answers: (readonly SqlValue[])[] = [];
  for (const row of rows) answers.push(...(await run(numbered(sql), row)));
  return answers;
}
