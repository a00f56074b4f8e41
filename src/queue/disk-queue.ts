import type { Log } from "../log/log.ts";
import { Outages } from "../log/outages.ts";
import { Thread } from "../storage/thread-calls.ts";
import { AppendBuffer, Committer, SettleBuffer } from "./committer.ts";
import type {
  DeadLetter,
  NewRecord,
  Queue,
  QueueCounters,
  QueuedRecord,
  QueueNotice,
  Settlement,
} from "./contract.ts";
import { QueueError } from "./failure.ts";
import { LimitWatch } from "./limit-watch.ts";
import type {
  Calls,
  Evicted,
  Failure,
  Moved,
  Opened,
  QueueSettings,
  ReadRequest,
  ThreadEvent,
} from "./messages.ts";

export interface QueueOptions {
  readonly file: string;
  readonly log: Log;
  /** Maximum size of the file, above which the oldest records are dropped. Default: limited by the disk only. */
  readonly limitBytes?: number;
  /** Share of the limit from which a notice is reported. Default 0.9. */
  readonly reportShare?: number;
  /**
   * `full` (default): accepted records survive a power cut. `normal`: they survive a crash of the process, but a power cut can lose those
   * accepted since the last checkpoint; the file itself remains intact.
   */
  readonly durability?: "full" | "normal";
  /** Maximum memory for records while the disk fails. Default 64 MB. */
  readonly memoryBytes?: number;
  /** Reserved disk space, with which a full disk can be drained. Default: an eighth of the limit, from 256 kB to 4 MB. */
  readonly reserveBytes?: number;
  /** Interval of retries and of the check for changes by other processes. Default 1000 ms. */
  readonly retryMs?: number;
  /** Another process owns this queue: only read it and move dead letters. */
  readonly shared?: boolean;
  readonly onNotice?: (notice: QueueNotice) => void;
  /** Called when another process may have added records (a retry of dead letters from the command line). */
  readonly onRecords?: () => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const MEGABYTE = 1024 * 1024;
const DEFAULT_MEMORY_BYTES = 64 * MEGABYTE;
const DEFAULT_READ_BYTES = 16 * MEGABYTE;

type QueueThread = Thread<Calls, Failure, ThreadEvent>;

/** A queue in one SQLite file, served by its own thread. Appends and settlements of one turn share a commit. */
export class DiskQueue implements Queue {
  readonly #options: QueueOptions;
  readonly #thread: QueueThread;
  readonly #appends: AppendBuffer;
  readonly #settles: SettleBuffer;
  readonly #committer: Committer;
  readonly #watch: LimitWatch;
  readonly #outages: Outages;
  #counters: QueueCounters;
  #closed: Promise<void> | undefined;

  /**
   * Opens the queue; creates a missing file and folder.
   * @throws {QueueError} when the disk does not allow it, and for a newer queue or another program's file, which remains unchanged.
   */
  static async open(options: QueueOptions): Promise<DiskQueue> {
    const settings = settingsOf(options);
    const { file } = settings;
    let queue: DiskQueue | undefined;
    const thread: QueueThread = new Thread({
      entry: new URL("./worker.ts", import.meta.url),
      name: "queue",
      settings,
      failed: ({ kind, message }) => new QueueError(kind, message),
      late: (call) => new QueueError("disk", `queue file ${file}: ${call} did not finish in time`),
      died: (cause) => new QueueError("disk", `queue file ${file}: its thread ended unexpectedly`, { cause }),
      onEvent: (event) => {
        if (event.type === "notice") notify(options, event);
        else if (queue) queue.#changed(event.counters);
      },
    });
    try {
      queue = new DiskQueue(options, settings, thread, await thread.call("open", undefined));
      return queue;
    } catch (error) {
      await thread.close("close", undefined);
      throw error;
    }
  }

