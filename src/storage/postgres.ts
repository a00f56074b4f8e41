import { Socket } from "node:net";
import type pg from "pg";
import { readBounded } from "../config/files/file-access.ts";
import { ConnectionSettingError, type PostgresConnection } from "../config/postgres-connection.ts";
import { systemClock } from "../time/clock.ts";
import { untilAborted } from "../time/until-aborted.ts";

/** Maximum size of a certificate file, in bytes: four times that of all public authorities. */
const MAX_CA_BYTES = 1_000_000;
/** Time that a server has to end its connections at a close, in milliseconds. */
const CLOSE_MS = 1000;

/** Runs a statement; rows are arrays of values as converted by `pg` (bigint as text). */
export type Query = <Columns extends readonly unknown[]>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Columns[]>;

export interface PoolOptions extends Pick<pg.PoolConfig, "max" | "idleTimeoutMillis" | "query_timeout"> {
  readonly connection: PostgresConnection;
  /** Name of the connection settings in messages. */
  readonly setting: string;
  /** First statement of each new connection. */
  readonly first?: string;
}

/** Connections that are opened when needed and discarded after a failure, so that no broken one is reused. */
export class PostgresPool {
  readonly #options: PoolOptions;
  /** Of all connections, also of those that are being opened. */
  readonly #sockets = new Set<Socket>();
  #pool: pg.Pool | undefined;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  /** Runs `use` with a connection, which is discarded if it fails. Rejects with the signal's reason as soon as it aborts. */
  async lend<T>(
    use: (query: Query) => Promise<T>,
    signal: AbortSignal = new AbortController().signal,
  ): Promise<T> {
    // Not loaded by a bridge with other stores.
    const { default: library } = await untilAborted(import("pg"), signal);
    this.#pool ??= this.#make(library);
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
      // Several statements have several results; the last one counts.
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

  /** Connections of a server that does not answer are destroyed after a second. */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    const cancel = systemClock.after(CLOSE_MS, () => {
      for (const socket of this.#sockets) socket.destroy();
    });
    await pool?.end();
    cancel();
  }

  #make({ Pool }: typeof pg): pg.Pool {
    const { connection, setting, first, ...limits } = this.#options;
    const pool = new Pool({
      ...clientOptions(connection, setting),
      ...limits,
      stream: () => {
        const socket = new Socket();
        this.#sockets.add(socket);
        return socket.once("close", () => this.#sockets.delete(socket));
      },
      // A server that hangs never closes its side: without this, a closed pool would keep the process alive.
      allowExitOnIdle: true,
    });
    // Its next user detects a broken connection; here the event must only be handled.
    pool.on("error", () => {});
    pool.on("connect", (client) => {
      client.on("error", () => {});
      if (first) client.query(first).catch(() => {});
    });
    return pool;
  }
}

/** Returns the options of the `pg` library. @throws {ConnectionSettingError} when the CA file cannot be read. */
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
    // The server's own deadlines end what a broken connection leaves behind.
    statement_timeout: milliseconds,
    idle_in_transaction_session_timeout: milliseconds,
  };
}

function sslOptions({ ssl, ca }: PostgresConnection, setting: string): pg.PoolConfig["ssl"] {
  if (ssl === "disable") return false;
  if (ssl === "require") return { rejectUnauthorized: false };
  try {
    return { rejectUnauthorized: true, ca: ca && readBounded(ca, MAX_CA_BYTES).toString() };
  } catch (error) {
    throw new ConnectionSettingError(`${setting}.ca: ${(error as Error).message}`, { cause: error });
  }
}

/** Describes the database for messages, without secrets. */
export function placeOf({ host, port, database }: PostgresConnection): string {
  return `${database} at ${host.includes(":") ? `[${host}]` : host}:${port}`;
}

export interface PostgresFailure {
  /** Remedy and the error's own message. */
  readonly why: string;
  /** Whether a retry can succeed. */
  readonly retryable: boolean;
}

/**
 * Remedies by SQLSTATE or by its class (the first two characters); the full code takes precedence. `$` is replaced by the name of the
 * connection settings.
 */
const REMEDIES: Readonly<Record<string, string>> = {
  "08": "the connection broke",
  "0A": "the server does not support this",
  "25006": "the server is read-only now (a standby?)",
  "28": "the server rejects the login; check $.user and password, and pg_hba.conf",
  "3D000": "the database does not exist; create it (CREATE DATABASE), or set another in $",
  "40001": "a concurrent transaction was in conflict",
  "40P01": "a concurrent transaction was in conflict",
  "42501": "the user lacks the right; GRANT it, or set another user in $",
  "53100": "the server's disk is full; free space on it",
  "53200": "the server is out of memory",
  "53300": "the server has no connection left; raise its max_connections",
  "53": "the server lacks resources",
  "55": "the object is in use or locked",
  "57014": "it took longer than $.timeout",
  "57P01": "the server is stopping",
  "57P02": "the server crashed",
  "57P03": "the server is starting or stopping",
  "57P04": "the database was dropped",
  "58": "the server's disk failed to read or write; check it",
  F0: "the server's configuration is invalid",
  XX001: "a table is damaged; restore it from a backup",
  XX002: "an index is damaged; REINDEX it",
  TLS: "its certificate is not trusted; check $.ca",
  NO_TLS: "it does not encrypt; check $.ssl",
};

/** Failures that only a person can resolve; a retry after any other may succeed. */
const PERMANENT = /^(28|3D000|42501|42P07|F0|XX001|XX002|TLS|NO_TLS)/;

/** Codes of Node and OpenSSL for an untrusted certificate. */
const TLS_FAULT = /^(ERR_TLS_|ERR_SSL_|CERT_|SELF_SIGNED_|DEPTH_ZERO_|UNABLE_TO_(GET|VERIFY|DECODE)_)/;
const NO_TLS = "The server does not support SSL connections";

interface Fault {
  readonly code?: string;
  readonly message?: string;
  readonly severity?: string;
}

/** Returns the SQLSTATE of a server's error; undefined for any other error. */
export function sqlState(error: unknown): string | undefined {
  const { code, severity } = (error ?? {}) as Fault;
  return severity !== undefined && typeof code === "string" && /^[0-9A-Z]{5}$/.test(code) ? code : undefined;
}

/**
 * Describes a failure by the server's SQLSTATE or by Node's code. `setting` names the connection settings; `words` has the caller's
 * texts for further SQLSTATEs.
 */
export function postgresFailure(
  error: unknown,
  setting: string,
  words: Readonly<Record<string, string>> = {},
): PostgresFailure {
  const { code = "", message = "" } = (error ?? {}) as Fault;
  const state = sqlState(error) ?? (TLS_FAULT.test(code) ? "TLS" : message === NO_TLS ? "NO_TLS" : "");
  const remedy = words[state] ?? REMEDIES[state] ?? REMEDIES[state.slice(0, 2)];
  const said = message || code || String(error);
  return {
    why: remedy === undefined ? said : `${remedy.replace("$", () => setting)} (${said})`,
    retryable: !PERMANENT.test(state) && !(error instanceof ConnectionSettingError),
  };
}
