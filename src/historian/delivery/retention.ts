import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import { type Log, messageOf } from "../../log/log.ts";
import { Outages } from "../../log/outages.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { HistorianBackend, Retention } from "../contract.ts";
import { DAY, formatTime, timeOf } from "../time.ts";
import { timedCall } from "./index.ts";

export interface RetentionOptions {
  readonly backend: HistorianBackend;
  readonly settings: Pick<
    HistorianSettings,
    "backend" | "historyLimitDays" | "historyLimitWaitDays" | "storageLimitGb"
  >;
  readonly log: Log;
  readonly onNotice: (notice: Notice) => void;
  readonly clock?: Clock;
}

const REMOVAL = "removal of old values";
const GIGABYTE = 1024 ** 3;
const FIRST_CHECK_MS = 10_000;
const CHECK_MS = 60_000;
/** Pause between steps of about a second, so that at least half of the store's time remains for writing, in milliseconds. */
const REST_MS = 1000;
const CALL_SECONDS = 30;
/** Maximum age, in multiples of the wait, of values that prove the clock right. */
const PROOF_WAITS = 5;
/** Interval of the repeated notice that removal by age is suspended. */
const REPORT_INTERVAL = DAY;
/** Minimum share of the stored time range that one step by size removes. */
const SMALLEST_SLICE = 0.01;
/** Maximum time range that one step by size removes while the clock is unproven. */
const UNSURE_SLICE = DAY;

/** A time range, both ends included, with times as in a sample. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Removes the oldest samples from the store: those older than `history_limit_days`, and more while the store is larger than
 * `storage_limit_gb`. It affects only what is in the store; waiting samples are stored first and removed later.
 *
 * A clock that is wrongly ahead makes everything look too old. Nothing is therefore removed by age unless recent values, at least
 * `history_limit_wait_days` old, prove that the clock has been right for that long.
 */
