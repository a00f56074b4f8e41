import pg from "pg";
import { readBounded } from "../config/files/file-access.ts";
import { ConnectionSettingError, type PostgresConnection } from "../config/postgres-connection.ts";
import { untilAborted } from "../time/until-aborted.ts";

/** Largest file of certificates that is read, in bytes: those of all public authorities are a quarter of it. */
const LARGEST_CA = 1_000_000;

/** Runs a statement; rows come as arrays of what `pg` makes of the columns (bigint as text). */
export type Query = <Columns extends readonly unknown[]>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Columns[]>;

export interface PoolOptions extends Pick<pg.PoolConfig, "max" | "idleTimeoutMillis" | "query_timeout"> {
  readonly connection: PostgresConnection;
  /** Names the connection settings in messages. */
  readonly setting: string;
  /** Statement that each new connection begins with. */
  readonly first?: string;
}

/** Connections that are made when needed and thrown away after a failure, so that none can be half dead for long. */
export class PostgresPool {
  readonly #options: PoolOptions;
  #pool: pg.Pool | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Lends a connection; one that did not end well is not used again. Rejects with the signal's reason as soon as it aborts. */
  async lend<T>(use: (query: Query) => Promise<T>, signal = new AbortController().signal): Promise<T> {
    signal.throwIfAborted();
    this.#pool ??= this.#make();
    const connecting = this.#pool.connect();
    let client: pg.PoolClient;
    try {
      client = await untilAborted(connecting, signal);
    } catch (error) {
      connecting.then(
        (late) => late.release(true),
        () => {},
      );
      throw error;
    }
    const query: Query = async (text, values) => {
      signal.throwIfAborted();
      const result = await client.query({ text, values: values as unknown[], rowMode: "array" });
      // A text of several statements has several results; the last one counts.
      return ((Array.isArray(result) ? result.at(-1) : result) as { rows: never[] }).rows;
    };
    try {
      const answer = await untilAborted(use(query), signal);
      client.release();
      return answer;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  #make(): pg.Pool {
    const { connection, setting, first, ...limits } = this.#options;
    const pool = new pg.Pool({ ...clientOptions(connection, setting), ...limits });
    // A connection that breaks is found by its next user; here it must only not go unheard.
    pool.on("error", () => {});
    pool.on("connect", (client) => {
      client.on("error", () => {});
      if (first) client.query(first).catch(() => {});
    });
    return pool;
  }
}

/** What the `pg` library is to connect with. Throws a {@link ConnectionSettingError} where the CA file cannot be read. */
export function clientOptions(connection: PostgresConnection, setting: string): pg.PoolConfig {
  const { host, port, database, user, password, timeout } = connection;
  const milliseconds = Math.ceil(timeout * 1000);
  return {
    host,
    port,
    database,
    user,
    password,
    ssl: sslOptions(connection, setting),
    application_name: "voltbridge",
    keepAlive: true,
    connectionTimeoutMillis: milliseconds,
    // The server's own deadlines, for what a broken connection leaves behind there.
    statement_timeout: milliseconds,
    idle_in_transaction_session_timeout: milliseconds,
  };
}

function sslOptions({ ssl, ca }: PostgresConnection, setting: string): pg.PoolConfig["ssl"] {
  if (ssl === "disable") return false;
  if (ssl === "require") return { rejectUnauthorized: false };
  try {
    return { rejectUnauthorized: true, ca: ca && readBounded(ca, LARGEST_CA).toString() };
  } catch (error) {
    throw new ConnectionSettingError(`${setting}.ca: ${(error as Error).message}`, { cause: error });
  }
}

/** The database in words, without secrets. */
export function placeOf({ host, port, database }: PostgresConnection): string {
  return `${database} at ${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export interface PostgresFailure {
  /** What to do, and the error's own message. */
  readonly why: string;
  /** Whether another try can succeed. */
  readonly curable: boolean;
}

/**
 * SQLSTATE, or the first two characters of its class, to what can be done about it. The longer one goes first. `$` stands for the
 * name of the connection settings.
 */
const ADVICE: Readonly<Record<string, string>> = {
  "08": "the connection broke",
  "0A": "the server does not support this",
  "25006": "the server takes no writes at present (a standby?)",
  "28": "the server refuses the login; check $.user and password, and pg_hba.conf",
  "3D000": "the database does not exist; make it (CREATE DATABASE), or name another in $",
  "40001": "another writer was in the way",
  "40P01": "another writer was in the way",
  "42501": "the user may not do that; GRANT it, or name another user in $",
  "53100": "the server's disk is full; make room",
  "53200": "the server is out of memory",
  "53300": "the server has no connection left; raise its max_connections",
  "53": "the server is short of something",
  "55": "something else holds what is needed",
  "57014": "it took longer than $.timeout",
  "57P01": "the server is being stopped",
  "57P02": "the server crashed",
  "57P03": "the server is starting or stopping",
  "57P04": "the database was dropped",
  "58": "the server's disk failed to read or write; check it",
  F0: "the server's configuration is broken",
  XX001: "a table is damaged; restore it from a backup",
  XX002: "an index is damaged; REINDEX it",
  TLS: "its certificate is not trusted; check $.ca",
  NO_TLS: "it does not encrypt; check $.ssl",
};

/** What only a person can cure; another try with the rest may succeed. */
const INCURABLE = /^(28|3D000|42501|42P07|F0|XX001|XX002|TLS|NO_TLS)/;

/** Codes of Node and OpenSSL for a certificate that is not trusted. */
const TLS_FAULT = /^(ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY|DECODE)_)/;
const NO_TLS = "The server does not support SSL connections";

interface Fault {
  readonly code?: string;
  readonly message?: string;
  readonly severity?: string;
}

/** SQLSTATE of an error of the server; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as Fault;
  return severity !== undefined && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * What went wrong at a server, told apart by its SQLSTATE or by Node's code. `setting` names the connection settings, `words` is
 * what their user says of further SQLSTATEs.
 */
export function postgresFailure(
  error: unknown,
  setting: string,
  words: Readonly<Record<string, string>> = {},
): PostgresFailure {
  const { code = "", message = "" } = (error ?? {}) as Fault;
  const state = sqlState(error) ?? (TLS_FAULT.test(code) ? "TLS" : message === NO_TLS ? "NO_TLS" : "");
  const advice = words[state] ?? ADVICE[state] ?? ADVICE[state.slice(0, 2)];
  const said = message || code || String(error);
  return {
    why: advice === undefined ? said : `${advice.replace("$", () => setting)} (${said})`,
    curable: !INCURABLE.test(state) && !(error instanceof ConnectionSettingError),
  };
}
