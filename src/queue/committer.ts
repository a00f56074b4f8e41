import type { Log } from "../log/log.ts";
import type { AppendBuffer } from "./append-buffer.ts";
import { QueueError } from "./failure.ts";
import type { AppendBatch, CommitRequest, CommitResult, SettleBatch } from "./messages.ts";
import type { QueueNotice } from "./options.ts";
import type { SettleBuffer } from "./settle-buffer.ts";

/** What is held back until the disk is tried again. */
type Held = "nothing" | "appends" | "all";

export interface CommitterOptions {
  readonly file: string;
  readonly appends: AppendBuffer;
  readonly settles: SettleBuffer;
  readonly retryMs: number;
  readonly log: Log;
  commit(request: CommitRequest): Promise<CommitResult>;
  onCommitted(result: CommitResult): void;
  tell(notice: QueueNotice): void;
}

/** Brings what waits in memory to the disk, one commit at a time; and again when the disk did not take it. */
export class Committer {
  readonly #options: CommitterOptions;
  #busy = false;
  #running: Promise<void> = Promise.resolve();
  #held: Held = "nothing";
  #retry: NodeJS.Timeout | undefined;
  /** Values lost by the time the disk stopped taking records; absent while it takes them. */
  #lostBefore: number | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** There is something to commit. Everything that is said until the end of this turn goes into the same commit. */
  wake(): void {
    if (!this.#busy) queueMicrotask(() => this.#start());
  }

  /** Tries once more what waits, and then no more. */
  async stop(): Promise<void> {
    await this.#running;
    this.#release();
    this.#start();
    await this.#running;
    clearTimeout(this.#retry);
  }

  #start(): void {
    if (this.#busy) return;
    this.#busy = true;
    this.#running = this.#run();
  }

  async #run(): Promise<void> {
    const { appends, settles } = this.#options;
    try {
      for (;;) {
        const append = this.#held === "nothing" ? appends.next() : undefined;
        const settle = this.#held === "all" ? undefined : settles.next();
        if (!append && !settle) return;
        await this.#commit(append, settle);
      }
    } finally {
      // In the same turn in which nothing was left to do: what comes from now on starts anew.
      this.#busy = false;
    }
  }

  async #commit(append: AppendBatch | undefined, settle: SettleBatch | undefined): Promise<void> {
    const { appends, settles, log, commit, onCommitted } = this.#options;
    let result: CommitResult;
    try {
      result = await commit({ appends: append, settles: settle });
    } catch (error) {
      if (error instanceof QueueError && error.kind !== "fault") return this.#hold("all", error.message);
      // Not the disk's doing: another try would end the same way.
      log.error("a commit failed", { err: error });
      appends.fail(error as Error);
      settles.fail(error as Error);
      return;
    }
    const { appended, trouble, wrong } = result;
    if (append && appended) this.#accepted(append, appended.first);
    onCommitted(result);
    if (appended) appends.done(appended);
    if (settle) settles.done(wrong);
    if (trouble !== undefined) this.#hold("appends", trouble);
    else if (this.#held === "nothing") this.#resumed();
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
    const { appends, retryMs, tell } = this.#options;
    this.#held = held;
    this.#retry ??= setTimeout(() => {
      this.#release();
      this.#start();
    }, retryMs);
    if (this.#lostBefore !== undefined) return;
    this.#lostBefore = appends.lostEver;
    const text = `${why}. Until it takes records again, new values wait in memory`;
    tell({ severity: "error", kind: "queue_blocked", text });
  }

  #release(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#held = "nothing";
  }

  #resumed(): void {
    if (this.#lostBefore === undefined) return;
    const { file, appends, tell } = this.#options;
    const lost = appends.lostEver - this.#lostBefore;
    this.#lostBefore = undefined;
    const text = `queue file ${file} takes records again; ${lost} values found no room in memory meanwhile and were dropped`;
    tell({ severity: "info", kind: "queue_resumed", text });
  }
}
