import pg from "pg";
import type { PostgresConnection } from "../../../config/postgres-connection.ts";
import { clientOptions, PostgresPool, placeOf, type Query, sqlState } from "../../../storage/postgres.ts";
import { untilAborted } from "../../../time/until-aborted.ts";
import { HistorianError } from "../../errors.ts";
import { historianError, SETTING } from "./failure.ts";

/** Connections to the history database, each call with one deadline. */
export class StorePool {
  readonly #connection: PostgresConnection;
  readonly #create: boolean;
  readonly #closed = new AbortController();
  readonly #pool: PostgresPool;

  /** `max`: most connections at once; `create`: whether a database that is missing is made. */
  constructor(connection: PostgresConnection, max: number, create: boolean) {
    this.#connection = connection;
    this.#create = create;
    this.#pool = new PostgresPool({ connection, setting: SETTING, max, idleTimeoutMillis: 60_000 });
  }

  /**
   * Lends a connection. Every failure is a HistorianError; whatever happens, it ends within the timeout of the settings
   * or with `signal`, and a connection that did not end well is not used again.
   */
  async run<T>(signal: AbortSignal | undefined, use: (query: Query) => Promise<T>): Promise<T> {
    const signals = [this.#closed.signal, AbortSignal.timeout(this.#connection.timeout * 1000)];
    const ended = AbortSignal.any(signal ? [...signals, signal] : signals);
    try {
      try {
        return await this.#pool.lend(use, ended);
      } catch (error) {
        if (sqlState(error) !== "3D000" || !this.#create) throw error;
      }
      await untilAborted(createDatabase(this.#connection), ended);
      return await this.#pool.lend(use, ended);
    } catch (error) {
      if (ended.aborted && error === ended.reason) throw outOfTime(ended);
      throw historianError(error, nameOf(this.#connection));
    }
  }

  /** Ends calls under way and all connections. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#pool.close();
  }
}

/** The database in words, without secrets. */
export function nameOf(connection: PostgresConnection): string {
  return `history database ${placeOf(connection)}`;
}

/** Makes the database, through the one that every server has. */
async function createDatabase(connection: PostgresConnection): Promise<void> {
  const client = new pg.Client(clientOptions({ ...connection, database: "postgres" }, SETTING));
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
      `${nameOf(connection)}: the database does not exist and cannot be made: ${(error as Error).message}. CREATE DATABASE it, or name another in ${SETTING}`,
      { cause: error },
    );
  } finally {
    // Not waited for: the server may be away.
    client.end().catch(() => {});
  }
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
