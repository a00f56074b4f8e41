import type { NewDeadLetter, Settlement } from "./contract.ts";
import { QueueError } from "./failure.ts";
import type { SettleBatch } from "./messages.ts";

/** Settlements in one commit, about. */
const BATCH = 5000;

interface Waiting {
  readonly settlements: readonly Settlement[];
  resolve(): void;
  reject(error: Error): void;
}

interface Current {
  readonly batch: SettleBatch;
  readonly calls: readonly Waiting[];
}

/** Settlements that wait for a commit. */
export class SettleBuffer {
  readonly #now: () => number;
  readonly #calls: Waiting[] = [];
  #current: Current | undefined;

  constructor(now: () => number) {
    this.#now = now;
  }

  add(settlements: readonly Settlement[]): Promise<void> {
    return new Promise((resolve, reject) => this.#calls.push({ settlements, resolve, reject }));
  }

  /** What to commit: the last batch again where it was not {@link done}. */
  next(): SettleBatch | undefined {
    this.#current ??= this.#gather();
    return this.#current?.batch;
  }

  /** The batch is on disk; `wrong` tells by index which settlements were refused, and why. */
  done(wrong: ReadonlyMap<number, string>): void {
    let index = 0;
    for (const { settlements, resolve, reject } of this.#leave()) {
      const reasons = settlements.map(() => wrong.get(index++)).filter((reason) => reason !== undefined);
      if (reasons.length === 0) resolve();
      else reject(new QueueError("fault", reasons.join("; ")));
    }
  }

  fail(error: Error): void {
    for (const { reject } of this.#leave()) reject(error);
  }

  /** Gives up what still waits. */
  abandon(error: Error): void {
    this.fail(error);
    for (const { reject } of this.#calls.splice(0)) reject(error);
  }

  #gather(): Current | undefined {
    if (this.#calls.length === 0) return undefined;
    let size = 0;
    let count = 0;
    while (count < this.#calls.length && size < BATCH) size += this.#calls[count++]!.settlements.length;
    const calls = this.#calls.splice(0, count);
    const ids: number[] = [];
    const delivered: number[] = [];
    const dead = new Map<number, readonly NewDeadLetter[]>();
    for (const settlement of calls.flatMap((call) => call.settlements)) {
      if (settlement.dead?.length) dead.set(ids.length, settlement.dead);
      ids.push(settlement.id);
      delivered.push(settlement.delivered);
    }
    return { batch: { ids, delivered, dead, at: this.#now() }, calls };
  }

  #leave(): readonly Waiting[] {
    const calls = this.#current?.calls ?? [];
    this.#current = undefined;
    return calls;
  }
}
