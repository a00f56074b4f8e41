import type { Clock } from "../../time/clock.ts";

interface Bucket {
  tokens: number;
  /** When they were counted, by the monotonic clock. */
  at: number;
}

/** Of what may be sent at once, this share is kept for reverts. */
const RESERVED = 0.25;

/**
 * How often devices may be written to. In no minute more than `perMinute` writes go to a device: half of them may go at
 * once, the others as the minute passes. The last quarter of what may go at once is for reverts, which free what a storm
 * of set points has left behind.
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

  /** Milliseconds until a write may go to the device; `urgent`: the reserve may be used too. */
  waitMs(device: string, urgent: boolean): number {
    const reserve = urgent || this.#capacity === 1 ? 0 : Math.ceil(this.#capacity * RESERVED);
    const missing = 1 + reserve - this.#tokens(device);
    return missing <= 0 ? 0 : Math.ceil(missing / this.#perMs);
  }

  /** A write goes out. One that could not wait (a lease, a heartbeat) leaves nothing below zero. */
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
