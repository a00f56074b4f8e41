import type { Sample } from "../contract.ts";

/** A sample on its way, and where it came from. */
export interface Item {
  readonly sample: Sample;
  /** Of the spool's record. */
  readonly recordId: number;
  /** Grows in the order of arrival. */
  readonly order: number;
}

/** Samples that go to the store in one call. */
export interface Batch {
  readonly items: readonly Item[];
  /** Into how many it is cut where one of it must be found. */
  readonly parts: number;
  /** Failures that another batch's success, straight after, shows to be this batch's own. */
  strikes: number;
  /** Failures since a batch was stored. */
  failures: number;
}

/** What is settled by an answer of the store. */
export interface Outcome {
  readonly delivered: readonly Item[];
  readonly dead: readonly { readonly item: Item; readonly reason: DeathReason; readonly detail: string }[];
}

/** `rejected`: the store says that it can never keep it. `failing`: it alone fails, again and again, while others are stored. */
export type DeathReason = "rejected" | "failing";

/** A sample that nobody can store is tried so often. */
const MAX_TRIES = 5;
/** Number of stored batches after which the batch size is doubled again. */
const GROW_AFTER = 50;
/** In an outage no more batches are put aside than this, the rest stays where it is; and no more are cut. */
const MOST_UNTRIED = 6;
const MOST_ASIDE = 24;
const NOTHING: Outcome = { delivered: [], dead: [] };

/**
 * Which samples go to the store next, and what its answer means for them. In order while all is well. A batch that fails is put
 * aside and tried in turn with one other, so that it holds nobody up: where the other is stored, the fault lies in the batch, which
 * is cut until the bad sample is alone; where both fail, the store is away and nothing is held against them.
 */
export class BatchPlanner {
  readonly #most: number;
  /** Read from the spool and not tried yet. */
  #fresh: Item[] = [];
  /** Parts of a refused batch: they go next, in their order. */
  #urgent: Batch[] = [];
  /** They failed. */
  #aside: Batch[] = [];
  /** Whether the store took the last batch. */
  #alive = true;
  #freshNext = false;
  #limit: number;
  #storedBatches = 0;

  constructor(most: number) {
    this.#most = most;
    this.#limit = most;
  }

  /** Samples in hand, those of a batch under way left out. */
  get size(): number {
    return [...this.#urgent, ...this.#aside].reduce(
      (sum, batch) => sum + batch.items.length,
      this.#fresh.length,
    );
  }

  /** Samples that were not tried yet. */
  get fresh(): number {
    return this.#fresh.length;
  }

  add(items: readonly Item[]): void {
    for (const item of items) this.#fresh.push(item);
  }

  /** The batch to try now; its answer is to be told before the next is asked for. */
  next(): Batch | undefined {
    const urgent = this.#urgent.shift();
    if (urgent) return urgent;
    const [failed] = this.#aside;
    // While nothing is stored, what failed and what was never tried take turns.
    const fresh = !failed || (!this.#alive && this.#freshNext) ? this.#cut() : undefined;
    if (fresh || !failed) return fresh;
    this.#aside.shift();
    // Its parts tell whether it or the store is at fault.
    if (this.#alive || failed.failures < 2 || failed.items.length === 1 || this.#aside.length > MOST_ASIDE)
      return failed;
    this.#aside.unshift(...cut(failed));
    return this.#aside.shift();
  }

  stored(batch: Batch): Outcome {
    this.#alive = true;
    this.#storedBatches += 1;
    if (this.#storedBatches % GROW_AFTER === 0) this.#limit = Math.min(this.#most, this.#limit * 2);
    const delivered = [...batch.items, ...this.#superseded(batch)];
    const dead: Outcome["dead"][number][] = [];
    this.#aside = this.#aside.flatMap((failed) => {
      if (failed.failures === 0) return [failed];
      const { items, strikes } = failed;
      const struck = { ...failed, strikes: strikes + 1, failures: 0 };
      if (items.length > 1) return cut(struck);
      if (struck.strikes < MAX_TRIES) return [struck];
      const detail = `it failed ${MAX_TRIES} times while others were stored`;
      dead.push({ item: items[0] as Item, reason: "failing", detail });
      return [];
    });
    return { delivered, dead };
  }

  /** The store did not take it, now. */
  failed(batch: Batch): void {
    this.#alive = false;
    const untried = batch.strikes === 0 && batch.failures === 0;
    batch.failures += 1;
    this.#freshNext = !untried || this.#aside.length === 0;
    if (untried && this.#aside.length >= MOST_UNTRIED) this.#fresh = [...batch.items, ...this.#fresh];
    else this.#aside.push(batch);
  }

  /** The store did not answer in time: perhaps it is too much at once. */
  late(batch: Batch): void {
    this.#limit = Math.max(Math.ceil(this.#limit / 2), Math.ceil(this.#most / 16));
    this.failed(batch);
  }

  /** The store will never take some: those named by index, or, where none is, some that it cannot tell. */
  refused(batch: Batch, rejected: ReadonlyMap<number, string>, message: string): Outcome {
    const { items } = batch;
    const named = new Map([...rejected].filter(([index]) => index < items.length));
    if (named.size === 0 && items.length > 1) {
      this.#urgent.unshift(...cut(batch));
      return NOTHING;
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

  #cut(): Batch | undefined {
    if (this.#fresh.length === 0) return undefined;
    const items = this.#fresh.splice(0, this.#limit);
    return { items, parts: partsOf(items.length), strikes: 0, failures: 0 };
  }

  /** What waits aside, was there before something of the batch and has its key: to store it now would undo the later value. */
  #superseded(batch: Batch): Item[] {
    if (this.#aside.length === 0) return [];
    const latest = new Map(batch.items.map((item) => [keyOf(item), item.order]));
    const gone: Item[] = [];
    this.#aside = this.#aside.flatMap((waiting) => {
      const items = waiting.items.filter((item) => (latest.get(keyOf(item)) ?? -1) < item.order);
      if (items.length === waiting.items.length) return [waiting];
      gone.push(...waiting.items.filter((item) => !items.includes(item)));
      return items.length > 0 ? [{ ...waiting, items }] : [];
    });
    return gone;
  }
}

/** So that one bad sample is alone after at most {@link MAX_TRIES} tries. */
function partsOf(count: number): number {
  return Math.max(2, Math.ceil(count ** (1 / (MAX_TRIES - 1))));
}

function cut(batch: Batch): Batch[] {
  const size = Math.ceil(batch.items.length / batch.parts);
  const parts: Batch[] = [];
  for (let from = 0; from < batch.items.length; from += size)
    parts.push({ ...batch, items: batch.items.slice(from, from + size), failures: 0 });
  return parts;
}

function keyOf({ sample }: Item): string {
  return `${sample.topic.toLowerCase()} ${sample.time}`;
}
