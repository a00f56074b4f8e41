import pg from "pg";
import { HistorianError } from "../../errors.ts";
import { clientOptions, type PostgresConnection, placeOf } from "./connection.ts";
import { historianError, sqlState } from "./failure.ts";

/** Runs a statement; rows come as arrays of what `pg` makes of the columns (bigint as text). */
export type Query = <Columns extends readonly unknown[]>(
  sql: string,
  values?: readonly unknown[],
) => Promise<Columns[]>;

export interface SessionsOptions {
  readonly connection: PostgresConnection;
  /** Most connections at once. */
  readonly most: number;
  /** Whether a database that is missing is made. */
  readonly create: boolean;
}

/** Connections that are made when needed and thrown away after a failure, so that none can be half dead for long. */
export class Sessions {
  readonly #options: SessionsOptions;
  readonly #closed = new AbortController();
  #pool: pg.Pool | undefined;

  constructor(options: SessionsOptions) {
    this.#options = options;
  }

  /**
   * Lends a connection. Every failure is a HistorianError; whatever happens, it ends within the timeout of the settings
   * or with `signal`, and a connection that did not end well is not used again.
   */
  async run<T>(signal: AbortSignal | undefined, use: (query: Query) => Promise<T>): Promise<T> {
    const { connection, create } = this.#options;
    const signals = [this.#closed.signal, AbortSignal.timeout(connection.timeout * 1000)];
    const ended = AbortSignal.any(signal ? [...signals, signal] : signals);
    try {
      return await this.#lend(ended, use);
    } catch (error) {
      if (sqlState(error) !== "3D000" || !create) throw historianError(error, placeOf(connection));
    }
    try {
      await untilAborted(createDatabase(connection), ended);
      return await this.#lend(ended, use);
    } catch (error) {
      throw historianError(error, placeOf(connection));
    }
  }

  /** Ends calls under way and all connections. */
  async close(): Promise<void> {
    this.#closed.abort();
    const pool = this.#pool;
    this.#pool = undefined;
    await pool?.end();
  }

  async #lend<T>(ended: AbortSignal, use: (query: Query) => Promise<T>): Promise<T> {
    ended.throwIfAborted();
    this.#pool ??= this.#makePool();
    const connecting = this.#pool.connect();
    let client: pg.PoolClient;
    try {
      client = await untilAborted(connecting, ended);
    } catch (error) {
      connecting.then(
        (late) => late.release(true),
        () => {},
      );
      throw error;
    }
    const query: Query = async (text, values) => {
      ended.throwIfAborted();
      const result = await client.query({ text, values: values as unknown[], rowMode: "array" });
      // A text of several statements has several results; the last one counts.
      return ((Array.isArray(result) ? result.at(-1) : result) as { rows: never[] }).rows;
    };
    try {
      const answer = await untilAborted(use(query), ended);
      client.release();
      return answer;
    } catch (error) {
      client.release(true);
      throw error;
    }
  }

  #makePool(): pg.Pool {
    const { connection, most } = this.#options;
    const pool = new pg.Pool({ ...clientOptions(connection), max: most, idleTimeoutMillis: 60_000 });
    // A connection that breaks is found by its next user; here it must only not go unheard.
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    return pool;
  }
}

/** Makes the database, through the one that every server has. */
async function createDatabase(connection: PostgresConnection): Promise<void> {
  const client = new pg.Client(clientOptions({ ...connection, database: "postgres" }));
  client.on("error", () => {});
  try {
    await client.connect();
    const name = client.escapeIdentifier(connection.database);
    await client.query(`CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  } catch (error) {
    // Somebody else may have been first.
    if (sqlState(error) === "42P04" || sqlState(error) === "23505") return;
    throw new HistorianError(
      historianError(error, "").kind,
      `${placeOf(connection)}: the database does not exist and cannot be made: ${(error as Error).message}. CREATE DATABASE it, or name another in historian.connection`,
      { cause: error },
    );
  } finally {
    // Not waited for: the server may be away.
    client.end().catch(() => {});
  }
}

function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const abort = (): void => reject(outOfTime(signal));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function outOfTime({ reason }: AbortSignal): HistorianError {
  const late = (reason as Error | undefined)?.name === "TimeoutError";
  return new HistorianError(
    "retry",
    late
      ? "the history database did not answer in time; check it, the network, or raise historian.connection.timeout"
      : "the call was ended before the history database answered",
    { cause: reason },
  );
}
