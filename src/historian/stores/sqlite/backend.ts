import { dirname, join, parse, relative, resolve } from "node:path";
import type { Durability } from "../../../storage/sqlite.ts";
import { Thread, type ThreadOptions } from "../../../storage/thread-calls.ts";
import type {
  BackendContext,
  HistorianBackend,
  ReadRequest,
  Retention,
  Row,
  Sample,
  StoredAggregates,
  StoredFile,
  StoredFiles,
  Topic,
  Upkeep,
} from "../../contract.ts";
import { HistorianError } from "../../errors.ts";
import { DAY, formatTime } from "../../time.ts";
import { removeInSteps } from "../remove-in-steps.ts";
import type { VolttronTables } from "../volttron-sqlite/tables.ts";
import { BatchEncoder } from "./batch.ts";
import { dayOf } from "./days/catalogue.ts";
import { decodeDays } from "./days/hours.ts";
import { fromColumns } from "./rows.ts";
import type { Calls, Failure, ThreadEvent, ThreadSettings } from "./worker.ts";

export interface SqliteOptions {
  readonly file: string;
  readonly durability: Durability;
  readonly readonly: boolean;
  /** Folder of the files of closed days; relative to that of the file. Default: `history`, or `<name>-history` for another file. */
  readonly folder?: string;
  /** Number of whole days that are not closed yet; null: none is ever closed. Default: null. */
  readonly recentDays?: number | null;
  /** The tables of a file of VOLTTRON's historian; absent for our own format. */
  readonly volttron?: VolttronTables;
  readonly onNotice?: BackendContext["onNotice"];
}

/**
 * Stores the history in one SQLite file, and its closed days in files of their own. One thread writes batches, one runs queries, one
 * closes days; a readonly backend has only that for queries.
 */
export class SqliteBackend implements HistorianBackend {
  readonly retention?: Retention;
  readonly thin?: HistorianBackend["thin"];
  readonly rollups?: HistorianBackend["rollups"];
  readonly upkeep?: Upkeep;
  readonly files?: StoredFiles;
  readonly aggregates?: StoredAggregates;
  readonly #file: string;
  readonly #writer: SqliteThread | undefined;
  readonly #keeper: SqliteThread | undefined;
  readonly #reader: SqliteThread;
  #encoder = new BatchEncoder();

  constructor({
    file,
    durability,
    readonly,
    folder = folderOf(file),
    recentDays = null,
    volttron,
    onNotice,
  }: SqliteOptions) {
    const settings = {
      file,
      durability,
      folder: resolve(dirname(file), folder),
      ...(volttron && { volttron }),
    };
    const onEvent = (event: ThreadEvent) => onNotice?.(noticeOf(event, file));
    this.#file = file;
    this.#reader = sqliteThread({ ...settings, role: "read" }, { onEvent });
    if (!readonly) {
      const onDeath = () => {
        this.#encoder = new BatchEncoder();
      };
      this.#writer = sqliteThread({ ...settings, role: "write" }, { onDeath, onEvent });
      this.retention = new SqliteRetention(this.#writer, this.#reader);
    }
    if (volttron) {
      this.aggregates = {
        list: async (signal) => await this.#reader.call("aggregates", undefined, signal),
        read: async (request, signal) => {
          const rows = await this.#reader.call("readAggregate", request, signal);
          return rows && fromColumns(rows);
        },
      };
      return;
    }
    this.thin = async (request, signal) => {
      const { next, ...rows } = await this.#reader.call("thin", request, signal);
      return { rows: fromColumns(rows), ...(next !== undefined && { next }) };
    };
    this.rollups = async (request, signal) => {
      const found = await this.#reader.call("rollups", request, signal);
      try {
        return decodeDays(found, request);
      } catch (cause) {
        const why = (cause as Error).message;
        throw new HistorianError("retry", `history file ${file}: ${request.topic}: ${why}`, { cause });
      }
    };
    this.files = new SqliteFiles(file, settings.folder, this.#reader);
    if (readonly) return;
    const keeper = sqliteThread({ ...settings, role: "keep" });
    this.#keeper = keeper;
    this.upkeep = {
      work: ({ now, thorough = false }, signal) =>
        keeper.call(
          "work",
          { closeBefore: recentDays === null ? null : dayOf(now) - recentDays, thorough },
          signal,
        ),
    };
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
    return fromColumns(await this.#reader.call("read", request, signal));
  }

  async close(): Promise<void> {
    // A day that is being closed is closed after the next start.
    await this.#keeper?.end();
    // The writer closes last: it moves the WAL into the file, which a reader cannot.
    await this.#reader.close("close", undefined);
    await this.#writer?.close("close", undefined);
  }
}

/** Returns the folder of the closed days of a file. */
export function folderOf(file: string): string {
  const name = parse(file).name;
  return name === "historian" ? "history" : `${name}-history`;
}

function noticeOf(event: ThreadEvent, file: string) {
  return event.kind === "removed"
    ? ({
        severity: "warning",
        kind: "file_removed",
        text: `history file ${file} was removed while in use; a new file was created, without the history of the old one`,
      } as const)
    : ({
        severity: "error",
        kind: "history_day_unreadable",
        text: `the history of a day is left out of answers: ${event.day.why} "voltbridge history verify" checks all days`,
      } as const);
}

/** The history file and those of closed days. */
class SqliteFiles implements StoredFiles {
  readonly #file: string;
  readonly #folder: string;
  readonly #reader: SqliteThread;

  constructor(file: string, folder: string, reader: SqliteThread) {
    this.#file = file;
    this.#folder = folder;
    this.#reader = reader;
  }

  async list(signal?: AbortSignal): Promise<readonly StoredFile[]> {
    const days = await this.#reader.call("days", undefined, signal);
    const all = await this.#reader.call("size", undefined, signal);
    return [
      { path: this.#file, bytes: all - days.reduce((sum, { bytes }) => sum + bytes, 0) },
      ...days.map(({ day, path, rows, bytes }) => ({
        ...{ path: join(this.#folder, path!), bytes, day: formatTime(day * DAY).slice(0, 10), rows },
      })),
    ];
  }

  async check({ path, day }: StoredFile, signal?: AbortSignal): Promise<string | undefined> {
    return day === undefined
      ? await this.#reader.call("checkRecent", undefined, signal)
      : await this.#reader.call("check", relative(this.#folder, path), signal);
  }

  async others(signal?: AbortSignal): Promise<readonly string[]> {
    const paths = await this.#reader.call("others", undefined, signal);
    return paths.map((path) => join(this.#folder, path));
  }
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
