import type { Clock } from "../../src/historian/clock.ts";

export const NOON = new Date("2026-11-21T12:00:00Z");

/** A clock that stands still until the test moves it. */
export class HandClock implements Clock {
  #time: number;
  readonly #timers = new Set<{ at: number; readonly run: () => void }>();

  constructor(start = NOON.getTime()) {
    this.#time = start;
  }

  now(): Date {
    return new Date(this.#time);
  }

  after(milliseconds: number, run: () => void): () => void {
    const timer = { at: this.#time + milliseconds, run };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** Somebody sets it: what waits for so much time goes on waiting. */
  set(to: number): void {
    const by = to - this.#time;
    this.#time = to;
    for (const timer of this.#timers) timer.at += by;
  }

  /** Moves on, timer by timer, and lets what they started run. */
  async advance(milliseconds: number): Promise<void> {
    const end = this.#time + milliseconds;
    await settle();
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at);
      if (!next) break;
      this.#timers.delete(next);
      this.#time = next.at;
      next.run();
      await settle();
    }
    this.#time = end;
  }

  get pending(): number {
    return this.#timers.size;
  }
}

/** Lets promises and whatever follows from them run. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 10; i++) await new Promise((resolve) => setImmediate(resolve));
}
