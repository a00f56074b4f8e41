import { expect } from "vitest";
import type { QueueCounters } from "../../src/queue/index.ts";
import { expectBalance } from "../contracts/queue-contract.ts";

interface Line {
  readonly found?: { readonly counters: QueueCounters; readonly waiting: readonly number[] };
  readonly notice?: string;
  readonly accepted?: readonly (readonly [id: number, samples: number])[];
  readonly settling?: readonly number[];
  readonly settled?: readonly number[];
}

/** What queue children said of one queue, one life after the other. */
export class Ledger {
  readonly notices: string[] = [];
  accepted = 0;
  /** Every record that was accepted, and of which no settlement was even begun. */
  readonly #owed = new Set<number>();
  readonly #settled = new Set<number>();
  #samples = 0;

  /** All that one life printed; the last line may be cut. */
  add(output: string): void {
    for (const text of output.split("\n").slice(0, -1)) {
      const line = JSON.parse(text) as Line;
      if (line.found) this.#check(line.found);
      if (line.notice) this.notices.push(line.notice);
      for (const [id, samples] of line.accepted ?? []) {
        this.accepted++;
        this.#samples += samples;
        this.#owed.add(id);
      }
      for (const id of line.settling ?? []) this.#owed.delete(id);
      for (const id of line.settled ?? []) this.#settled.add(id);
    }
  }

  /** What is found in the file after a life that ended somehow. */
  #check({ counters, waiting }: NonNullable<Line["found"]>): void {
    expectBalance(counters);
    // More may be there: what was committed, and not told any more.
    expect(counters.accepted).toBeGreaterThanOrEqual(this.#samples);
    const there = new Set(waiting);
    expect([...this.#owed].filter((id) => !there.has(id))).toEqual([]);
    expect(waiting.filter((id) => this.#settled.has(id))).toEqual([]);
    this.#samples = counters.accepted;
    for (const id of waiting) this.#owed.add(id);
  }
}
