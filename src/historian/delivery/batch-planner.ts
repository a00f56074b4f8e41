import type { Sample } from "../contract.ts";

/** A sample that is being delivered, and its origin. */
export interface Item {
  readonly sample: Sample;
  /** Id of its record in the spool. */
  readonly recordId: number;
  /** Grows in the order of arrival. */
  readonly order: number;
}

/** Samples that go to the store in one call. */
export interface Batch {
  readonly items: readonly Item[];
  /** Number of parts it is split into to find a bad sample. */
  readonly parts: number;
  /** Failures directly followed by the success of another batch, so that this batch is the cause and not the store. */
  ownFailures: number;
  /** Failures since a batch was stored. */
  failures: number;
}

/** Samples that are finished after a response of the store. */
export interface Outcome {
  readonly delivered: readonly Item[];
  readonly dead: readonly { readonly item: Item; readonly reason: DeathReason; readonly detail: string }[];
}

/** `rejected`: the store can never keep the sample. `failing`: the sample alone fails repeatedly while others are stored. */
export type DeathReason = "rejected" | "failing";

/** Number of attempts for a sample that fails while others are stored. */
const MAX_TRIES = 5;
/** Number of stored batches after which the batch size is doubled again. */
const GROW_AFTER = 50;
/** Maximum number of batches put aside untried in an outage; further ones stay in the queue. */
const MAX_UNTRIED = 6;
/** Number of batches put aside above which no more are split. */
const MAX_PUT_ASIDE = 24;
const NO_OUTCOME: Outcome = { delivered: [], dead: [] };

/**
 * Decides which samples are delivered next and what a response of the store means for them. Samples are delivered in order until a
 * batch fails. A failed batch is put aside and retried in turn with another one, so that it does not block delivery. If the other
 * one is stored, the failed batch is at fault and is split until the bad sample is alone. If both fail, the store is unavailable
 * and no failure is counted against them.
 */
export class BatchPlanner {
  readonly #maxSamples: number;
  /** Read from the spool and not attempted yet. */
  #untried: Item[] = [];
  /** Parts of a rejected batch, delivered next and in order. */
  #urgent: Batch[] = [];
  /** Failed batches. */
  #failed: Batch[] = [];
  /** Whether the store accepted the last batch. */
  #storeAvailable = true;
  #untriedNext = false;
  #limit: number;
  #storedBatches = 0;

  constructor(maxSamples: number) {
    this.#maxSamples = maxSamples;
    this.#limit = maxSamples;
  }

  /** Number of samples held, without those of a batch being delivered. */
  get size(): number {
    return [...this.#urgent, ...this.#failed].reduce(
      (sum, batch) => sum + batch.items.length,
      this.#untried.length,
    );
  }

  /** Number of samples not attempted yet. */
  get untried(): number {
    return this.#untried.length;
  }

  addItems(items: readonly Item[]): void {
    for (const item of items) this.#untried.push(item);
  }

