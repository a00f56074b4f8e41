import type { Clock } from "../../time/clock.ts";

interface Bucket {
  tokens: number;
  /** When they were counted, on the monotonic clock. */
  at: number;
}

/** Share of the writes allowed at once that is reserved for reverts. */
const RESERVED = 0.25;

/**
 * Limits how often devices are written to. A device gets at most `perMinute` writes in any minute: half of them may be sent
 * at once, the others as the minute passes. The last quarter of those allowed at once is reserved for reverts, which clear
 * what a burst of set points has left.
 */
export class WritePace {
  readonly #clock: Clock;
  readonly #capacity: number;
  readonly #perMs: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, perMinute: number) {
    this.#clock = clock;
    this.#capacity = Math.max(1, Math.floor(perMinute / 2));
    this.#perMs = (perMinute - this.#capacity) / 60_000 || perMinute / 60_000;
  }

  /** Returns the milliseconds until a write may be sent to the device; `urgent`: it may use the reserve. */
  waitMs(device: string, urgent: boolean): number {
    const reserve = urgent || this.#capacity === 1 ? 0 : Math.ceil(this.#capacity * RESERVED);
    const missing = 1 + reserve - this.#tokens(device);
    return missing <= 0 ? 0 : Math.ceil(missing / this.#perMs);
  }

  /** Counts a write. One that could not wait (a lease, a heartbeat) does not make the count negative. */
  take(device: string): void {
    const tokens = Math.max(0, this.#tokens(device) - 1);
    this.#buckets.set(device, { tokens, at: this.#clock.monotonic() });
  }

  #tokens(device: string): number {
    const bucket = this.#buckets.get(device);
    if (!bucket) return this.#capacity;
    const tokens = Math.min(
      this.#capacity,
      bucket.tokens + (this.#clock.monotonic() - bucket.at) * this.#perMs,
    );
    if (tokens === this.#capacity) this.#buckets.delete(device);
    return tokens;
  }
}
