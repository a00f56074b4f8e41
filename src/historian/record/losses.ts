import type { QueueCounters } from "../../queue/index.ts";

/** Accepted values that will not be stored. Times of the data, in milliseconds since 1970 UTC. */
export interface Loss {
  readonly reason: string;
  readonly values: number;
  readonly from: number;
  readonly to: number;
  /** Name of the store of `historian.also` that lacks them; absent: the main store. */
  readonly store?: string;
}

type Balance = Pick<QueueCounters, "dropped" | "oldest">;

/** Finds the values dropped between two readings of the counters. */
export class LossWatch {
  #before: Balance;
  /** Number of dropped values already reported, by reason. */
  readonly #reported: Map<string, number>;
  #checkedAt: number;

  constructor(balance: Balance, now: number) {
    this.#before = balance;
    this.#reported = new Map(Object.entries(balance.dropped));
    this.#checkedAt = now;
  }

  /**
   * Returns what was dropped since the previous call. A full spool drops its oldest data, so the loss lies between the previous and the
   * current oldest; a disk that cannot be written to drops the newest.
   */
  findLosses(balance: Balance, now: number): Loss[] {
    const before = this.#before;
    const since = this.#checkedAt;
    this.#before = balance;
    this.#checkedAt = now;
    return Object.entries(balance.dropped).flatMap(([reason, count]) => {
      // Negative when dropped values were delivered after all.
      const values = count - (this.#reported.get(reason) ?? 0);
      if (values <= 0 || reason === "discarded") return [];
      this.#reported.set(reason, count);
      const to = reason === "disk" ? now : (balance.oldest?.getTime() ?? now);
      const from = reason === "disk" ? since : (before.oldest?.getTime() ?? since);
      return [{ reason, values, from: Math.min(from, to), to }];
    });
  }
}
