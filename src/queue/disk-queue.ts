import { Thread } from "../thread-calls.ts";
import { AppendBuffer } from "./append-buffer.ts";
import type { DeadLetter, NewRecord, Queue, QueueCounters, QueuedRecord, Settlement } from "./contract.ts";
import { QueueError } from "./failure.ts";
import { LimitWatch } from "./limit-watch.ts";
import type {
  AppendBatch,
  Calls,
  CommitResult,
  Failure,
  Moved,
  Opened,
  QueueSettings,
  ReadRequest,
  SettleBatch,
  ThreadEvent,
} from "./messages.ts";
import type { QueueNotice, QueueOptions } from "./options.ts";
import { SettleBuffer } from "./settle-buffer.ts";

const MEGABYTE = 1024 * 1024;
const DEFAULT_MEMORY_BYTES = 64 * MEGABYTE;
const DEFAULT_READ_BYTES = 16 * MEGABYTE;

type QueueThread = Thread<Calls, Failure, ThreadEvent>;

/** What is held back until the disk is tried again. */
type Held = "nothing" | "appends" | "all";

/** A queue in one SQLite file, which a thread of its own works on. Appends and settlements of the same moment share a commit. */
export class DiskQueue implements Queue {
  readonly #options: QueueOptions;
  readonly #thread: QueueThread;
  readonly #appends: AppendBuffer;
  readonly #settles: SettleBuffer;
  readonly #watch: LimitWatch;
  #counters: QueueCounters;
  #busy = false;
  #committing: Promise<void> | undefined;
  #held: Held = "nothing";
  #retry: NodeJS.Timeout | undefined;
  /** Values lost by the time the disk stopped taking records; absent while it does. */
  #blocked: { lost: number } | undefined;
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
    this.#watch = new LimitWatch(`queue file ${file}`, limitBytes, reportShare, now, (notice) =>
      tell(options, notice),
    );
    this.#counters = opened.counters;
  }

  /** As of the last commit: for health reports, without asking the disk. */
  get latest(): QueueCounters {
    return this.#withLost(this.#counters);
  }

  async append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    this.#refuseWhereClosed();
    if (records.length === 0) return [];
    const result = this.#appends.add(records);
    this.#wake();
    return await result;
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    this.#refuseWhereClosed();
    if (settlements.length === 0) return;
    const result = this.#settles.add(settlements);
    this.#wake();
    await result;
  }

  async read(options: {
    readonly after?: number;
    readonly count: number;
    readonly bytes?: number;
  }): Promise<readonly QueuedRecord[]> {
    const request: ReadRequest = { after: 0, bytes: DEFAULT_READ_BYTES, ...options };
    return await this.#thread.call("read", request);
  }

  async deadLetters(
    options: { readonly after?: number; readonly count?: number } = {},
  ): Promise<readonly DeadLetter[]> {
    return await this.#thread.call("deadLetters", { after: 0, count: 1000, ...options });
  }

  async retry(ids?: readonly number[]): Promise<number> {
    return this.#moved(await this.#thread.call("retry", ids));
  }

  async discard(ids?: readonly number[]): Promise<number> {
    return this.#moved(await this.#thread.call("discard", ids));
  }

  /** Of the file; as of the last commit while the disk cannot be read, when nothing can have changed. */
  async counters(): Promise<QueueCounters> {
    try {
      this.#counters = await this.#thread.call("counters", undefined);
    } catch (error) {
      if ((error as QueueError).kind === "fault") throw error;
    }
    return this.latest;
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#committing;
    // Once more, with whatever waits.
    this.#release();
    this.#commitAll();
    await this.#committing;
    clearTimeout(this.#retry);
    const { file, log } = this.#options;
    const lost = this.#appends.abandon();
    if (lost > 0)
      log.error(`queue file ${file} was closed while it took nothing; values are lost`, { values: lost });
    this.#settles.abandon(new QueueError("disk", `queue file ${file} was closed while it took nothing`));
    this.#watch.report();
    await this.#thread.close("close", undefined);
  }

  /** Everything that is said until the end of this turn goes into the same commit. */
  #wake(): void {
    if (!this.#busy) queueMicrotask(() => this.#commitAll());
  }

  #commitAll(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#committing = this.#commits();
  }

  async #commits(): Promise<void> {
    try {
      for (;;) {
        const appends = this.#held === "nothing" ? this.#appends.next() : undefined;
        const settles = this.#held === "all" ? undefined : this.#settles.next();
        if (!appends && !settles) return;
        await this.#commit(appends, settles);
      }
    } finally {
      // In the same turn in which nothing was left to do: what comes from now on starts anew.
      this.#busy = false;
    }
  }

  async #commit(appends: AppendBatch | undefined, settles: SettleBatch | undefined): Promise<void> {
    let result: CommitResult;
    try {
      result = await this.#thread.call("commit", { appends, settles });
    } catch (error) {
      const { kind, message } = error as QueueError;
      if (kind !== "fault") return this.#hold("all", message);
      // Not the disk's doing: another try would end the same way.
      this.#options.log.error("a commit failed", { err: error });
      this.#appends.fail(error as QueueError);
      this.#settles.fail(error as QueueError);
      return;
    }
    this.#counters = result.counters;
    const { appended, trouble } = result;
    if (appended && appends) this.#accepted(appends, appended.first);
    if (appended) this.#appends.done(appended);
    if (settles) this.#settles.done(result.wrong);
    if (trouble !== undefined) this.#hold("appends", trouble);
    else if (this.#held === "nothing") this.#resumed();
    this.#watch.saw(result.counters.bytes, result.evicted);
  }

  #accepted({ texts, samples }: AppendBatch, first: number): void {
    if (texts.length === 0) return;
    this.#options.log.debug("accepted", {
      from: first,
      to: first + texts.length - 1,
      samples: samples.reduce((sum, count) => sum + count, 0),
    });
  }

  #hold(held: Held, why: string): void {
    this.#held = held;
    this.#retry ??= setTimeout(() => {
      this.#release();
      this.#commitAll();
    }, this.#options.retryMs ?? 1000);
    if (this.#blocked) return;
    this.#blocked = { lost: this.#appends.lost };
    tell(this.#options, {
      severity: "error",
      kind: "queue_blocked",
      text: `${why}. Until it takes records again, new values wait in memory`,
    });
  }

  #release(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#held = "nothing";
  }

  #resumed(): void {
    if (!this.#blocked) return;
    this.#blocked = undefined;
    tell(this.#options, {
      severity: "info",
      kind: "queue_resumed",
      text: `queue file ${this.#options.file} takes records again`,
    });
  }

  #moved({ count, counters, evicted }: Moved): number {
    this.#counters = counters;
    this.#watch.saw(counters.bytes, evicted);
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

  #refuseWhereClosed(): void {
    const { file, shared } = this.#options;
    if (this.#closed) throw new QueueError("refused", `queue file ${file} is closed`);
    if (shared) throw new QueueError("refused", `queue file ${file} belongs to another process`);
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