export class RetentionKeeper {
  readonly #options: RetentionOptions;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #cancel: (() => void) | undefined;
  #step: Promise<void> = Promise.resolve();
  #removed = 0;
  readonly #outages: Outages;
  /** When the suspension of removal by age was last reported; undefined while it is not suspended. */
  #reportedAt: number | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#outages = new Outages({ ...options, notify: options.onNotice });
  }

  /** Starts removal; reports a store that cannot remove anything. Does nothing without limits. */
  start(): void {
    const { backend, settings } = this.#options;
    const { historyLimitDays, storageLimitGb } = settings;
    if (historyLimitDays === undefined && storageLimitGb === undefined) return;
    const { retention } = backend;
    if (retention) this.#after(FIRST_CHECK_MS, retention);
    else
      this.#report(
        "retention_unsupported",
        `historian.history_limit_days and storage_limit_gb have no effect: the ${settings.backend} store does not support removal; set a retention limit at the store itself`,
      );
  }

  /** Aborts the current step. */
  async stop(): Promise<void> {
    this.#ended.abort();
    this.#cancel?.();
    await this.#step;
    this.#outages.stop();
  }

  #after(ms: number, retention: Retention): void {
    if (this.#ended.signal.aborted) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#step = this.#removeSome(retention).then((more) =>
        this.#after(more ? REST_MS : CHECK_MS, retention),
      );
    });
  }

  /** Performs one step. Returns whether there may be more to remove. */
  async #removeSome(retention: Retention): Promise<boolean> {
    try {
      const removed =
        (await this.#removeBefore(await this.#ageBound(retention), retention)) ||
        (await this.#removeBySize(retention));
      this.#outages.ended(REMOVAL, { text: "old values can be removed again" });
      this.#removed += removed;
      if (removed > 0) return true;
      if (this.#removed > 0) this.#options.log.info(`${this.#removed} old values were removed`);
      this.#removed = 0;
    } catch (error) {
      if (!this.#ended.signal.aborted)
        this.#outages.failed({
          ...{ key: REMOVAL, kind: "retention_failing", cause: messageOf(error) },
          text: "old values cannot be removed now",
          next: "trying again every minute",
        });
    }
    return false;
  }

  async #removeBefore(before: number | undefined, retention: Retention): Promise<number> {
    return before === undefined ? 0 : await this.#call((signal) => retention.removeBefore(before, signal));
  }

  async #removeBySize(retention: Retention): Promise<number> {
    const before = await this.#sizeBound(retention);
    if (before === undefined) return 0;
    // The oldest may share the file of a day with newer ones.
    return (
      (await this.#removeBefore(before, retention)) || (await this.#removeBefore(before + DAY, retention))
    );
  }

  /** Returns the time before which samples are too old, when there are any. */
  async #ageBound(retention: Retention): Promise<number | undefined> {
    const days = this.#options.settings.historyLimitDays;
    if (days === undefined) return undefined;
    const now = timeOf(new Date(this.#clock.now()));
    const before = Math.floor(now - days * DAY);
    const oldest = await this.#call((signal) => retention.oldest(signal));
    const isDue = oldest !== undefined && oldest < before;
    const proof = this.#proof(now, days * DAY);
    if (isDue && !(await this.#hasValueIn(proof, retention))) {
      this.#reportSuspension(`${formatTime(oldest)} to ${formatTime(before)}`, now, proof);
      return undefined;
    }
    this.#reportedAt = undefined;
    return isDue ? before : undefined;
  }

  /** Returns the time range in which a value proves that the clock has not jumped ahead recently. */
  #proof(now: number, limit: number): Span {
    const wait = Math.min(this.#options.settings.historyLimitWaitDays * DAY, limit / 2);
    return { from: Math.floor(now - Math.min(PROOF_WAITS * wait, limit)), to: Math.ceil(now - wait) };
  }

  /** Returns whether the store has a value in the range; always true when no wait is configured. */
  async #hasValueIn({ from, to }: Span, retention: Retention): Promise<boolean> {
    if (this.#options.settings.historyLimitWaitDays === 0) return true;
    const first = await this.#call((signal) => retention.oldest(signal, from));
    return first !== undefined && first <= to;
  }

  #reportSuspension(tooOld: string, now: number, { from, to }: Span): void {
    if (this.#reportedAt !== undefined && Math.abs(now - this.#reportedAt) < REPORT_INTERVAL) return;
    this.#reportedAt = now;
    this.#report(
      "retention_held",
      `removal by age is suspended: by this machine's clock (${formatTime(now)}) values from ${tooOld} are too old, but the store has none from ${formatTime(from)} to ${formatTime(to)} to prove the clock right; if the clock is wrong, set it (NTP); if it is right, wait until there are such values, or set historian.history_limit_wait_days to 0 and restart`,
    );
  }

  /** Returns the time before which about as much is stored as exceeds the size limit. */
  async #sizeBound(retention: Retention): Promise<number | undefined> {
    const limit = this.#options.settings.storageLimitGb;
    if (limit === undefined) return undefined;
    const size = await this.#call((signal) => retention.size(signal));
    if (size === undefined || size <= limit * GIGABYTE) return undefined;
    const oldest = await this.#call((signal) => retention.oldest(signal));
    if (oldest === undefined) return undefined;
    const share = Math.max(1 - (limit * GIGABYTE) / size, SMALLEST_SLICE);
    const now = timeOf(new Date(this.#clock.now()));
    const slice = Math.max(Math.floor(Math.max(now - oldest, 0) * share), 1);
    const isUnsure =
      slice > UNSURE_SLICE &&
      !(await this.#hasValueIn(this.#proof(now, Number.POSITIVE_INFINITY), retention));
    return oldest + (isUnsure ? UNSURE_SLICE : slice);
  }

  async #call<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await timedCall({ clock: this.#clock, seconds: CALL_SECONDS, signal: this.#ended.signal }, call);
  }

  #report(kind: string, text: string): void {
    this.#options.log.warn(text, { kind });
    this.#options.onNotice({ severity: "warning", kind, text, at: new Date(this.#clock.now()) });
  }
}
