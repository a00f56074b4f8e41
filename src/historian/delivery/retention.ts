import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
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

const GIGABYTE = 1024 ** 3;
const FIRST_LOOK_MS = 10_000;
const LOOK_MS = 60_000;
/** Between the steps of about a second each, so that storing keeps half of the store's time at least. */
const REST_MS = 1000;
const CALL_SECONDS = 30;
/** Values of so many times the wait, at most, show that the clock is right. */
const PROOF_WAITS = 5;
/** How often it is said again that removing by age is held back. */
const TELL_AGAIN = DAY;
/** Of the time that the store covers, the least that one step by size removes. */
const SMALLEST_SLICE = 0.01;
/** The most of it while the clock may be wrong. */
const UNSURE_SLICE = DAY;

/** Of time as in a sample, both ends included. */
interface Span {
  readonly from: number;
  readonly to: number;
}

/**
 * Removes the oldest from the store: what is older than `history_limit_days`, and while the store is larger than
 * `storage_limit_gb`. It touches only what is in the store; what waits to be stored is stored first, and is removed in its turn.
 *
 * A clock that is wrongly ahead makes everything look too old. So nothing goes by age unless values from before the last
 * `history_limit_wait_days`, and not from long before, show that the clock has been where it is for so long.
 */
export class RetentionKeeper {
  readonly #options: RetentionOptions;
  readonly #clock: Clock;
  readonly #ended = new AbortController();
  #cancel: (() => void) | undefined;
  #step: Promise<void> = Promise.resolve();
  #removed = 0;
  #failing = false;
  /** When it was said that removing by age is held back; undefined where it is not. */
  #toldAt: number | undefined;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  /** Says so where the store cannot remove anything. Without limits it does nothing. */
  start(): void {
    const { backend, settings } = this.#options;
    const { historyLimitDays, storageLimitGb } = settings;
    if (historyLimitDays === undefined && storageLimitGb === undefined) return;
    const { retention } = backend;
    if (retention) this.#after(FIRST_LOOK_MS, retention);
    else
      this.#tell(
        "retention_unsupported",
        `historian.history_limit_days and storage_limit_gb have no effect: the store (${settings.backend}) removes nothing by request; limit it at the store itself`,
      );
  }

  /** Ends the step under way. */
  async stop(): Promise<void> {
    this.#ended.abort();
    this.#cancel?.();
    await this.#step;
  }

  #after(ms: number, retention: Retention): void {
    if (this.#ended.signal.aborted) return;
    this.#cancel = this.#clock.after(ms, () => {
      this.#step = this.#removeSome(retention).then((more) =>
        this.#after(more ? REST_MS : LOOK_MS, retention),
      );
    });
  }

  /** One step. Answers whether there may be more to remove. */
  async #removeSome(retention: Retention): Promise<boolean> {
    try {
      const before = (await this.#tooOld(retention)) ?? (await this.#tooMuch(retention));
      const removed =
        before === undefined ? 0 : await this.#call((signal) => retention.removeBefore(before, signal));
      this.#failing = false;
      this.#removed += removed;
      if (removed > 0) return true;
      if (this.#removed > 0) this.#options.log.info(`${this.#removed} old values were removed`);
      this.#removed = 0;
    } catch (error) {
      if (!this.#failing && !this.#ended.signal.aborted)
        this.#tell("retention_failing", `old values cannot be removed now: ${(error as Error).message}`);
      this.#failing = true;
    }
    return false;
  }

  /** The time before which everything is too old, where there is such. */
  async #tooOld(retention: Retention): Promise<number | undefined> {
    const days = this.#options.settings.historyLimitDays;
    if (days === undefined) return undefined;
    const now = timeOf(new Date(this.#clock.now()));
    const before = Math.floor(now - days * DAY);
    const oldest = await this.#call((signal) => retention.oldest(signal));
    const isDue = oldest !== undefined && oldest < before;
    const proof = this.#proof(now, days * DAY);
    if (isDue && !(await this.#isThere(proof, retention))) {
      this.#hold(`${formatTime(oldest)} to ${formatTime(before)}`, now, proof);
      return undefined;
    }
    this.#toldAt = undefined;
    return isDue ? before : undefined;
  }

  /** The time of which a value shows that the clock has not jumped ahead lately: it has been where it is since then. */
  #proof(now: number, limit: number): Span {
    const wait = Math.min(this.#options.settings.historyLimitWaitDays * DAY, limit / 2);
    return { from: Math.floor(now - Math.min(PROOF_WAITS * wait, limit)), to: Math.ceil(now - wait) };
  }

  /** Without a wait there is nothing to prove. */
  async #isThere({ from, to }: Span, retention: Retention): Promise<boolean> {
    if (this.#options.settings.historyLimitWaitDays === 0) return true;
    const first = await this.#call((signal) => retention.oldest(signal, from));
    return first !== undefined && first <= to;
  }

  #hold(tooOld: string, now: number, { from, to }: Span): void {
    if (this.#toldAt !== undefined && Math.abs(now - this.#toldAt) < TELL_AGAIN) return;
    this.#toldAt = now;
    this.#tell(
      "retention_held",
      `nothing is removed by age for now: by this machine's clock (${formatTime(now)}) values from ${tooOld} are too old, but the store has none from ${formatTime(from)} to ${formatTime(to)}, which would show that the clock is right; if it is wrong, set it (NTP); if it is right, wait until such are there, or set historian.history_limit_wait_days to 0 and start again`,
    );
  }

  /** The time before which a share of everything lies, about as large as what is too much. */
  async #tooMuch(retention: Retention): Promise<number | undefined> {
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
      slice > UNSURE_SLICE && !(await this.#isThere(this.#proof(now, Number.POSITIVE_INFINITY), retention));
    return oldest + (isUnsure ? UNSURE_SLICE : slice);
  }

  async #call<T>(call: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return await timedCall({ clock: this.#clock, seconds: CALL_SECONDS, signal: this.#ended.signal }, call);
  }

  #tell(kind: string, text: string): void {
    this.#options.log.warn(text, { kind });
    this.#options.onNotice({ severity: "warning", kind, text, at: new Date(this.#clock.now()) });
  }
}
