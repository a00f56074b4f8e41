import { ConnectionSettingError, type PostgresConnection } from "../../config/postgres-connection.ts";
import { PostgresPool, placeOf, postgresFailure, type Query, sqlState } from "../../storage/postgres.ts";
import { ClusterUnavailableError } from "../contract.ts";

/** Name of the connection settings in messages. */
export const SETTING = "cluster.connection";
/** Channel of the notifications that members, owners or settings changed; their text is the name of the estate. */
export const CHANNEL = "voltbridge_cluster";
const SCHEMA_VERSION = 1;
const MAX_CONNECTIONS = 8;
/** Number of times that a transaction in conflict with another, or whose connection broke, is tried again. */
const MOST_RETRIES = 3;

/** The numbers of leases and epochs are from one sequence. An owner whose lease no member has any more, or whose member's has expired, is none. */
const TABLES = `
  CREATE TABLE cluster_version (version integer NOT NULL);
  INSERT INTO cluster_version VALUES (${SCHEMA_VERSION});
  CREATE SEQUENCE cluster_numbers;
  CREATE TABLE cluster_members (
    instance text NOT NULL, id text NOT NULL, run text NOT NULL, lease bigint NOT NULL UNIQUE,
    ttl interval NOT NULL, expires timestamptz NOT NULL, record text NOT NULL,
    PRIMARY KEY (instance, id));
  CREATE TABLE cluster_owners (
    instance text NOT NULL, shard text NOT NULL, lease bigint NOT NULL, epoch bigint NOT NULL,
    PRIMARY KEY (instance, shard));
  CREATE TABLE cluster_state (
    instance text NOT NULL, shard text NOT NULL, key text NOT NULL, value text NOT NULL,
    PRIMARY KEY (instance, shard, key));
  CREATE TABLE cluster_settings (
    instance text NOT NULL, name text NOT NULL, value text NOT NULL,
    PRIMARY KEY (instance, name));`;

/**
 * The tables of estates in a schema of a PostgreSQL database, version 13 or newer. What is committed must survive: each connection sets
 * `synchronous_commit` to on where it is off or local; a server that fails over to a standby needs synchronous replication besides
 * (`synchronous_standby_names`), or the standby may have lost puts and epochs.
 */
export class ClusterDatabase {
  readonly connection: PostgresConnection;
  readonly #pool: PostgresPool;
  readonly #closed = new AbortController();
  #prepared: Promise<void> | undefined;

