import type { QueueCounters, QueueNotice } from "./contract.ts";
import type { Evicted } from "./messages.ts";

/** While records go, it is told no more often. */
const REPORT_MS = 60_000;
/** Below so much of what was reported, it may be reported again. */
const CALM = 0.9;

/** Tells of a queue that fills up, and of what went because it was full. */
export class LimitWatch {
  readonly #what: string;
  readonly #limitBytes: number;
  readonly #reportShare: number;
  readonly #now: () => number;
  readonly #tell: (notice: QueueNotice) => void;
  #reported = false;
  #gone: Evicted | undefined;
  /** Values dropped for want of room, and how many of them were told. */
  #dropped: number;
  #told: number;
  #toldAt = Number.NEGATIVE_INFINITY;

  constructor(
    what: string,
    limitBytes: number,
    reportShare: number,
    now: () => number,
    tell: (notice: QueueNotice) => void,
    opened: QueueCounters,
  ) {
    this.#what = what;
    this.#limitBytes = limitBytes;
    this.#reportShare = reportShare;
    this.#now = now;
    this.#tell = tell;
    this.#dropped = opened.dropped.limit ?? 0;
    this.#told = this.#dropped;
  }

  /** After every change. */
  saw({ bytes, dropped }: QueueCounters, evicted: Evicted | undefined): void {
    this.#dropped = dropped.limit ?? 0;
    const share = bytes / this.#limitBytes;
    if (share < this.#reportShare * CALM) this.#reported = false;
    else if (share >= this.#reportShare && !this.#reported) {
      this.#reported = true;
      this.#tell({
        severity: "warning",
        kind: "queue_filling",
        text: `${this.#what} uses ${Math.floor(share * 100)} % of its limit of ${this.#limitBytes} bytes; when it is full, the oldest values go`,
      });
    }
    if (evicted) this.#gone = together(this.#gone, evicted);
    if (this.#now() - this.#toldAt >= REPORT_MS) this.report();
  }

  /** Tells what went since it was told last, less what was delivered after it went. */
  report(): void {
    const samples = this.#dropped - this.#told;
    if (!this.#gone || samples <= 0) return;
    const { from, to } = this.#gone;
    this.#gone = undefined;
    this.#told = this.#dropped;
    this.#toldAt = this.#now();
    this.#tell({
      severity: "error",
      kind: "queue_full",
      text: `${this.#what} is full (limit ${this.#limitBytes} bytes): ${samples} values from ${iso(from)} to ${iso(to)} were dropped, the oldest first; those on their way to the sink are still delivered, and are then no longer counted as dropped`,
    });
  }
}

export function together(one: Evicted | undefined, other: Evicted | undefined): Evicted | undefined {
  if (!one || !other) return one ?? other;
  return {
    from: Math.min(one.from, other.from),
    to: Math.max(one.to, other.to),
  };
}

/** Text of a time, also of one that no calendar has. */
function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}
