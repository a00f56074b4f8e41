import type { Log } from "../log/log.ts";
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
  /** Of the file. The oldest records go before it would grow beyond. Without it the disk is the limit. */
  readonly limitBytes?: number;
  /** From this share of the limit on a notice says so. Default 0.9. */
  readonly reportShare?: number;
  /**
   * `full` (default): what was accepted survives a power cut. `normal`: it survives a crash of the process, but a power
   * cut can take what was accepted since the last checkpoint; the file itself stays sound.
   */
  readonly durability?: "full" | "normal";
  /** What records may take of memory while the disk takes nothing. Default 64 MB. */
  readonly memoryBytes?: number;
  /** Disk space kept back, so that a full disk can be drained. Default: an eighth of the limit, from 256 kB to 4 MB. */
  readonly ballastBytes?: number;
  /** The disk is tried again after so long, and looked at this often for what other processes did. Default 1000 ms. */
  readonly retryMs?: number;
  /** Another process runs this queue: only look, and move dead letters. */
  readonly shared?: boolean;
  readonly onNotice?: (notice: QueueNotice) => void;
  /** Records may have come from another process (a retry of dead letters from the command line). */
  readonly onRecords?: () => void;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
}

const MEGABYTE = 1024 * 1024;
const DEFAULT_MEMORY_BYTES = 64 * MEGABYTE;
const DEFAULT_READ_BYTES = 16 * MEGABYTE;

type QueueThread = Thread<Calls, Failure, ThreadEvent>;

/** A queue in one SQLite file, which a thread of its own works on. Appends and settlements of the same moment share a commit. */
export class DiskQueue implements Queue {
  readonly #options: QueueOptions;
  readonly #thread: QueueThread;
  readonly #appends: AppendBuffer;
  readonly #settles: SettleBuffer;
  readonly #committer: Committer;
  readonly #watch: LimitWatch;
  #counters: QueueCounters;
  #closed: Promise<void> | undefined;

  /**
   * Opens the queue; makes file and folder where they are missing. Rejects with a {@link QueueError} where the disk does not
   * allow it, and where the file is a newer queue or something else, which is not touched then.
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
      late: (call) => new QueueError("disk", `queue file ${file}: ${call} did not end in time`),
      died: (cause) => new QueueError("disk", `queue file ${file}: its thread died`, { cause }),
      onEvent: (event) => {
        if (event.type === "notice") tell(options, event);
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
    const { file, limitBytes = Number.POSITIVE_INFINITY, ballastBytes } = settings;
    const { memoryBytes = DEFAULT_MEMORY_BYTES, reportShare = 0.9, now = Date.now } = options;
    this.#options = options;
    this.#thread = thread;
    // A commit's share of the log has to find room where the ballast was.
    this.#appends = new AppendBuffer(memoryBytes, ballastBytes / 4, opened.lastBatch);
    this.#settles = new SettleBuffer(now);
    this.#watch = new LimitWatch(
      `queue file ${file}`,
      limitBytes,
      reportShare,
      now,
      (notice) => tell(options, notice),
      opened.counters,
    );
    this.#committer = new Committer({
      file,
      appends: this.#appends,
      settles: this.#settles,
      retryMs: settings.tickMs,
      log: options.log,
      commit: (request) => thread.call("commit", request),
      onCommitted: ({ counters, evicted }) => this.#saw(counters, evicted),
      tell: (notice) => tell(options, notice),
    });
    this.#counters = opened.counters;
  }

  /** As of the last commit: for health reports, without asking the disk. */
  get latest(): QueueCounters {
    return this.#withLost(this.#counters);
  }

  async append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    this.#mayWrite();
    if (records.length === 0) return [];
    const result = this.#appends.add(records);
    this.#committer.wake();
    return await result;
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    this.#mayWrite();
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

  /** Of the file; as of the last commit where it cannot be read or is closed, when nothing can have changed. */
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
      log.error(`queue file ${file} was closed while it took nothing; values are lost`, { values: lost });
    this.#settles.abandon(new QueueError("disk", `queue file ${file} was closed while it took nothing`));
    this.#watch.report();
    await this.#thread.close("close", undefined);
  }

  #saw(counters: QueueCounters, evicted: Evicted | undefined): void {
    this.#counters = counters;
    this.#watch.saw(counters, evicted);
  }

  #moved({ count, counters, evicted }: Moved): number {
    this.#saw(counters, evicted);
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

  /** The thread, which would start anew if it was asked after the close. */
  get #open(): QueueThread {
    if (this.#closed) throw new QueueError("refused", `queue file ${this.#options.file} is closed`);
    return this.#thread;
  }

  #mayWrite(): void {
    const { file, shared } = this.#options;
    if (this.#open && shared)
      throw new QueueError("refused", `queue file ${file} belongs to another process`);
  }
}

/** {@link DiskQueue.open} */
export function openQueue(options: QueueOptions): Promise<DiskQueue> {
  return DiskQueue.open(options);
}

function tell({ log, onNotice }: QueueOptions, { severity, kind, text }: QueueNotice): void {
  const level = severity === "warning" ? "warn" : severity;
  log[level](text);
  onNotice?.({ severity, kind, text });
}

function settingsOf({
  file,
  limitBytes,
  durability,
  shared,
  ballastBytes,
  retryMs,
}: QueueOptions): QueueSettings {
  const eighth = limitBytes === undefined ? 4 * MEGABYTE : limitBytes / 8;
  return {
    file,
    limitBytes,
    durability: durability ?? "full",
    shared: shared ?? false,
    ballastBytes: ballastBytes ?? Math.round(Math.min(Math.max(eighth, MEGABYTE / 4), 4 * MEGABYTE)),
    tickMs: retryMs ?? 1000,
  };
}
