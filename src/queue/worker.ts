import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { workerData } from "node:worker_threads";
import { DiskReserve } from "../storage/disk-reserve.ts";
import { type Connection, OpenFile, restoreFile } from "../storage/sqlite.ts";
import { serveThread } from "../storage/thread-calls.ts";
import type { DeadLetter, QueueCounters } from "./contract.ts";
import { Counters, CountersFile, readCounterRows, readCounters } from "./counters.ts";
import { QueueError, queueError } from "./failure.ts";
import { type ConnectOptions, PAGE_BYTES } from "./file.ts";
import { mergeEvicted } from "./limit-watch.ts";
import type {
  AppendBatch,
  Appended,
  Calls,
  CommitRequest,
  CommitResult,
  Evicted,
  Failure,
  Moved,
  Opened,
  QueueSettings,
  ReadPage,
  ReadRequest,
  SettleBatch,
  ThreadEvent,
} from "./messages.ts";
import { openOwned, openShared } from "./open.ts";
import { append, readRecords, SharedTexts } from "./records.ts";
import { type Salvaged, salvage } from "./salvage.ts";
import {
  chooseDeadLetters,
  discard,
  LETTERS_AT_ONCE,
  listDeadLetters,
  requeue,
  settle,
} from "./settlements.ts";
import { EvictedIds, SizeLimit } from "./size-limit.ts";

/** Number of free pages that a file keeps, and number released at once. */
const FREE_PAGES = 1024;
const SHRINK_PAGES = 256;

/** Serves a queue file in its thread, and handles failures of the disk. */
class QueueThread implements Calls {
  readonly #settings: QueueSettings;
  readonly #emit: (event: ThreadEvent) => void;
  readonly #reserve: DiskReserve;
  readonly #countersFile: CountersFile;
  readonly #texts = new SharedTexts();
  readonly #evicted = new EvictedIds();
  #connection: Connection | undefined;
  #alone = false;
  /** The open file; undefined when another process owns this queue. */
  #open: OpenFile | undefined;
  #dataVersion = 0;

  constructor(settings: QueueSettings, emit: (event: ThreadEvent) => void) {
    this.#settings = settings;
    this.#emit = emit;
    this.#reserve = new DiskReserve(`${settings.file}-ballast`, settings.reserveBytes);
    this.#countersFile = new CountersFile(settings.file);
  }

