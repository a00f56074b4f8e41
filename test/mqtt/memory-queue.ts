import type {
  DeadLetter,
  NewRecord,
  Queue,
  QueueCounters,
  QueuedRecord,
  Settlement,
} from "../../src/queue/contract.ts";

/** A queue that keeps its promises but the disk: for tests of what uses one. */
export class MemoryQueue implements Queue {
  readonly records = new Map<number, QueuedRecord>();
  readonly dead: DeadLetter[] = [];
  accepted = 0;
  delivered = 0;
  #lastId = 0;

  async append(records: readonly NewRecord[]): Promise<readonly QueuedRecord[]> {
    await Promise.resolve();
    return records.map((record) => {
      const queued = { ...record, id: ++this.#lastId };
      this.records.set(queued.id, queued);
      this.accepted += record.samples;
      return queued;
    });
  }

  async read({ after = 0, count }: { after?: number; count: number }): Promise<readonly QueuedRecord[]> {
    await Promise.resolve();
    return [...this.records.values()].filter(({ id }) => id > after).slice(0, count);
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    await Promise.resolve();
    for (const { id, delivered, dead = [] } of settlements) {
      if (!this.records.delete(id)) continue;
      this.delivered += delivered;
      for (const one of dead)
        this.dead.push({ ...one, id: this.dead.length + 1, at: new Date(), retries: 0 });
    }
  }

  async deadLetters(): Promise<readonly DeadLetter[]> {
    return this.dead;
  }

  async retry(): Promise<number> {
    const again = this.dead.splice(0);
    this.accepted -= again.reduce((sum, { samples }) => sum + samples, 0);
    await this.append(again);
    return again.length;
  }

  async discard(): Promise<number> {
    return this.dead.splice(0).length;
  }

  async counters(): Promise<QueueCounters> {
    const deadLettered: Record<string, number> = {};
    for (const { reason, samples } of this.dead) deadLettered[reason] = (deadLettered[reason] ?? 0) + samples;
    const waiting = [...this.records.values()].reduce((sum, { samples }) => sum + samples, 0);
    return {
      ...{ accepted: this.accepted, delivered: this.delivered, waiting },
      ...{ dropped: {}, deadLettered, bytes: 0 },
    };
  }

  async close(): Promise<void> {}
}
