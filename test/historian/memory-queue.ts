import type { SpoolQueue } from "../../src/historian/delivery/index.ts";
import type {
  DeadLetter,
  NewRecord,
  QueueCounters,
  QueuedRecord,
  Settlement,
} from "../../src/queue/index.ts";

/** A queue that keeps everything in memory, at once; for tests whose clock stands still. */
export class MemoryQueue implements SpoolQueue {
  readonly #records = new Map<number, QueuedRecord>();
  readonly #dead = new Map<number, DeadLetter>();
  readonly #dropped: Record<string, number> = {};
  #ids = 0;
  #accepted = 0;
  #delivered = 0;
  reads = 0;
  /** Records that find no room. */
  full = false;

  async append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    for (const { samples } of records) {
      this.#accepted += samples;
      if (this.full) this.#drop("disk", samples);
    }
    if (this.full) return [];
    const queued = records.map((record) => ({ ...record, id: ++this.#ids }));
    for (const record of queued) this.#records.set(record.id, record);
    return queued;
  }

  async read(options: { after?: number; count: number; bytes?: number }): Promise<readonly QueuedRecord[]> {
    this.reads += 1;
    return [...this.#records.values()].filter(({ id }) => id > (options.after ?? 0)).slice(0, options.count);
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    for (const { id, delivered, dead = [] } of settlements) {
      const record = this.#records.get(id);
      if (!record) continue;
      const settled = dead.reduce((sum, { samples }) => sum + samples, delivered);
      if (settled !== record.samples)
        throw new Error(`record ${id}: ${settled} of ${record.samples} settled`);
      this.#records.delete(id);
      this.#delivered += delivered;
      for (const letter of dead)
        this.#dead.set(++this.#ids, { ...letter, id: this.#ids, at: new Date(0), retries: 0 });
    }
  }

  /** Drops the oldest record, as a full queue does. */
  evict(): void {
    const [record] = this.#records.values();
    if (!record) return;
    this.#records.delete(record.id);
    this.#drop("limit", record.samples);
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    return [...this.#dead.values()];
  }

  async retry(ids: readonly number[] = [...this.#dead.keys()]): Promise<number> {
    for (const id of ids) {
      const letter = this.#dead.get(id);
      if (!letter) continue;
      this.#dead.delete(id);
      this.#records.set(++this.#ids, { ...letter, id: this.#ids });
    }
    return ids.length;
  }

  async discard(): Promise<number> {
    throw new Error("not needed");
  }

  get latest(): QueueCounters {
    const waiting = [...this.#records.values()];
    const deadLettered: Record<string, number> = {};
    for (const { reason, samples } of this.#dead.values())
      deadLettered[reason] = (deadLettered[reason] ?? 0) + samples;
    const oldest = waiting.reduce((least, { time }) => Math.min(least, time), Number.POSITIVE_INFINITY);
    return {
      accepted: this.#accepted,
      delivered: this.#delivered,
      waiting: waiting.reduce((sum, { samples }) => sum + samples, 0),
      dropped: { ...this.#dropped },
      deadLettered,
      bytes: waiting.reduce((sum, { text }) => sum + text.length, 0),
      ...(waiting.length > 0 && { oldest: new Date(oldest) }),
    };
  }

  async counters(): Promise<QueueCounters> {
    return this.latest;
  }

  async close(): Promise<void> {}

  #drop(reason: string, samples: number): void {
    this.#dropped[reason] = (this.#dropped[reason] ?? 0) + samples;
  }
}
