import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type Backoff, backoff, jittered } from "../../time/backoff.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { HistorianBackend, Sample } from "../contract.ts";
import type { HistorianError } from "../errors.ts";
import type { Loss } from "../record/losses.ts";
import { type Batch, BatchPlanner } from "./batch-planner.ts";
import { type DeliveryCounters, DeliveryReports } from "./delivery-reports.ts";
import { recordsOf } from "./sample-record.ts";
import { Spool, type SpoolQueue } from "./spool.ts";
import { LateError, timedCall } from "./timed-call.ts";

export interface DeliveryOptions {
  readonly backend: HistorianBackend;
  /** Closed by the owner, after {@link Delivery.stop}. */
  readonly queue: SpoolQueue;
  readonly settings: DeliverySettings;
  readonly log: Log;
  readonly onNotice: (notice: Notice) => void;
  readonly clock?: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
}

export type DeliverySettings = Pick<
  HistorianSettings,
  | "submitSizeLimit"
  | "maxTimePublishingSeconds"
  | "retryPeriodSeconds"
  | "cacheOnlyEnabled"
  | "messagePublishCount"
  | "gatherTimingData"
>;

/** Twice as much is kept in memory. */
const LARGEST_BATCH = 20_000;
/** How long samples wait for others to share their transaction. */
const GATHER_MS = 1000;
/** With {@link LONGEST_CALL_SECONDS} the longest makes the 30 s within which a store that is back is noticed; VOLTTRON waits 300 s. */
const RETRY_MS: Backoff = { first: 1000, longest: 20_000 };
/** Where only a person can help. */
const GIVE_UP_RETRY_MS = 30_000;
const LONGEST_CALL_SECONDS = 10;
const STOP_MS = 5000;

/**
 * Takes samples onto disk and brings them to the store in batches, oldest first, until they are there. What the store never takes
 * becomes a dead letter; nothing else leaves the disk before the store has confirmed it.
 */
export class Delivery {
  readonly #backend: HistorianBackend;
  readonly #settings: DeliverySettings;
  readonly #batchSize: number;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #spool: Spool;
  readonly #planner: BatchPlanner;
  readonly #reports: DeliveryReports;
  readonly #ended = new AbortController();
  #stopping = false;
  #running: Promise<void> | undefined;
  /** Grows with what may have come into the spool; `#seen` of it was read. */
  #news = 1;
  #seen = 0;
  /** Samples accepted since the loop was last told to look. */
  #gathered = 0;
  #cancelGathering: (() => void) | undefined;
  #due = false;
  #wake: () => void = () => {};

  constructor(options: DeliveryOptions) {
    const { backend, queue, settings, log, onNotice, clock = systemClock, random = Math.random } = options;
    this.#backend = backend;
    this.#settings = settings;
    this.#log = log;
    this.#clock = clock;
    this.#random = random;
    this.#spool = new Spool(queue);
    this.#batchSize = Math.min(settings.submitSizeLimit, LARGEST_BATCH);
    this.#planner = new BatchPlanner(this.#batchSize);
    this.#reports = new DeliveryReports({ settings, log, onNotice, clock });
  }

  /** Begins with what waits from before. With `cache_only_enabled` everything stays on disk. */
  start(): void {
    if (this.#settings.cacheOnlyEnabled) {
      this.#log.info("cache_only_enabled: history is collected on disk and not stored yet");
      return;
    }
    this.#running ??= this.#run();
  }