  private constructor(options: QueueOptions, settings: QueueSettings, thread: QueueThread, opened: Opened) {
    const { file, limitBytes = Number.POSITIVE_INFINITY, reserveBytes } = settings;
    const { memoryBytes = DEFAULT_MEMORY_BYTES, reportShare = 0.9, now = Date.now } = options;
    this.#options = options;
    this.#thread = thread;
    // The log of a commit must fit into the released reserve.
    this.#appends = new AppendBuffer(memoryBytes, reserveBytes / 4, opened.lastBatch);
    this.#settles = new SettleBuffer(now);
    this.#watch = new LimitWatch(
      `queue file ${file}`,
      limitBytes,
      reportShare,
      now,
      (notice) => notify(options, notice),
      opened.counters,
    );
    this.#outages = new Outages({ log: options.log, notify: options.onNotice });
    this.#committer = new Committer({
      file,
      appends: this.#appends,
      settles: this.#settles,
      retryMs: settings.tickMs,
      log: options.log,
      commit: (request) => thread.call("commit", request),
      onCommitted: ({ counters, evicted }) => this.#update(counters, evicted),
      outages: this.#outages,
    });
    this.#counters = opened.counters;
  }

  /** Counters as of the last commit, without disk access. */
  get latest(): QueueCounters {
    return this.#withLost(this.#counters);
  }

  async append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    this.#requireOwner();
    if (records.length === 0) return [];
    const result = this.#appends.add(records);
    this.#committer.wake();
    return await result;
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    this.#requireOwner();
    if (settlements.length === 0) return;
    const result = this.#settles.add(settlements);
    this.#committer.wake();
    await result;
  }

  async read(options: {
    readonly after?: number;
    readonly count: number;
    readonly bytes?: number;
  }): Promise<readonly QueuedRecord[]> {
    const request: ReadRequest = { after: 0, bytes: DEFAULT_READ_BYTES, ...options };
    const { records, shared, sharing } = await this.#open.call("read", request);
    if (shared.length === 0) return records;
    return records.map((record, index) => {
      const text = shared[sharing[index]!];
      return text === undefined ? record : { ...record, shared: text };
    });
  }

  async deadLetters(
    options: { readonly after?: number; readonly count?: number } = {},
  ): Promise<readonly DeadLetter[]> {
    return await this.#open.call("deadLetters", { after: 0, count: 1000, ...options });
  }

  async retry(ids?: readonly number[]): Promise<number> {
    return this.#moved(await this.#open.call("retry", ids));
  }

  async discard(ids?: readonly number[]): Promise<number> {
    return this.#moved(await this.#open.call("discard", ids));
  }

  /** Reads the counters of the file; returns those of the last commit when it is closed or cannot be read. */
  async counters(): Promise<QueueCounters> {
    try {
      this.#counters = await this.#open.call("counters", undefined);
    } catch (error) {
      if (!(error instanceof QueueError) || error.kind === "fault") throw error;
    }
    return this.latest;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#committer.stop();
    const { file, log } = this.#options;
    const lost = this.#appends.abandon();
    if (lost > 0)
      log.error(`queue file ${file} was closed while it could not be written; values are lost`, {
        values: lost,
      });
    this.#settles.abandon(
      new QueueError("disk", `queue file ${file} was closed while it could not be written`),
    );
    this.#watch.report();
    this.#outages.stop();
    await this.#thread.close("close", undefined);
  }

  #update(counters: QueueCounters, evicted: Evicted | undefined): void {
    this.#counters = counters;
    this.#watch.update(counters, evicted);
  }

  #moved({ count, counters, evicted }: Moved): number {
    this.#update(counters, evicted);
    return count;
  }

  #changed(counters: QueueCounters): void {
    this.#counters = counters;
    this.#options.onRecords?.();
  }

  #withLost(counters: QueueCounters): QueueCounters {
    const { lost } = this.#appends;
    if (lost === 0) return counters;
    const dropped = { ...counters.dropped, disk: (counters.dropped.disk ?? 0) + lost };
    return { ...counters, accepted: counters.accepted + lost, dropped };
  }

  /** Returns the thread, unless the queue is closed: a call would start it again. */
  get #open(): QueueThread {
    if (this.#closed) throw new QueueError("refused", `queue file ${this.#options.file} is closed`);
    return this.#thread;
  }

  #requireOwner(): void {
    const { file, shared } = this.#options;
    if (this.#open && shared)
      throw new QueueError("refused", `queue file ${file} belongs to another process`);
  }
}

/** {@link DiskQueue.open} */
export function openQueue(options: QueueOptions): Promise<DiskQueue> {
  return DiskQueue.open(options);
}

function notify({ log, onNotice }: QueueOptions, { severity, kind, text }: QueueNotice): void {
  const level = severity === "warning" ? "warn" : severity;
  log[level](text);
  onNotice?.({ severity, kind, text });
}

function settingsOf({
  file,
  limitBytes,
  durability,
  shared,
  reserveBytes,
  retryMs,
}: QueueOptions): QueueSettings {
  const eighth = limitBytes === undefined ? 4 * MEGABYTE : limitBytes / 8;
  return {
    file,
    limitBytes,
    durability: durability ?? "full",
    shared: shared ?? false,
    reserveBytes: reserveBytes ?? Math.round(Math.min(Math.max(eighth, MEGABYTE / 4), 4 * MEGABYTE)),
    tickMs: retryMs ?? 1000,
  };
}
