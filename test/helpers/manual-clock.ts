import type { Clock } from "../../src/time/clock.ts";

interface Timer {
  readonly at: number;
  readonly callback: () => void;
}

/** A clock that stands still until a test moves it. Starts at 2026-11-21T08:00:00Z. */
export class ManualClock implements Clock {
  #wall: number;
  #monotonic = 5_000;
  readonly #timers = new Set<Timer>();

  constructor(start = Date.UTC(2026, 10, 21, 8)) {
    this.#wall = start;
  }

  now(): number {
    return this.#wall;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#monotonic + Math.max(ms, 0), callback };
    this.#timers.add(timer);
    return () => void this.#timers.delete(timer);
  }

  /** How many timers are waiting. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Lets time pass, with every timer at its own time, and everything that follows from it. */
  async advance(ms: number): Promise<void> {
    const end = this.#monotonic + ms;
    await settled();
    for (;;) {
      const next = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)[0];
      if (!next) break;
      this.#pass(next.at - this.#monotonic);
      this.#timers.delete(next);
      next.callback();
      await settled();
    }
    this.#pass(end - this.#monotonic);
  }

  /** The process is stopped, or its event loop blocked: time passes, and no timer runs. */
  block(ms: number): void {
    this.#pass(ms);
  }

  /** Somebody sets the wall clock. */
  set(to: number): void {
    this.#wall = to;
  }

  #pass(ms: number): void {
    if (ms <= 0) return;
    this.#monotonic += ms;
    this.#wall += ms;
  }
}

/** Everything that is to happen without time passing has happened. */
export async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}
