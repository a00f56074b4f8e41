import type { Log } from "../../log/log.ts";
import type { Queue, QueuedRecord, Settlement } from "../../queue/contract.ts";
import { type Backoff, backoff } from "../../time/backoff.ts";

/** Settlements are written in batches of this size, or after this time in milliseconds. */
const BATCH = 500;
const BATCH_MS = 100;
/** Pauses before a refused record is sent again. */
const RETRY_MS: Backoff = { first: 1000, longest: 60_000 };
/** Time from the first refusal of a record after which it is not sent again, in milliseconds. */
const RETRY_FOR_MS = 600_000;
/** Maximum number of refused records that are remembered, which bounds memory. Further ones are not sent again. */
const MOST_REFUSED = 100_000;

interface Refusal {
  readonly since: number;
  times: number;
  /** When it is sent again; Infinity while it is on its way. */
  dueAt: number;
}

/** Records that the outbox has read or accepted and that are not yet settled on disk, and when a refused one is sent again. */
export class HeldRecords {
  readonly #queue: Queue;
  readonly #log: Log;
  /** Samples by id. */
  readonly #held = new Map<number, number>();
  #samples = 0;
  /** Records that the broker refused for a reason that may pass, by id. */
  readonly #refusals = new Map<number, Refusal>();
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

  hold(record: QueuedRecord): void {
    this.#held.set(record.id, record.samples);
    this.#samples += record.samples;
  }

  /** Leaves a record on disk, to be read again. */
  release(id: number): void {
    this.#samples -= this.#held.get(id) ?? 0;
    this.#held.delete(id);
  }

  /**
   * Notes a refusal. Returns whether the record is to be sent again: then it stays held until it is due, so that no stream
   * takes it before.
   */
  retryLater(id: number): boolean {
    const now = performance.now();
    const known = this.#refusals.get(id);
    if (!known) {
      if (this.#refusals.size >= MOST_REFUSED) return false;
      this.#refusals.set(id, { since: now, times: 1, dueAt: now + RETRY_MS.first });
      return true;
    }
    if (now - known.since >= RETRY_FOR_MS) {
      this.#refusals.delete(id);
      return false;
    }
    known.dueAt = now + backoff(RETRY_MS, ++known.times);
    return true;
  }

  /** Releases the refused records that are due, each once. */
  releaseDue(): void {
    const now = performance.now();
    for (const [id, refusal] of this.#refusals) {
      if (refusal.dueAt <= now) {
        refusal.dueAt = Number.POSITIVE_INFINITY;
        this.release(id);
      } else if (now - refusal.since > RETRY_FOR_MS + 2 * RETRY_MS.longest) {
        // Its record did not come back: it was dropped from the disk meanwhile.
        this.#refusals.delete(id);
      }
    }
  }

  /** Enters the final outcome of a record, which is written together with others. */
  settle(settlement: Settlement): void {
    this.#refusals.delete(settlement.id);
    this.#settlements.push(settlement);
    if (this.#settlements.length >= BATCH) this.#write();
    else this.#timer ??= setTimeout(() => this.#write(), BATCH_MS);
  }

  /** Writes the settlements; resolves when they are on disk. */
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
      // They stay held, so that they are sent again only after the next start.
      (error: unknown) =>
        this.#log.error(
          "the outbox cannot store which readings were delivered; they are sent again after the next start",
          { err: error },
        ),
    );
  }
}