  open(): Opened {
    const read = () =>
      this.#attempt((connection) => ({
        lastBatch: connection.number("SELECT batch FROM state"),
        counters: readCounters(connection),
      }));
    let opened: Opened;
    try {
      opened = this.#withReserve(read);
    } catch (error) {
      if (this.#settings.shared || queueError(error, this.#settings.file).kind !== "full") throw error;
      // The released space is used already, but the queue can be read without the shared memory file that SQLite cannot create.
      this.#alone = true;
      opened = read();
    }
    if (!this.#settings.shared) this.#reserve.take();
    return opened;
  }

  commit({ appends, settles }: CommitRequest): CommitResult {
    if (!appends) return this.#withReserve(() => this.#commit(undefined, settles));
    let trouble = "the disk is full; free space on it";
    if (this.#reserve.take())
      try {
        return this.#commit(appends, settles);
      } catch (error) {
        const { kind, message } = queueError(error, this.#settings.file);
        if (kind !== "full") throw error;
        trouble = message;
      }
    return { ...this.#withReserve(() => this.#commit(undefined, settles)), trouble };
  }

  read(request: ReadRequest): ReadPage {
    return this.#attempt((connection) => readRecords(connection, this.#texts, request));
  }

  deadLetters({ after, count }: { readonly after: number; readonly count: number }): DeadLetter[] {
    return this.#attempt((connection) => listDeadLetters(connection, after, count));
  }

  retry(ids: readonly number[] | undefined): Moved {
    return this.#move(ids, requeue);
  }

  discard(ids: readonly number[] | undefined): Moved {
    return this.#move(ids, (connection, counters, _, letters) => discard(connection, counters, letters));
  }

  counters(): QueueCounters {
    return this.#attempt(readCounters);
  }

  close(): void {
    this.#disconnect();
  }

  /** Periodically checks for changes by other processes, reserves disk space again, and releases free pages. */
  tick(): void {
    if (!this.#connection) return;
    try {
      this.#attempt((connection) => {
        const version = connection.number("PRAGMA data_version");
        if (version !== this.#dataVersion)
          this.#emit({ type: "changed", counters: readCounters(connection) });
        this.#dataVersion = version;
        this.#shrink(connection);
      });
    } catch (error) {
      // The next commit fails in the same way and reports it.
      const { kind } = queueError(error, this.#settings.file);
      if (kind === "full") this.#releaseReserve();
    }
  }

  #commit(appends: AppendBatch | undefined, settles: SettleBatch | undefined): CommitResult {
    return this.#attempt((connection) => {
      let appended: Appended | undefined;
      let wrong: ReadonlyMap<number, string> = new Map();
      const evicted = this.#change(connection, (counters, limit) => {
        if (settles) wrong = settle(connection, counters, this.#evicted, settles);
        if (settles && settles.dead.size > 0) limit.trimDeadLetters();
        if (appends) appended = append(connection, counters, limit, this.#texts, appends);
        this.#texts.tidy(connection);
      });
      for (const id of settles?.ids ?? []) this.#evicted.delete(id);
      const rows = readCounterRows(connection);
      this.#countersFile.write(rows);
      return {
        wrong,
        counters: readCounters(connection, rows),
        ...(appended && { appended }),
        ...(evicted && { evicted }),
      };
    });
  }

  #move(
    ids: readonly number[] | undefined,
    move: (
      connection: Connection,
      counters: Counters,
      limit: SizeLimit,
      letters: readonly DeadLetter[],
    ) => void,
  ): Moved {
    return this.#attempt((connection) => {
      const last = Number(connection.number("SELECT last_dead_id FROM state"));
      let count = 0;
      let evicted: Evicted | undefined;
      for (let moved = LETTERS_AT_ONCE; moved === LETTERS_AT_ONCE; count += moved) {
        const gone = this.#change(connection, (counters, limit) => {
          const letters = chooseDeadLetters(connection, ids, last);
          moved = letters.length;
          if (moved > 0) move(connection, counters, limit, letters);
        });
        evicted = mergeEvicted(evicted, gone);
      }
      return { count, counters: readCounters(connection), ...(evicted && { evicted }) };
    });
  }

  /** Runs one transaction including the counters. Returns what was evicted. */
  #change(connection: Connection, work: (counters: Counters, limit: SizeLimit) => void): Evicted | undefined {
    const counters = new Counters();
    const limit = new SizeLimit(connection, counters, this.#settings.limitBytes, () =>
      this.#texts.deleteUnused(connection),
    );
    connection.transaction(() => {
      work(counters, limit);
      counters.store(connection);
    });
    this.#evicted.add(limit.gone);
    return limit.evicted;
  }

  /** Runs `work` on the open file. A damaged file is salvaged first; after a disk failure the file is reopened next time. */
  #attempt<T>(work: (connection: Connection) => T): T {
    this.#restoreRemoved();
    try {
      return work(this.#connected());
    } catch (error) {
      const known = this.#classify(error);
      if (known.kind === "disk") this.#disconnect();
      if (known.kind !== "damaged" || this.#settings.shared) throw known;
      this.#disconnect();
      this.#reportSalvaged(salvage(this.#settings.file, known.message));
      return work(this.#connected());
    }
  }

  /** Writes all records into a new file when the file was removed. If it throws, the removed file remains open. */
  #restoreRemoved(): void {
    if (!this.#connection || !this.#open?.removed) return;
    const { file } = this.#settings;
    restoreFile(this.#connection);
    this.#disconnect();
    const records = this.#connected().number("SELECT count(*) FROM record");
    this.#emit({
      type: "notice",
      severity: "warning",
      kind: "file_removed",
      text: `queue file ${file} was removed while in use; its contents were written to a new file: ${records} waiting records`,
    });
  }

  #classify(error: unknown): QueueError {
    const known = queueError(error, this.#settings.file);
    // Some of SQLite's errors only report that writing failed.
    if (known.kind !== "disk" || !diskIsFull(this.#settings.file)) return known;
    return new QueueError("full", `queue file ${this.#settings.file}: the disk is full; free space on it`, {
      cause: error,
    });
  }

  #connected(): Connection {
    if (this.#connection) return this.#connection;
    const { file, durability, reserveBytes, shared } = this.#settings;
    const options: ConnectOptions = { durability, walBytes: reserveBytes / 2, alone: this.#alone };
    const connection = shared
      ? openShared(file, options)
      : openOwned(file, {
          ...options,
          onSalvaged: (salvaged) => this.#reportSalvaged(salvaged),
        });
    this.#connection = connection;
    this.#dataVersion = connection.number("PRAGMA data_version");
    if (!shared) {
      this.#open = new OpenFile(file);
      this.#texts.opened(connection);
    }
    return connection;
  }

  /** Runs `work`, which frees space or needs none; releases the reserve if the disk is full. */
  #withReserve<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (queueError(error, this.#settings.file).kind !== "full") throw error;
      this.#releaseReserve();
      return work();
    }
  }

  #disconnect(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#open = undefined;
    this.#countersFile.close();
    if (connection?.db.isOpen) connection.close();
  }

  /** Releases the reserve, so that the log can be checkpointed. */
  #releaseReserve(): void {
    this.#reserve.release();
    this.#connection?.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Releases free pages to the disk: when there are many, or all when the disk is full. */
  #shrink(connection: Connection): void {
    if (this.#settings.shared) return;
    const free = connection.number("PRAGMA freelist_count");
    const starved = !this.#reserve.there;
    if (free > 0 && (starved || free > Math.max(FREE_PAGES, connection.number("PRAGMA page_count") / 2))) {
      connection.exec(`PRAGMA incremental_vacuum(${SHRINK_PAGES})`);
      if (starved) connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    if (starved) this.#reserve.take();
  }

  #reportSalvaged({ why, aside, waiting, deadLettered, damaged, counted }: Salvaged): void {
    const lost = counted
      ? `${damaged} values are lost`
      : "its counters cannot be read, so they restart and the number of lost values is unknown";
    this.#emit({
      type: "notice",
      severity: "error",
      kind: "queue_damaged",
      text: `queue file ${this.#settings.file} was damaged (${why}) and was moved to ${aside}. Recovered from it: ${waiting} waiting values, ${deadLettered} dead-lettered values; ${lost}`,
    });
  }
}

function diskIsFull(file: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(file));
    return bavail * bsize < 16 * PAGE_BYTES;
  } catch {
    return false;
  }
}

const settings = workerData as QueueSettings;
const thread = new QueueThread(settings, (event) => emit(event));
const emit = serveThread<Calls, Failure, ThreadEvent>(thread, (error) => {
  const { kind, message } = queueError(error, settings.file);
  return { kind, message };
});
setInterval(() => thread.tick(), settings.tickMs).unref();
