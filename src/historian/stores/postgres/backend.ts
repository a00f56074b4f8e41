import type { PostgresConnection } from "../../../config/postgres-connection.ts";
import type {
  BackendContext,
  HistorianBackend,
  ReadRequest,
  Retention,
  Row,
  Sample,
  Topic,
} from "../../contract.ts";
import { HistorianError } from "../../errors.ts";
import { nameOf, StorePool } from "./pool.ts";
import { Reader } from "./reader.ts";
import { PostgresRetention } from "./retention.ts";
import { tablesOf } from "./tables.ts";
import { Writer } from "./writer.ts";

/** Number of connections for queries; one more is for writing, so that queries never delay it. */
const READERS = 4;

/** Stores the history in a PostgreSQL database: samples are written in one transaction per batch, and queries run concurrently. */
export class PostgresBackend implements HistorianBackend {
  readonly retention?: Retention;
  readonly #place: string;
  readonly #writer: Writer | undefined;
  readonly #reader: Reader;
  readonly #pools: readonly StorePool[];

  constructor(connection: PostgresConnection, { readonly, log }: Pick<BackendContext, "readonly" | "log">) {
    const tables = tablesOf(connection.schema, connection.table_prefix);
    const reading = new StorePool(connection, READERS, false);
    const writing = new StorePool(connection, 1, true);
    this.#place = nameOf(connection);
    this.#pools = [reading, writing];
    this.#reader = new Reader(reading, tables);
    this.#writer = readonly ? undefined : new Writer(writing, tables, log);
    if (!readonly) this.retention = new PostgresRetention(reading, tables);
  }

  async open(signal?: AbortSignal): Promise<void> {
    await (this.#writer ?? this.#reader).open(signal);
  }

  async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    if (!this.#writer) throw new HistorianError("give_up", `${this.#place} was opened for reading only`);
    await this.#writer.write(samples, signal);
  }

  async topics(names?: readonly string[], signal?: AbortSignal): Promise<readonly Topic[]> {
    return await this.#reader.topics(names, signal);
  }

  async read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]> {
    return await this.#reader.read(request, signal);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.close()));
  }
}