  constructor(connection: PostgresConnection) {
    this.connection = connection;
    this.#pool = new PostgresPool({
      connection,
      setting: SETTING,
      max: MAX_CONNECTIONS,
      query_timeout: Math.ceil(connection.timeout * 1000),
      first: `SET search_path TO "${connection.schema}"; SELECT set_config('synchronous_commit', 'on', false)
        WHERE current_setting('synchronous_commit') IN ('off', 'local')`,
    });
  }

  async read<T>(use: (query: Query) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.#retried(async () => await this.#lend(use, signal), signal);
  }

  /**
   * Runs one transaction, at most once: where the answer to its COMMIT is lost, the server says what became of it.
   * @throws {ClusterUnavailableError}
   */
  async change<T>(use: (query: Query) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.#retried(async () => {
      let answer: T;
      let committing: string | undefined;
      try {
        return await this.#lend(async (query) => {
          await query("BEGIN");
          try {
            answer = await use(query);
          } catch (error) {
            // Its locks end before the caller goes on.
            if (isContractError(error)) await query("ROLLBACK");
            throw error;
          }
          const [row] = await query<[string]>("SELECT pg_current_xact_id()::text");
          committing = row![0];
          await query("COMMIT");
          return answer;
        }, signal);
      } catch (error) {
        if (committing === undefined || sqlState(error) !== undefined) throw error;
        if (await this.#committed(committing, signal)) return answer!;
        throw error;
      }
    }, signal);
  }

  async close(): Promise<void> {
    this.#closed.abort(new ClusterUnavailableError("the connection to PostgreSQL was closed"));
    await this.#pool.close();
  }

  failure(error: unknown): Error {
    if (error instanceof ClusterUnavailableError || error instanceof ConnectionSettingError) return error;
    const { why } = postgresFailure(error, SETTING);
    return new ClusterUnavailableError(`PostgreSQL ${placeOf(this.connection)}: ${why}`, { cause: error });
  }

  /** Waits while the transaction is still in progress, as its session does until it notices the broken connection. */
  async #committed(id: string, signal?: AbortSignal): Promise<boolean> {
    return await this.#lend(async (query) => {
      for (let look = 0; ; look++) {
        const [row] = await query<[string]>("SELECT pg_xact_status($1::xid8)", [id]);
        if (row![0] !== "in progress") return row![0] === "committed";
        if (look === 20) throw new Error("the outcome of a transaction is unknown");
        await query("SELECT pg_sleep(0.05)");
      }
    }, signal);
  }

  /** Errors that are neither the server's nor the network's (of the contract) pass as they are. */
  async #retried<T>(attempt: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const end = performance.now() + this.connection.timeout * 1000;
    for (let retries = 0; ; retries++)
      try {
        this.#prepared ??= this.#prepare();
        await this.#prepared.catch((error) => {
          this.#prepared = undefined;
          throw error;
        });
        return await attempt();
      } catch (error) {
        signal?.throwIfAborted();
        if (isContractError(error)) throw error;
        if (retries === MOST_RETRIES || performance.now() > end || !isRepeatable(error))
          throw this.failure(error);
      }
  }

  async #lend<T>(use: (query: Query) => Promise<T>, signal?: AbortSignal): Promise<T> {
    return await this.#pool.lend(
      use,
      signal ? AbortSignal.any([this.#closed.signal, signal]) : this.#closed.signal,
    );
  }

  /** Creates the tables; of concurrent callers only one does. */
  async #prepare(): Promise<void> {
    const { schema } = this.connection;
    await this.#lend(async (query) => {
      if (await this.#hasTables(query)) return;
      await query("BEGIN");
      await query("SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", [`voltbridge cluster ${schema}`]);
      if (!(await this.#hasTables(query))) {
        const [there] = await query("SELECT to_regnamespace($1) IS NOT NULL", [`"${schema}"`]);
        if (!there?.[0]) await query(`CREATE SCHEMA "${schema}"`);
        await query(TABLES);
      }
      await query("COMMIT");
    });
  }

  async #hasTables(query: Query): Promise<boolean> {
    const { schema } = this.connection;
    const [found] = await query("SELECT to_regclass($1) IS NOT NULL", [`"${schema}".cluster_version`]);
    if (!found?.[0]) return false;
    const [row] = await query<[number]>("SELECT version FROM cluster_version");
    if (row?.[0] === SCHEMA_VERSION) return true;
    throw new ConnectionSettingError(
      `schema ${schema} has cluster tables of version ${row?.[0]}, this voltbridge knows ${SCHEMA_VERSION}; run the newer one, or set ${SETTING}.schema to another schema`,
    );
  }
}

function isContractError(error: unknown): boolean {
  return /^(LeaseLost|MemberExists|NotOwner|KeyExists)Error$/.test((error as Error).name);
}

/** Conflicts of transactions, and connections that broke. */
function isRepeatable(error: unknown): boolean {
  if (error instanceof ClusterUnavailableError || error instanceof ConnectionSettingError) return false;
  const state = sqlState(error);
  return state === undefined ? !/timeout/i.test((error as Error).message) : /^(40|08|57P0[123])/.test(state);
}

export async function notify(query: Query, instance: string): Promise<void> {
  await query("SELECT pg_notify($1, $2)", [CHANNEL, instance]);
}
