import type { PostgresConnection } from "../../../config/postgres-connection.ts";
import { clientOptions, PostgresPool, placeOf, type Query, sqlState } from "../../../storage/postgres.ts";
import { untilAborted } from "../../../time/until-aborted.ts";
import { HistorianError } from "../../errors.ts";
import { historianError, SETTING } from "./failure.ts";

/** Connections to the history database. Each call has one deadline. */
export class StorePool {
  readonly #connection: PostgresConnection;
  readonly #create: boolean;
  readonly #closed = new AbortController();
  readonly #pool: PostgresPool;

  /** `max`: maximum number of connections; `create`: whether to create a missing database. */
  constructor(connection: PostgresConnection, max: number, create: boolean) {
    this.#connection = connection;
    this.#create = create;
    this.#pool = new PostgresPool({ connection, setting: SETTING, max, idleTimeoutMillis: 60_000 });
  }

  /**
   * Runs `use` with a connection. Every failure is a HistorianError. Ends within the configured timeout or with `signal`; a connection
   * that failed is not used again.
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
      if (ended.aborted && error === ended.reason) throw abortedError(ended);
      throw historianError(error, nameOf(this.#connection));
    }
  }

  /** Aborts current calls and closes all connections. */
  async close(): Promise<void> {
    this.#closed.abort();
    await this.#pool.close();
  }
}

/** Describes the database for messages, without secrets. */
export function nameOf(connection: PostgresConnection): string {
  return `history database ${placeOf(connection)}`;
}

/** Creates the database, through the database `postgres` that every server has. */
async function createDatabase(connection: PostgresConnection): Promise<void> {
  const { default: pg } = await import("pg");
  const client = new pg.Client(clientOptions({ ...connection, database: "postgres" }, SETTING));
  client.on("error", () => {});
  try {
    await client.connect();
    const name = client.escapeIdentifier(connection.database);
    await client.query(`CREATE DATABASE ${name} ENCODING 'UTF8' TEMPLATE template0`);
  } catch (error) {
    // Another process may have created it first.
    if (sqlState(error) === "42P04" || sqlState(error) === "23505") return;
    throw new HistorianError(
      historianError(error, "").kind,
      `${nameOf(connection)}: the database does not exist and cannot be created: ${(error as Error).message}. Create it with CREATE DATABASE, or set another in ${SETTING}`,
      { cause: error },
    );
  } finally {
    // Not awaited: the server may be unreachable.
    client.end().catch(() => {});
  }
}

function abortedError({ reason }: AbortSignal): HistorianError {
  const late = (reason as Error | undefined)?.name === "TimeoutError";
  return new HistorianError(
    "retry",
    late
      ? "the history database did not respond in time; check the server and the network, or raise historian.connection.timeout"
      : "the call was aborted before the history database responded",
    { cause: reason },
  );
}
