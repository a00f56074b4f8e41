import type { Durability } from "../../../storage/sqlite.ts";
import { Thread, type ThreadOptions } from "../../../storage/thread-calls.ts";
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
import { removeInSteps } from "../remove-in-steps.ts";
import type { VolttronTables } from "../volttron-sqlite/tables.ts";
import { BatchEncoder } from "./batch.ts";
import type { Rows } from "./reader.ts";
import type { Calls, Failure, ThreadEvent, ThreadSettings } from "./worker.ts";

/** Stores the history in one SQLite file. One thread writes batches, another runs queries; a readonly backend has only the latter. */
export class SqliteBackend implements HistorianBackend {
  readonly retention?: Retention;
  readonly thin?: HistorianBackend["thin"];
  readonly #file: string;
  readonly #writer: SqliteThread | undefined;
  readonly #reader: SqliteThread;
  #encoder = new BatchEncoder();

  /** `volttron`: the tables of a file of VOLTTRON's historian; absent for our own format. */
  constructor(
    file: string,
    durability: Durability,
    readonly: boolean,
    volttron?: VolttronTables,
    onNotice?: BackendContext["onNotice"],
  ) {
    const settings = { file, ...(volttron && { volttron }) };
    this.#file = file;
    this.#writer = readonly
      ? undefined
      : sqliteThread(
          { ...settings, durability },
          {
            onDeath: () => {
              this.#encoder = new BatchEncoder();
            },
            onEvent: () =>
              onNotice?.({
                severity: "warning",
                kind: "file_removed",
                text: `history file ${file} was removed while in use; a new file was created, without the history of the old one`,
              }),
          },
        );
    this.#reader = sqliteThread(settings);
    if (!volttron)
      this.thin = async (request, signal) => {
        const { next, ...rows } = await this.#reader.call("thin", request, signal);
        return { rows: rowsOf(rows), ...(next !== undefined && { next }) };
      };
    if (this.#writer) this.retention = new SqliteRetention(this.#writer, this.#reader);
  }

  async open(signal?: AbortSignal): Promise<void> {
    await (this.#writer ?? this.#reader).call("open", undefined, signal);
  }

  async write(samples: readonly Sample[], signal?: AbortSignal): Promise<void> {
    const writer = this.#writer;
    if (!writer)
      throw new HistorianError("give_up", `history file ${this.#file} was opened for reading only`);
    if (writer.behind)
      // A second batch would only queue behind it.
      throw new HistorianError("retry", `history file ${this.#file}: the previous write is still running`);
    await writer.call("write", this.#encoder.encode(samples), signal);
  }

  async topics(names?: readonly string[], signal?: AbortSignal): Promise<readonly Topic[]> {
    return await this.#reader.call("topics", names, signal);
  }

  async read(request: ReadRequest, signal?: AbortSignal): Promise<readonly Row[]> {
    return rowsOf(await this.#reader.call("read", request, signal));
  }

  async close(): Promise<void> {
    // The writer closes last: it moves the WAL into the file, which a reader cannot.
    await this.#reader.close("close", undefined);
    await this.#writer?.close("close", undefined);
  }
}

function rowsOf({ times, values }: Rows): Row[] {
  return values.map((value, index): Row => [times[index] as number, value]);
}

/** Removes the oldest samples. Their pages are reused; the file does not shrink. */
class SqliteRetention implements Retention {
  readonly #writer: SqliteThread;
  readonly #reader: SqliteThread;

  constructor(writer: SqliteThread, reader: SqliteThread) {
    this.#writer = writer;
    this.#reader = reader;
  }

  async removeBefore(before: number, signal?: AbortSignal): Promise<number> {
    return await removeInSteps((rows) => this.#writer.call("remove", { before, rows }, signal));
  }

  async oldest(signal?: AbortSignal, from?: number): Promise<number | undefined> {
    return await this.#reader.call("oldest", from, signal);
  }

  async size(signal?: AbortSignal): Promise<number | undefined> {
    return await this.#reader.call("size", undefined, signal);
  }
}

/**
 * A connection to the history file in its own thread, so that neither a slow disk nor a long query blocks the bridge.
 */
type SqliteThread = Thread<Calls, Failure, ThreadEvent>;

function sqliteThread(
  settings: ThreadSettings,
  more: Pick<ThreadOptions<Failure, ThreadEvent>, "onDeath" | "onEvent"> = {},
): SqliteThread {
  const { file } = settings;
  return new Thread({
    entry: new URL("./worker.ts", import.meta.url),
    name: "historian",
    settings,
    failed: ({ kind, message }) => new HistorianError(kind, message),
    late: (call) => new HistorianError("retry", `history file ${file}: ${call} did not finish in time`),
    died: (cause) =>
      new HistorianError("retry", `history file ${file}: its thread ended unexpectedly`, { cause }),
    ...more,
  });
}
