import type { QueueCounters, QueueNotice } from "./contract.ts";
import type { Evicted } from "./messages.ts";

/** Minimum time between reports of dropped records, in milliseconds. */
const REPORT_MS = 60_000;
/** Share of the reported level below which it can be reported again. */
const REARM_SHARE = 0.9;

/** Reports a queue that fills up, and the values dropped because it was full. */
export class LimitWatch {
  readonly #what: string;
  readonly #limitBytes: number;
  readonly #reportShare: number;
  readonly #now: () => number;
  readonly #notify: (notice: QueueNotice) => void;
  #reported = false;
  #evicted: Evicted | undefined;
  /** Values dropped because of the limit, and how many of them were reported. */
  #dropped: number;
  #reportedValues: number;
  #reportedAt = Number.NEGATIVE_INFINITY;

  constructor(
    what: string,
    limitBytes: number,
    reportShare: number,
    now: () => number,
    notify: (notice: QueueNotice) => void,
    opened: QueueCounters,
  ) {
    this.#what = what;
    this.#limitBytes = limitBytes;
    this.#reportShare = reportShare;
    this.#now = now;
    this.#notify = notify;
    this.#dropped = opened.dropped.limit ?? 0;
    this.#reportedValues = this.#dropped;
  }

  /** Called after every change. */
  update({ bytes, dropped }: QueueCounters, evicted: Evicted | undefined): void {
    this.#dropped = dropped.limit ?? 0;
    const share = bytes / this.#limitBytes;
    if (share < this.#reportShare * REARM_SHARE) this.#reported = false;
    else if (share >= this.#reportShare && !this.#reported) {
      this.#reported = true;
      this.#notify({
        severity: "warning",
        kind: "queue_filling",
        text: `${this.#what} uses ${Math.floor(share * 100)} % of its limit of ${this.#limitBytes} bytes; when it is full, the oldest values are dropped`,
      });
    }
    if (evicted) this.#evicted = mergeEvicted(this.#evicted, evicted);
    if (this.#now() - this.#reportedAt >= REPORT_MS) this.report();
  }

  /** Reports what was dropped since the last report, minus what was delivered nevertheless. */
  report(): void {
    const samples = this.#dropped - this.#reportedValues;
    if (!this.#evicted || samples <= 0) return;
    const { from, to } = this.#evicted;
    this.#evicted = undefined;
    this.#reportedValues = this.#dropped;
    this.#reportedAt = this.#now();
    this.#notify({
      severity: "error",
      kind: "queue_full",
      text: `${this.#what} is full (limit ${this.#limitBytes} bytes): ${samples} values from ${iso(from)} to ${iso(to)} were dropped, the oldest first; values already being delivered may still arrive and are then no longer counted as dropped`,
    });
  }
}

export function mergeEvicted(one: Evicted | undefined, other: Evicted | undefined): Evicted | undefined {
  if (!one || !other) return one ?? other;
  return {
    from: Math.min(one.from, other.from),
    to: Math.max(one.to, other.to),
  };
}

/** Formats a time; falls back to the raw number when it is out of range. */
function iso(time: number): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? `${time} ms` : date.toISOString();
}
