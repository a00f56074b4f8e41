import { createHistogram } from "node:perf_hooks";

/** Delays of the event loop, in milliseconds. */
export interface LoopDelayReading {
  readonly p99: number;
  readonly max: number;
}

const SAMPLE_MS = 20;

/**
 * Measures how late a timer fires: a command waits as long before it is handled. Node's own `monitorEventLoopDelay` loses
 * the sample during which it is reset, which is the one after a long block.
 */
export class LoopDelay {
  /** In microseconds. */
  readonly #histogram = createHistogram();
  readonly #onSample: (seconds: number) => void;
  #timer: NodeJS.Timeout | undefined;
  #sampledAt = 0;

  /** `onSample` is called with each delay, fifty times a second. */
  constructor(onSample: (seconds: number) => void = () => {}) {
    this.#onSample = onSample;
  }

  start(): void {
    this.#sampledAt = performance.now();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Returns the delays since the last call, including a block that has just ended; zeros before the first sample. */
  take(): LoopDelayReading {
    if (this.#timer && performance.now() - this.#sampledAt > SAMPLE_MS) this.#sample();
    const { count, max } = this.#histogram;
    const reading =
      count === 0 ? { p99: 0, max: 0 } : { p99: inMs(this.#histogram.percentile(99)), max: inMs(max) };
    this.#histogram.reset();
    return reading;
  }

  #sample(): void {
    const now = performance.now();
    const late = now - this.#sampledAt - SAMPLE_MS;
    this.#sampledAt = now;
    this.#histogram.record(Math.max(1, Math.round(late * 1000)));
    this.#onSample(Math.max(0, late) / 1000);
  }
}

/** Rounds to one decimal, the precision of a timer. */
function inMs(microseconds: number): number {
  return Math.round(microseconds / 100) / 10;
}
