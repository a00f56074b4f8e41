import type { Log } from "../log/log.ts";
import type { OutageReports } from "../log/outages.ts";
import type { NewDeadLetter, NewRecord, QueuedRecord, Settlement } from "./contract.ts";
import { QueueError } from "./failure.ts";
import type { AppendBatch, Appended, CommitRequest, CommitResult, SettleBatch } from "./messages.ts";

const OUTAGE = "queue";

/** What is not committed until the disk is retried. */
type HeldBack = "nothing" | "appends" | "all";

export interface CommitterOptions {
  readonly file: string;
  readonly appends: AppendBuffer;
  readonly settles: SettleBuffer;
  readonly retryMs: number;
  readonly log: Log;
  commit(request: CommitRequest): Promise<CommitResult>;
  onCommitted(result: CommitResult): void;
  readonly outages: OutageReports;
}

/** Commits waiting appends and settlements, one commit at a time, and retries a failed commit. */
export class Committer {
  readonly #options: CommitterOptions;
  #busy = false;
  #running: Promise<void> = Promise.resolve();
  #held: HeldBack = "nothing";
  #retry: NodeJS.Timeout | undefined;
  /** Values lost before the disk failed; undefined while it works. */
  #lostBefore: number | undefined;

  constructor(options: CommitterOptions) {
    this.#options = options;
  }

  /** Called when there is something to commit. Everything added in this turn of the event loop shares one commit. */
  wake(): void {
    if (!this.#busy) queueMicrotask(() => this.#start());
  }

  /** Retries waiting commits once and stops. */
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
      // In the turn in which nothing was left to commit, so that anything added later starts a new run.
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
      // Not caused by the disk: a retry would fail in the same way.
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

  #hold(held: HeldBack, why: string): void {
    const { appends, retryMs, outages } = this.#options;
    this.#held = held;
    this.#retry ??= setTimeout(() => {
      this.#release();
      this.#start();
    }, retryMs);
    this.#lostBefore ??= appends.lostTotal;
    outages.failed({
      ...{ key: OUTAGE, kind: "queue_blocked", text: "waiting values cannot be written to disk", cause: why },
      ...{ severity: "error", next: "until they can be, new values wait in memory" },
    });
  }

  #release(): void {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#held = "nothing";
  }

  #resumed(): void {
    if (this.#lostBefore === undefined) return;
    const { file, appends, outages } = this.#options;
    const lost = appends.lostTotal - this.#lostBefore;
    this.#lostBefore = undefined;
    outages.ended(OUTAGE, {
      ...{ text: `queue file ${file} can be written again`, kind: "queue_resumed" },
      more: `${lost} values exceeded the memory meanwhile and were dropped`,
    });
  }
}

/** Size of a record in memory without its texts, in bytes. */
const RECORD_BYTES = 100;

interface WaitingAppend {
  /** Records that fit into memory. */
  readonly records: readonly NewRecord[];
  resolve(records: readonly QueuedRecord[]): void;
  reject(error: Error): void;
}

interface CurrentAppend {
  readonly batch: AppendBatch;
  readonly calls: readonly WaitingAppend[];
  readonly bytes: number;
}

/** Records waiting for a commit, in bounded memory. */
export class AppendBuffer {
  readonly #memoryBytes: number;
  readonly #batchBytes: number;
  readonly #calls: WaitingAppend[] = [];
  /** Shared texts that are included in the size, until nothing waits. */
  readonly #shared = new Set<string>();
  #bytes = 0;
  #lost = 0;
  #lostTotal = 0;
  #current: CurrentAppend | undefined;
  #number: number;

  /** `lastNumber`: number of the last batch in the file. */
  constructor(memoryBytes: number, batchBytes: number, lastNumber: number) {
    this.#memoryBytes = memoryBytes;
    this.#batchBytes = batchBytes;
    this.#number = lastNumber;
  }

  /** Number of values dropped and not yet in the file's counters. */
  get lost(): number {
    return this.#lost + (this.#current?.batch.lost ?? 0);
  }

  /** Number of values dropped since the queue was opened. */
  get lostTotal(): number {
    return this.#lostTotal;
  }