  /**
   * Accepts samples under one key (a device path, a topic). Resolves once they are on disk: true; false where there was no room on
   * disk nor in memory, so that they were dropped and counted. `saidAt`: when they were said, where their own time is another.
   */
  async accept(samples: Iterable<Sample>, key: string, saidAt?: Date): Promise<boolean> {
    const records = recordsOf(samples, key, saidAt);
    if (records.length === 0) return true;
    const accepted = await this.#spool.append(records);
    this.#news += 1;
    for (const { samples: count } of records) this.#gathered += count;
    if (this.#gathered >= this.#batchSize) this.#lookNow();
    else this.#lookSoon();
    return accepted;
  }

  /** Records may have come into the spool some other way. */
  look(): void {
    this.#news += 1;
    this.#lookSoon();
  }

  /** Brings what waits to the store, for 5 s at most and as long as it takes it; the rest stays on disk. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#lookNow();
    const cancel = this.#clock.after(STOP_MS, () => this.#ended.abort());
    // A disk that takes nothing does not hold up the end.
    await Promise.race([this.#running, aborted(this.#ended.signal)]);
    cancel();
    this.#cancelGathering?.();
    this.#ended.abort();
  }

  /** Samples that became dead letters since it was asked last, as one range of time. */
  takeSetAside(): Loss[] {
    return this.#reports.takeSetAside();
  }

  get counters(): DeliveryCounters {
    return this.#reports.counters(this.#spool.counters);
  }

  async #run(): Promise<void> {
    await this.#attempt(undefined);
    for (let failures = 0; !this.#ended.signal.aborted; ) {
      await this.#fill();
      const batch = this.#planner.next();
      if (!batch) {
        if (this.#stopping) break;
        await this.#idle();
        continue;
      }
      // What comes next is read while this is stored.
      const [failure] = await Promise.all([this.#attempt(batch), this.#fill()]);
      if (!failure) failures = 0;
      else if (failure.kind === "reject") continue;
      else if (this.#stopping) break;
      else await this.#pause(++failures, failure);
    }
    await Promise.race([this.#spool.flush(), aborted(this.#ended.signal)]).catch((error: unknown) =>
      this.#log.error("what was stored could not be noted in the spool", { err: error }),
    );
  }

  /** Stores one batch, or, without one, makes the store ready so that a fault shows at once. Answers with what went wrong. */
  async #attempt(batch: Batch | undefined): Promise<HistorianError | undefined> {
    const seconds = Math.min(this.#settings.maxTimePublishingSeconds, LONGEST_CALL_SECONDS);
    const samples = batch?.items.map(({ sample }) => sample) ?? [];
    const begun = performance.now();
    try {
      const call = { clock: this.#clock, seconds, signal: this.#ended.signal };
      await timedCall(call, (signal) =>
        batch ? this.#backend.write(samples, signal) : this.#backend.open(signal),
      );
    } catch (error) {
      return await this.#failed(batch, error as HistorianError);
    }
    if (!batch) return undefined;
    await this.#note(this.#planner.stored(batch));
    this.#reports.stored(samples.length, performance.now() - begun, this.#spool.counters.waiting);
    return undefined;
  }

  async #failed(batch: Batch | undefined, failure: HistorianError): Promise<HistorianError> {
    if (this.#ended.signal.aborted) return failure;
    if (batch && failure.kind === "reject") {
      await this.#note(this.#planner.refused(batch, failure.rejected, failure.message));
      return failure;
    }
    this.#reports.failed(failure);
    if (batch) failure instanceof LateError ? this.#planner.late(batch) : this.#planner.failed(batch);
    return failure;
  }

  async #note(outcome: ReturnType<BatchPlanner["stored"]>): Promise<void> {
    for (const { item, detail } of outcome.dead) this.#reports.setAside(item.sample, detail);
    await this.#spool
      .note(outcome)
      .catch((error: unknown) =>
        this.#log.error("what was stored could not be noted in the spool", { err: error }),
      );
  }

  /** Reads on until two batches are in hand. */
  async #fill(): Promise<void> {
    while (this.#seen < this.#news && this.#planner.fresh < 2 * this.#batchSize) {
      const news = this.#news;
      try {
        const items = await this.#spool.read();
        if (items) this.#planner.add(items);
        else this.#seen = news;
      } catch (error) {
        this.#log.error("the spool cannot be read; trying again soon", { err: error });
        return this.#lookSoon();
      }
    }
  }

  /** Ends when there may be something to do. */
  async #idle(): Promise<void> {
    if (!this.#due) await this.#woken();
    this.#due = false;
  }

  async #pause(failures: number, { kind }: HistorianError): Promise<void> {
    const delay = Math.min(
      kind === "give_up" ? GIVE_UP_RETRY_MS : backoff(RETRY_MS, failures),
      this.#settings.retryPeriodSeconds * 1000,
    );
    let over = false;
    const cancel = this.#clock.after(jittered(delay, this.#random), () => {
      over = true;
      this.#wake();
    });
    while (!over && !this.#stopping) await this.#woken();
    cancel();
  }

  #lookSoon(): void {
    this.#cancelGathering ??= this.#clock.after(GATHER_MS, () => this.#lookNow());
  }

  #lookNow(): void {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    this.#gathered = 0;
    this.#due = true;
    this.#wake();
  }

  #woken(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}
