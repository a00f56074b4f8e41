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
import { together } from "./limit-watch.ts";
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

/** Free pages that a file may keep, and how many it gives back in one go. */
const FREE_PAGES = 1024;
const SHRINK_PAGES = 256;

/** The thread's side of a queue: the file, and what has to be done when the disk does not want. */
class QueueThread implements Calls {
  readonly #settings: QueueSettings;
  readonly #tell: (event: ThreadEvent) => void;
  readonly #ballast: DiskReserve;
  readonly #countersFile: CountersFile;
  readonly #texts = new SharedTexts();
  readonly #evicted = new EvictedIds();
  #connection: Connection | undefined;
  #alone = false;
  /** Of the connection; absent where another process runs this queue. */
  #open: OpenFile | undefined;
  #dataVersion = 0;

  constructor(settings: QueueSettings, tell: (event: ThreadEvent) => void) {
    this.#settings = settings;
    this.#tell = tell;
    this.#ballast = new DiskReserve(`${settings.file}-ballast`, settings.ballastBytes);
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
      opened = this.#withRoom(read);
    } catch (error) {
      if (this.#settings.shared || queueError(error, this.#settings.file).kind !== "full") throw error;
      // What was given up is used already: without the shared memory file that SQLite cannot make, it can be read all the same.
      this.#alone = true;
      opened = read();
    }
    if (!this.#settings.shared) this.#ballast.take();
    return opened;
  }

  commit({ appends, settles }: CommitRequest): CommitResult {
    if (!appends) return this.#withRoom(() => this.#commit(undefined, settles));
    let trouble = "the disk is full; make room";
    if (this.#ballast.take())
      try {
        return this.#commit(appends, settles);
      } catch (error) {
        const { kind, message } = queueError(error, this.#settings.file);
        if (kind !== "full") throw error;
        trouble = message;
      }
    return { ...this.#withRoom(() => this.#commit(undefined, settles)), trouble };
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

  /** What has to be done now and then: see what other processes did, take the ballast again, give space back. */
  tick(): void {
    if (!this.#connection) return;
    try {
      this.#attempt((connection) => {
        const version = connection.number("PRAGMA data_version");
        if (version !== this.#dataVersion)
          this.#tell({ type: "changed", counters: readCounters(connection) });
        this.#dataVersion = version;
        this.#shrink(connection);
      });
    } catch (error) {
      // Whatever it is, the next commit meets it too, and has somebody to tell.
      const { kind } = queueError(error, this.#settings.file);
      if (kind === "full") this.#giveWay();
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
        evicted = together(evicted, gone);
      }
      return { count, counters: readCounters(connection), ...(evicted && { evicted }) };
    });
  }

  /** One transaction, the counters included. Answers what the limit cost. */
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

  /** Does it on the open file. A damaged one is replaced by what can be saved of it first; one that fails is opened anew next time. */
  #attempt<T>(work: (connection: Connection) => T): T {
    this.#putBackRemoved();
    try {
      return work(this.#connected());
    } catch (error) {
      const known = this.#known(error);
      if (known.kind === "disk") this.#disconnect();
      if (known.kind !== "damaged" || this.#settings.shared) throw known;
      this.#disconnect();
      this.#told(salvage(this.#settings.file, known.message));
      return work(this.#connected());
    }
  }

  /** Puts all that the queue holds into a new file where its file was removed. Where it throws, the removed one goes on holding it. */
  #putBackRemoved(): void {
    if (!this.#connection || !this.#open?.removed) return;
    const { file } = this.#settings;
    restoreFile(this.#connection);
    this.#disconnect();
    const records = this.#connected().number("SELECT count(*) FROM record");
    this.#tell({
      type: "notice",
      severity: "warning",
      kind: "file_removed",
      text: `queue file ${file} was removed while in use; all that it held is in a new one: ${records} waiting records`,
    });
  }

  #known(error: unknown): QueueError {
    const known = queueError(error, this.#settings.file);
    // Some of SQLite's steps say no more than that writing failed.
    if (known.kind !== "disk" || !diskIsFull(this.#settings.file)) return known;
    return new QueueError("full", `queue file ${this.#settings.file}: the disk is full; make room`, {
      cause: error,
    });
  }

  #connected(): Connection {
    if (this.#connection) return this.#connection;
    const { file, durability, ballastBytes, shared } = this.#settings;
    const options: ConnectOptions = { durability, walBytes: ballastBytes / 2, alone: this.#alone };
    const connection = shared
      ? openShared(file, options)
      : openOwned(file, {
          ...options,
          onSalvaged: (salvaged) => this.#told(salvaged),
        });
    this.#connection = connection;
    this.#dataVersion = connection.number("PRAGMA data_version");
    if (!shared) {
      this.#open = new OpenFile(file);
      this.#texts.opened(connection);
    }
    return connection;
  }

  /** Does what makes room, or at least takes none, on a full disk too. */
  #withRoom<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (queueError(error, this.#settings.file).kind !== "full") throw error;
      this.#giveWay();
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

  /** Lets the ballast go, so that what is in the log can be moved into the file. */
  #giveWay(): void {
    this.#ballast.release();
    this.#connection?.exec("PRAGMA wal_checkpoint(TRUNCATE)");
  }

  /** Gives free pages back to the disk: many of them, or all where the disk is full. */
  #shrink(connection: Connection): void {
    if (this.#settings.shared) return;
    const free = connection.number("PRAGMA freelist_count");
    const starved = !this.#ballast.there;
    if (free > 0 && (starved || free > Math.max(FREE_PAGES, connection.number("PRAGMA page_count") / 2))) {
      connection.exec(`PRAGMA incremental_vacuum(${SHRINK_PAGES})`);
      if (starved) connection.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    }
    if (starved) this.#ballast.take();
  }

  #told({ why, aside, waiting, deadLettered, damaged, counted }: Salvaged): void {
    const lost = counted
      ? `${damaged} values are lost`
      : "its counters cannot be read, so they begin anew and it is not known how many values are lost";
    this.#tell({
      type: "notice",
      severity: "error",
      kind: "queue_damaged",
      text: `queue file ${this.#settings.file} was damaged (${why}); it is now ${aside}. Taken over from it: ${waiting} waiting values, ${deadLettered} dead-lettered ones; ${lost}`,
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
const thread = new QueueThread(settings, (event) => tell(event));
const tell = serveThread<Calls, Failure, ThreadEvent>(thread, (error) => {
  const { kind, message } = queueError(error, settings.file);
  return { kind, message };
});
setInterval(() => thread.tick(), settings.tickMs).unref();