  /** Adds records. Records that exceed the memory are dropped, the last first. A call of any size fits when nothing else waits. */
  add(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    for (const record of records) check(record);
    const fits = this.#bytes === 0 ? records.length : this.#countFitting(records);
    const lost = records.slice(fits).reduce((sum, { samples }) => sum + samples, 0);
    this.#lost += lost;
    this.#lostTotal += lost;
    if (fits === 0) return Promise.resolve([]);
    const taken = records.slice(0, fits);
    for (const record of taken) this.#bytes += bytesOf(record, this.#shared);
    return new Promise((resolve, reject) => this.#calls.push({ records: taken, resolve, reject }));
  }

  /** Returns the batch to commit: the same one until {@link done}. */
  next(): AppendBatch | undefined {
    this.#current ??= this.#gather();
    return this.#current?.batch;
  }

  /** Called when the batch is on disk. */
  done({ first, gone }: Appended): void {
    let index = 0;
    for (const { records, resolve } of this.#leave()) {
      const from = index;
      index += records.length;
      const kept = records.slice(Math.max(gone - from, 0));
      const firstId = first + index - kept.length;
      resolve(
        kept.map(({ text, shared, samples, key, time }, at) => ({
          ...{ id: firstId + at, text, samples, key, time },
          ...(shared !== undefined && { shared }),
        })),
      );
    }
  }

  /** Called when the batch can never be committed. */
  fail(error: Error): void {
    for (const { reject } of this.#leave()) reject(error);
  }

  /** Drops all waiting records. Returns the number of values, including those already lost. */
  abandon(): number {
    let lost = this.lost;
    for (const { records, resolve } of [...this.#leave(), ...this.#calls.splice(0)]) {
      for (const { samples } of records) lost += samples;
      resolve([]);
    }
    this.#bytes = 0;
    this.#lost = 0;
    return lost;
  }

  #countFitting(records: readonly NewRecord[]): number {
    let bytes = this.#bytes;
    const shared = new Set(this.#shared);
    const overflow = records.findIndex((record) => {
      bytes += bytesOf(record, shared);
      return bytes > this.#memoryBytes;
    });
    return overflow < 0 ? records.length : overflow;
  }

  #gather(): CurrentAppend | undefined {
    if (this.#calls.length === 0 && this.#lost === 0) return undefined;
    let size = 0;
    let count = 0;
    const texts = new Set<string>();
    while (count < this.#calls.length && (count === 0 || size < this.#batchBytes))
      for (const record of this.#calls[count++]!.records) size += bytesOf(record, texts);
    const calls = this.#calls.splice(0, count);
    const records = calls.flatMap((call) => call.records);
    const shared = [...texts];
    const indexes = new Map(shared.map((text, index) => [text, index]));
    const batch: AppendBatch = {
      number: ++this.#number,
      texts: records.map(({ text }) => text),
      keys: records.map(({ key }) => key),
      samples: Float64Array.from(records, ({ samples }) => samples),
      times: Float64Array.from(records, ({ time }) => time),
      shared,
      sharing: Int32Array.from(records, (record) =>
        record.shared === undefined ? -1 : indexes.get(record.shared)!,
      ),
      lost: this.#lost,
    };
    this.#lost = 0;
    return { batch, calls, bytes: records.reduce((sum, record) => sum + ownBytes(record), 0) };
  }

  #leave(): readonly WaitingAppend[] {
    const { calls, bytes } = this.#current ?? { calls: [], bytes: 0 };
    this.#bytes -= bytes;
    this.#current = undefined;
    if (this.#calls.length === 0) {
      this.#bytes = 0;
      this.#shared.clear();
    }
    return calls;
  }
}

function ownBytes({ text, key }: NewRecord): number {
  return text.length + key.length + RECORD_BYTES;
}

/** Returns a record's size with its shared text, unless `counted` contains that; adds it there. */
function bytesOf(record: NewRecord, counted: Set<string>): number {
  const { shared } = record;
  if (shared === undefined || counted.has(shared)) return ownBytes(record);
  counted.add(shared);
  return ownBytes(record) + shared.length;
}

function check({ text, shared = "", samples, key, time }: NewRecord): void {
  if (typeof text !== "string" || typeof key !== "string" || typeof shared !== "string")
    throw new TypeError("text, shared text and key of a record must be texts");
  if (!Number.isSafeInteger(samples) || samples < 0)
    throw new TypeError(`record ${key}: samples must be a whole number of 0 or more, found ${samples}`);
  if (!Number.isFinite(time))
    throw new TypeError(`record ${key}: time must be in milliseconds since 1970, found ${time}`);
}

/** Approximate maximum number of settlements in a commit. */
const SETTLEMENTS_AT_ONCE = 5000;

interface WaitingSettle {
  readonly settlements: readonly Settlement[];
  resolve(): void;
  reject(error: Error): void;
}

interface CurrentSettle {
  readonly batch: SettleBatch;
  readonly calls: readonly WaitingSettle[];
}

/** Settlements waiting for a commit. */
export class SettleBuffer {
  readonly #now: () => number;
  readonly #calls: WaitingSettle[] = [];
  #current: CurrentSettle | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(settlements: readonly Settlement[]): Promise<void> {
    return new Promise((resolve, reject) => this.#calls.push({ settlements, resolve, reject }));
  }

  /** Returns the batch to commit: the same one until {@link done}. */
  next(): SettleBatch | undefined {
    this.#current ??= this.#gather();
    return this.#current?.batch;
  }

  /** Called when the batch is on disk. `wrong` has the reasons of rejected settlements by index. */
  done(wrong: ReadonlyMap<number, string>): void {
    let index = 0;
    for (const { settlements, resolve, reject } of this.#leave()) {
      const reasons = settlements.map(() => wrong.get(index++)).filter((reason) => reason !== undefined);
      if (reasons.length === 0) resolve();
      else reject(new QueueError("fault", reasons.join("; ")));
    }
  }

  fail(error: Error): void {
    for (const { reject } of this.#leave()) reject(error);
  }

  /** Rejects all waiting settlements. */
  abandon(error: Error): void {
    this.fail(error);
    for (const { reject } of this.#calls.splice(0)) reject(error);
  }

  #gather(): CurrentSettle | undefined {
    if (this.#calls.length === 0) return undefined;
    let size = 0;
    let count = 0;
    while (count < this.#calls.length && size < SETTLEMENTS_AT_ONCE)
      size += this.#calls[count++]!.settlements.length;
    const calls = this.#calls.splice(0, count);
    const ids: number[] = [];
    const delivered: number[] = [];
    const dead = new Map<number, readonly NewDeadLetter[]>();
    for (const settlement of calls.flatMap((call) => call.settlements)) {
      if (settlement.dead?.length) dead.set(ids.length, settlement.dead);
      ids.push(settlement.id);
      delivered.push(settlement.delivered);
    }
    return { batch: { ids, delivered, dead, at: this.#now() }, calls };
  }

  #leave(): readonly WaitingSettle[] {
    const calls = this.#current?.calls ?? [];
    this.#current = undefined;
    return calls;
  }
}
