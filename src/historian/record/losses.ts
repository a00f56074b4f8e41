import type { QueueCounters } from "../../queue/index.ts";

/** Values that were accepted and will not be stored. Times of the data, milliseconds since 1970 UTC. */
export interface Loss {
  readonly reason: string;
  readonly values: number;
  readonly from: number;
  readonly to: number;
}

type Balance = Pick<QueueCounters, "dropped" | "oldest">;

/** Finds what was dropped between two looks at the counters. */
export class LossWatch {
  #before: Balance;
  /** By reason, how many of the dropped values were reported. */
  readonly #told: Map<string, number>;
  #lookedAt: number;

  constructor(balance: Balance, now: number) {
    this.#before = balance;
    this.#told = new Map(Object.entries(balance.dropped));
    this.#lookedAt = now;
  }

  /**
   * What was dropped since the last look. A full spool drops the oldest, so it was between what was the oldest then and what is the
   * oldest now; a disk that takes nothing drops what has just come.
   */
  look(balance: Balance, now: number): Loss[] {
    const before = this.#before;
    const since = this.#lookedAt;
    this.#before = balance;
    this.#lookedAt = now;
    return Object.entries(balance.dropped).flatMap(([reason, count]) => {
      // Less than before where dropped values were delivered after all.
      const values = count - (this.#told.get(reason) ?? 0);
      if (values <= 0 || reason === "discarded") return [];
      this.#told.set(reason, count);
      const to = reason === "disk" ? now : (balance.oldest?.getTime() ?? now);
      const from = reason === "disk" ? since : (before.oldest?.getTime() ?? since);
      return [{ reason, values, from: Math.min(from, to), to }];
    });
  }
}
