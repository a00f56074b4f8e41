import type {
  NewDeadLetter,
  NewRecord,
  Queue,
  QueueCounters,
  QueuedRecord,
  Settlement,
} from "../../queue/contract.ts";
import type { Item, Outcome } from "./batch-planner.ts";
import { fromRecord, toRecord } from "./sample-record.ts";

/** The queue of the samples that wait for the store. */
export interface SpoolQueue extends Queue {
  /** As of the last commit. */
  readonly latest: QueueCounters;
}

/** Of one read. */
const PAGE = { count: 500, bytes: 256 * 1024 };

/** A record of which not every sample is settled yet. */
interface OpenRecord {
  readonly record: QueuedRecord;
  delivered: number;
  readonly dead: NewDeadLetter[];
}

/** Samples out of the queue, and back into it what became of them, record by record. */
export class Spool {
  readonly #queue: SpoolQueue;
  readonly #open = new Map<number, OpenRecord>();
  #after = 0;
  #order = 0;
  #settling: Promise<void> = Promise.resolve();

  constructor(queue: SpoolQueue) {
    this.#queue = queue;
  }

  get counters(): QueueCounters {
    return this.#queue.latest;
  }

  /** Resolves when the records are on disk: true; false where there was no room, and what found none is counted as dropped. */
  async append(records: readonly NewRecord[]): Promise<boolean> {
    return (await this.#queue.append(records)).length === records.length;
  }

  /** The next samples, oldest first; undefined where the queue has no more. Records that make no sense are dead letters. */
  async read(): Promise<Item[] | undefined> {
    const records = await this.#queue.read({ after: this.#after, ...PAGE });
    const last = records.at(-1);
    if (!last) return undefined;
    const unreadable: Settlement[] = [];
    const items = records.flatMap((record) => {
      try {
        return this.#items(record);
      } catch (error) {
        const detail = `the record makes no sense: ${(error as Error).message}`;
        const { text, samples, key, time } = record;
        const dead = [{ text, samples, key, time, reason: "unreadable", detail }];
        unreadable.push({ id: record.id, delivered: 0, dead });
        return [];
      }
    });
    await this.#settle(unreadable);
    this.#after = last.id;
    return items;
  }

  /**
   * Notes what became of samples. A record leaves the queue when all of it is settled. Resolves when what was noted before is on
   * disk: the notes never fall far behind, and nobody waits for their own.
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

  /** Resolves when all that was noted is on disk. */
  async flush(): Promise<void> {
    await this.#settling;
  }

  async #settle(settlements: readonly Settlement[]): Promise<void> {
    if (settlements.length > 0) await this.#queue.settle(settlements);
  }

  #items(record: QueuedRecord): Item[] {
    const samples = fromRecord(record.text);
    if (samples.length !== record.samples)
      throw new Error(`it holds ${samples.length} values instead of ${record.samples}`);
    this.#open.set(record.id, { record, delivered: 0, dead: [] });
    return samples.map((sample) => ({ sample, recordId: record.id, order: this.#order++ }));
  }
}
