import type { Notice } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import type { NewRecord } from "../../queue/contract.ts";
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

/** Maximum number of samples in a batch; at most two batches are kept in memory. */
const MAX_BATCH_SAMPLES = 20_000;
/** Time that samples wait for others to share a transaction, in milliseconds. */
const GATHER_MS = 1000;
/** Back-off; with {@link LONGEST_CALL_SECONDS}, a store that is back is used again within 30 s (VOLTTRON waits 300 s). */
const RETRY_MS: Backoff = { first: 1000, longest: 20_000 };
/** Time between attempts after an error that only a person can resolve. */
const GIVE_UP_RETRY_MS = 30_000;
const LONGEST_CALL_SECONDS = 10;
const STOP_MS = 4000;

/**
 * Commits samples to disk and delivers them to the store in batches, oldest first, until the store has confirmed them. Samples that
 * the store can never keep become dead letters; nothing else leaves the disk unconfirmed.
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
  /** Incremented when the spool may have new records. */
  #news = 1;
  /** Value of `#news` up to which the spool was read. */
  #seen = 0;
  /** Samples accepted since the loop was last woken. */
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
    this.#spool = new Spool(queue, (sample, why) => this.#reports.setAside(sample, why));
    this.#batchSize = Math.min(settings.submitSizeLimit, MAX_BATCH_SAMPLES);
    this.#planner = new BatchPlanner(this.#batchSize);
    this.#reports = new DeliveryReports({ settings, log, onNotice, clock });
  }

  /** Starts delivery with what the spool holds. With `cache_only_enabled` everything stays on disk. */
  start(): void {
    if (this.#settings.cacheOnlyEnabled) {
      this.#log.info(
        "historian.cache_only_enabled is set: history is kept on disk and not delivered to the store",
      );
      return;
    }
    this.#running ??= this.#run();
  }

  /**
   * Accepts samples under one key (a device path, a topic). Resolves with true once they are on disk, with false when there was no
   * space on disk or in memory and they were dropped and counted. `observedAt`: time of the observation, where it differs from the
   * samples' own time.
   */
  async accept(samples: Iterable<Sample>, key: string, observedAt?: Date): Promise<boolean> {
    return await this.append(recordsOf(samples, key, observedAt));
  }

  /** Accepts records of {@link recordsOf}, as {@link accept}. */
  async append(records: readonly NewRecord[]): Promise<boolean> {
    if (records.length === 0) return true;
    const accepted = await this.#spool.append(records);
    this.#news += 1;
    for (const { samples: count } of records) this.#gathered += count;
    if (this.#gathered >= this.#batchSize) this.#wakeNow();
    else this.#wakeSoon();
    return accepted;
  }

  /** Called when the spool may have records that were not appended here. */
  checkSpool(): void {
    this.#news += 1;
    this.#wakeSoon();
  }

  /** Delivers waiting samples for at most 4 s while the store accepts them; the rest stays on disk. */
  async stop(): Promise<void> {
    this.#stopping = true;
    this.#wakeNow();
    const cancel = this.#clock.after(STOP_MS, () => this.#ended.abort());
    // A disk that does not respond must not delay the stop.
    await Promise.race([this.#running, aborted(this.#ended.signal)]);
    cancel();
    this.#cancelGathering?.();
    this.#ended.abort();
    this.#reports.stop();
  }

  /** Returns the samples that became dead letters since the previous call, as one range of time. */
  takeDeadLetters(): Loss[] {
    return this.#reports.takeDeadLetters();
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
      // The next samples are read while this batch is stored.
      const [failure] = await Promise.all([this.#attempt(batch), this.#fill()]);
      if (!failure) failures = 0;
      else if (failure.kind === "reject") continue;
      else if (this.#stopping) break;
      else await this.#pause(++failures, failure);
    }
    await Promise.race([this.#spool.flush(), aborted(this.#ended.signal)]).catch((error: unknown) =>
      this.#log.error("delivered history could not be removed from the spool", { err: error }),
    );
  }

  /** Stores one batch, or without one opens the store so that a fault is reported at once. Returns the failure, if any. */
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
      await this.#note(this.#planner.rejected(batch, failure.rejected, failure.message));
      return failure;
    }
    this.#reports.failed(failure);
    if (batch) failure instanceof LateError ? this.#planner.timedOut(batch) : this.#planner.failed(batch);
    return failure;
  }

  async #note(outcome: ReturnType<BatchPlanner["stored"]>): Promise<void> {
    for (const { item, detail } of outcome.dead) this.#reports.deadLettered(item.sample, detail);
    await this.#spool.note(outcome).then(
      () => this.#reports.spoolWorks("removal"),
      (error: unknown) => this.#reports.spoolFailed("removal", error),
    );
  }

  /** Reads from the spool until two batches are in memory. */
  async #fill(): Promise<void> {
    while (this.#seen < this.#news && this.#planner.untried < 2 * this.#batchSize) {
      const news = this.#news;
      try {
        const items = await this.#spool.read();
        this.#reports.spoolWorks("read");
        if (items) this.#planner.addItems(items);
        else this.#seen = news;
      } catch (error) {
        this.#reports.spoolFailed("read", error);
        return this.#wakeSoon();
      }
    }
  }

  /** Waits until there may be something to deliver. */
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

  #wakeSoon(): void {
    this.#cancelGathering ??= this.#clock.after(GATHER_MS, () => this.#wakeNow());
  }

  #wakeNow(): void {
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