  /** Returns the batch to deliver now. Report its result before the next call. */
  next(): Batch | undefined {
    const urgent = this.#urgent.shift();
    if (urgent) return urgent;
    const [failed] = this.#failed;
    // During an outage failed and untried batches alternate.
    const fresh = !failed || (!this.#storeAvailable && this.#untriedNext) ? this.#takeUntried() : undefined;
    if (fresh || !failed) return fresh;
    this.#failed.shift();
    // Splitting shows whether the batch or the store is at fault.
    if (
      this.#storeAvailable ||
      failed.failures < 2 ||
      failed.items.length === 1 ||
      this.#failed.length > MAX_PUT_ASIDE
    )
      return failed;
    this.#failed.unshift(...splitBatch(failed));
    return this.#failed.shift();
  }

  stored(batch: Batch): Outcome {
    this.#storeAvailable = true;
    this.#storedBatches += 1;
    if (this.#storedBatches % GROW_AFTER === 0) this.#limit = Math.min(this.#maxSamples, this.#limit * 2);
    const delivered = [...batch.items, ...this.#superseded(batch)];
    const dead: Outcome["dead"][number][] = [];
    this.#failed = this.#failed.flatMap((failed) => {
      if (failed.failures === 0) return [failed];
      const { items, ownFailures } = failed;
      const counted = { ...failed, ownFailures: ownFailures + 1, failures: 0 };
      if (items.length > 1) return splitBatch(counted);
      if (counted.ownFailures < MAX_TRIES) return [counted];
      const detail = `it failed ${MAX_TRIES} times while others were stored`;
      dead.push({ item: items[0] as Item, reason: "failing", detail });
      return [];
    });
    return { delivered, dead };
  }

  /** Called when the store did not accept the batch this time. */
  failed(batch: Batch): void {
    this.#storeAvailable = false;
    const untried = batch.ownFailures === 0 && batch.failures === 0;
    batch.failures += 1;
    this.#untriedNext = !untried || this.#failed.length === 0;
    if (untried && this.#failed.length >= MAX_UNTRIED) this.#untried = [...batch.items, ...this.#untried];
    else this.#failed.push(batch);
  }

  /** Called when the store did not respond in time: the batch may be too large. */
  timedOut(batch: Batch): void {
    this.#limit = Math.max(Math.ceil(this.#limit / 2), Math.ceil(this.#maxSamples / 16));
    this.failed(batch);
  }

  /** Called when the store can never keep some samples: those named by index, or unknown ones when none is named. */
  rejected(batch: Batch, rejected: ReadonlyMap<number, string>, message: string): Outcome {
    const { items } = batch;
    const named = new Map([...rejected].filter(([index]) => index < items.length));
    if (named.size === 0 && items.length > 1) {
      this.#urgent.unshift(...splitBatch(batch));
      return NO_OUTCOME;
    }
    if (named.size === 0) named.set(0, message);
    const good = items.filter((_, index) => !named.has(index));
    if (good.length > 0) this.#urgent.unshift({ ...batch, items: good });
    const dead = [...named].map(([index, detail]) => ({
      item: items[index] as Item,
      reason: "rejected" as const,
      detail,
    }));
    return { delivered: [], dead };
  }

  #takeUntried(): Batch | undefined {
    if (this.#untried.length === 0) return undefined;
    const items = this.#untried.splice(0, this.#limit);
    return { items, parts: partsOf(items.length), ownFailures: 0, failures: 0 };
  }

  /** Removes failed samples that have the key of a later sample in the batch: storing them now would overwrite the later value. */
  #superseded(batch: Batch): Item[] {
    if (this.#failed.length === 0) return [];
    const latest = new Map(batch.items.map((item) => [keyOf(item), item.order]));
    const gone: Item[] = [];
    this.#failed = this.#failed.flatMap((waiting) => {
      const items = waiting.items.filter((item) => (latest.get(keyOf(item)) ?? -1) < item.order);
      if (items.length === waiting.items.length) return [waiting];
      gone.push(...waiting.items.filter((item) => !items.includes(item)));
      return items.length > 0 ? [{ ...waiting, items }] : [];
    });
    return gone;
  }
}

/** Number of parts with which one bad sample is alone after at most {@link MAX_TRIES} attempts. */
function partsOf(count: number): number {
  return Math.max(2, Math.ceil(count ** (1 / (MAX_TRIES - 1))));
}

function splitBatch(batch: Batch): Batch[] {
  const size = Math.ceil(batch.items.length / batch.parts);
  const parts: Batch[] = [];
  for (let from = 0; from < batch.items.length; from += size)
    parts.push({ ...batch, items: batch.items.slice(from, from + size), failures: 0 });
  return parts;
}

function keyOf({ sample }: Item): string {
  return `${sample.topic.toLowerCase()} ${sample.time}`;
}
