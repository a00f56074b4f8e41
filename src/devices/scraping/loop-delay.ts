import { createHistogram } from "node:perf_hooks";

/** Delays of the event loop, in milliseconds. */
export interface LoopDelayReading {
  readonly p99: number;
  readonly max: number;
}

export interface LoopDelayOptions {
  /** Called with each delay in seconds, fifty times a second. */
  readonly onSample?: (seconds: number) => void;
  /** Time after which delays begin to be forgotten, in milliseconds; after twice of it they are. */
  readonly windowMs?: number;
}

const SAMPLE_MS = 20;

/**
 * Measures how late a timer fires: a command waits as long before it is handled. Node's own `monitorEventLoopDelay` loses
 * the sample during which it is reset, which is the one after a long block.
 */
export class LoopDelay {
  /** In microseconds: of the window before, and of the one under way. */
  #before = createHistogram();
  #current = createHistogram();
  readonly #both = createHistogram();
  #windowEndsAt = 0;
  readonly #windowMs: number;
  readonly #onSample: (seconds: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #sampledAt = 0;

  constructor({ onSample = () => {}, windowMs = 60_000 }: LoopDelayOptions = {}) {
    this.#onSample = onSample;
    this.#windowMs = windowMs;
  }

  start(): void {
    this.#sampledAt = performance.now();
    this.#windowEndsAt = this.#sampledAt + this.#windowMs;
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Returns the delays of the last one to two windows, including a block that has just ended; zeros before the first sample. */
  recent(): LoopDelayReading {
    if (this.#timer && performance.now() - this.#sampledAt > SAMPLE_MS) this.#sample();
    const both = this.#both;
    both.reset();
    both.add(this.#before);
    both.add(this.#current);
    return both.count === 0 ? { p99: 0, max: 0 } : { p99: inMs(both.percentile(99)), max: inMs(both.max) };
  }

  #sample(): void {
    const now = performance.now();
    const late = now - this.#sampledAt - SAMPLE_MS;
    this.#sampledAt = now;
    if (now >= this.#windowEndsAt) {
      [this.#before, this.#current] = [this.#current, this.#before];
      this.#current.reset();
      this.#windowEndsAt = now + this.#windowMs;
    }
    this.#current.record(Math.max(1, Math.round(late * 1000)));
    this.#onSample(Math.max(0, late) / 1000);
  }
}

/** Rounds to one decimal, the precision of a timer. */
function inMs(microseconds: number): number {
  return Math.round(microseconds / 100) / 10;
}
