import type { Log } from "../../log/log.ts";
import type { Queue, QueuedRecord, Settlement } from "../../queue/contract.ts";

/** Settlements go to the queue together: so many, or what has come after so long. */
const BATCH = 500;
const BATCH_MS = 100;

/** The records that are in the outbox's hands: read or accepted, and not yet settled on disk. */
export class HeldRecords {
  readonly #queue: Queue;
  readonly #log: Log;
  /** Samples by id. */
  readonly #held = new Map<number, number>();
  #samples = 0;
  #settlements: Settlement[] = [];
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> = Promise.resolve();

  constructor(queue: Queue, log: Log) {
    this.#queue = queue;
    this.#log = log;
  }

  get samples(): number {
    return this.#samples;
  }

  has(id: number): boolean {
    return this.#held.has(id);
  }

  take(record: QueuedRecord): void {
    this.#held.set(record.id, record.samples);
    this.#samples += record.samples;
  }

  /** Leaves it to the disk, to be read again. */
  release(id: number): void {
    this.#samples -= this.#held.get(id) ?? 0;
    this.#held.delete(id);
  }

  /** What became of it, to be written with others. */
  settle(settlement: Settlement): void {
    this.#settlements.push(settlement);
    if (this.#settlements.length >= BATCH) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), BATCH_MS);
  }

  /** Writes what is known; resolves when it is on disk. */
  flush(): Promise<void> {
    this.#write();
    return this.#writing;
  }

  #write(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const batch = this.#settlements;
    if (batch.length === 0) return;
    this.#settlements = [];
    this.#writing = this.#queue.settle(batch).then(
      () => {
        for (const { id } of batch) this.release(id);
      },
      // They stay held, so that they are not sent again before the next start.
      (error: unknown) => this.#log.error("the outbox cannot note what was delivered", { err: error }),
    );
  }
}
