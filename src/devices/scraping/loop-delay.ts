import { createHistogram } from "node:perf_hooks";

/** How long others had to wait for the event loop, milliseconds. */
export interface LoopDelayReading {
  readonly p99: number;
  readonly max: number;
}

const SAMPLE_MS = 20;

/**
 * Watches how late a timer comes: as long waits a command before anything is done about it. Node's own
 * `monitorEventLoopDelay` loses the sample during which it is reset, and that is the one after a long block.
 */
export class LoopDelay {
  /** In microseconds. */
  readonly #histogram = createHistogram();
  #timer: NodeJS.Timeout | undefined;
  #sampledAt = 0;

  start(): void {
    this.#sampledAt = performance.now();
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Since it was asked last, a block that has just ended included. Zeros before the first sample. */
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
  }
}

/** One decimal is as much as a timer can tell. */
function inMs(microseconds: number): number {
  return Math.round(microseconds / 100) / 10;
}
