import type {
  NewDeadLetter,
  NewRecord,
  Queue,
  QueueCounters,
  QueuedRecord,
  Settlement,
} from "../../queue/contract.ts";
import type { Sample } from "../contract.ts";
import type { SetAside } from "../ingest/index.ts";
import type { Item, Outcome } from "./batch-planner.ts";
import { fromRecord, toRecord } from "./sample-record.ts";

/** The queue of samples waiting for the store. */
export interface SpoolQueue extends Queue {
  /** Counters as of the last commit. */
  readonly latest: QueueCounters;
}

/** Maximum size of one read. */
const PAGE = { count: 500, bytes: 256 * 1024 };

/** A record with unfinished samples. */
interface OpenRecord {
  readonly record: QueuedRecord;
  delivered: number;
  readonly dead: NewDeadLetter[];
}

/** Reads samples from the queue and settles their records once all of their samples are finished. */
export class Spool {
  readonly #queue: SpoolQueue;
  readonly #onAside: (sample: Sample, why: SetAside) => void;
  readonly #open = new Map<number, OpenRecord>();
  #after = 0;
  #order = 0;
  #settling: Promise<void> = Promise.resolve();

  /** `onAside`: called for each sample that was set aside. */
  constructor(queue: SpoolQueue, onAside: (sample: Sample, why: SetAside) => void) {
    this.#queue = queue;
    this.#onAside = onAside;
  }

  get counters(): QueueCounters {
    return this.#queue.latest;
  }

  /** Resolves with true once the records are on disk, with false when some had no space and were counted as dropped. */
  async append(records: readonly NewRecord[]): Promise<boolean> {
    return (await this.#queue.append(records)).length === records.length;
  }

  /**
   * Returns the next samples, oldest first; undefined at the end of the queue. Unreadable records, and those set aside, become dead
   * letters.
   */
  async read(): Promise<Item[] | undefined> {
    const records = await this.#queue.read({ after: this.#after, ...PAGE });
    const last = records.at(-1);
    if (!last) return undefined;
    const settled: Settlement[] = [];
    const items = records.flatMap((record) => {
      try {
        const { samples, aside } = samplesOf(record);
        if (!aside) return this.#items(record, samples);
        for (const sample of samples) this.#onAside(sample, aside);
        // Its text is without the reason: a retry stores it.
        const letter = { ...toRecord(samples, record.key, new Date(record.time)), ...aside };
        settled.push({ id: record.id, delivered: 0, dead: [letter] });
        return [];
      } catch (error) {
        const detail = `the record cannot be read: ${(error as Error).message}`;
        const { text, samples, key, time } = record;
        const dead = [{ text, samples, key, time, reason: "unreadable", detail }];
        settled.push({ id: record.id, delivered: 0, dead });
        return [];
      }
    });
    await this.#settle(settled);
    this.#after = last.id;
    return items;
  }

  /**
   * Records the outcome of samples. A record leaves the queue when all of its samples are finished. Resolves when the previous
   * outcome is on disk: the spool stays at most one outcome behind, and callers do not wait for their own commit.
   */
  async note({ delivered, dead }: Outcome): Promise<void> {
    const touched = new Map<number, OpenRecord>();
    const of = (id: number): OpenRecord | undefined => {
      const open = touched.get(id) ?? this.#open.get(id);
      if (open) touched.set(id, open);
      return open;
    };
    for (const { recordId } of delivered) {
      const open = of(recordId);
      if (open) open.delivered += 1;
    }
    for (const { item, reason, detail } of dead)
      of(item.recordId)?.dead.push({ ...toRecord([item.sample], item.sample.topic), reason, detail });
    const done: Settlement[] = [];
    for (const [id, { record, delivered: count, dead: letters }] of touched) {
      if (count + letters.length < record.samples) continue;
      this.#open.delete(id);
      done.push({ id, delivered: count, ...(letters.length > 0 && { dead: letters }) });
    }
    const before = this.#settling;
    this.#settling = Promise.all([before, this.#settle(done)]).then(() => undefined);
    this.#settling.catch(() => undefined);
    await before;
  }

  /** Resolves when all outcomes are on disk. */
  async flush(): Promise<void> {
    await this.#settling;
  }

  async #settle(settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length > 0) await this.#queue.settle(settlements);
  }

  #items(record: QueuedRecord, samples: readonly Sample[]): Item[] {
    this.#open.set(record.id, { record, delivered: 0, dead: [] });
    return samples.map((sample) => ({ sample, recordId: record.id, order: this.#order++ }));
  }
}

function samplesOf({ text, samples: count }: QueuedRecord): ReturnType<typeof fromRecord> {
  const read = fromRecord(text);
  if (read.samples.length !== count)
    throw new Error(`it holds ${read.samples.length} values instead of ${count}`);
  return read;
}
