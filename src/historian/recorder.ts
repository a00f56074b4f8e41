import type { Bus, Notice } from "../bus.ts";
import type { HistorianSettings } from "../config/settings.ts";
import type { Log } from "../log.ts";
import type { HistorianBackend, Sample } from "./contract.ts";
import { HistorianError } from "./errors.ts";
import { RecorderReports } from "./recorder-reports.ts";
import { SampleBuffer } from "./sample-buffer.ts";
import { scrapeSamples, WriteAudit } from "./samples.ts";

/** Samples since the start. Always: accepted = written + waiting + dropped + rejected. */
export interface RecorderCounters {
  readonly accepted: number;
  readonly written: number;
  readonly waiting: number;
  /** Lost because too many waited or because the bridge stopped. */
  readonly dropped: number;
  /** Refused by the store for ever. */
  readonly rejected: number;
}

export interface Clock {
  now(): Date;
  /** Calls once after so many milliseconds; the returned function prevents it. */
  after(milliseconds: number, run: () => void): () => void;
}

export interface RecorderOptions {
  readonly bus: Bus;
  readonly backend: HistorianBackend;
  readonly settings: HistorianSettings;
  readonly log: Log;
  readonly clock?: Clock;
  /** 0 to 1, for the jitter of retries. */
  readonly random?: () => number;
  /** Most samples that wait in memory. */
  readonly bufferLimit?: number;
}

const BUFFER_LIMIT = 200_000;
/** How long samples wait for others to share their transaction. */
const GATHER_MS = 1000;
const FIRST_RETRY_MS = 1000;
/** VOLTTRON tries again after 300 s; this is soon enough for everybody. */
const LONGEST_RETRY_MS = 30_000;
const STOP_MS = 5000;

const SYSTEM_CLOCK: Clock = {
  now: () => new Date(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};

/** Takes scrapes and writes from the bus and brings them to the store in batches, until they are there. */
export class Recorder {
  readonly #backend: HistorianBackend;
  readonly #bus: Bus;
  readonly #settings: HistorianSettings;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #buffer: SampleBuffer;
  readonly #audit = new WriteAudit();
  readonly #reports = new RecorderReports((...notice) => this.#tell(...notice));
  readonly #ended = new AbortController();
  #subscriptions: (() => void)[] = [];
  #batch: Sample[] = [];
  #draining: Promise<void> | undefined;
  #cancelGathering: (() => void) | undefined;
  #stopping = false;
  #wake = (): void => {};
  #counts = { accepted: 0, written: 0, dropped: 0, rejected: 0 };

  constructor(options: RecorderOptions) {
    this.#bus = options.bus;
    this.#backend = options.backend;
    this.#settings = options.settings;
    this.#log = options.log.part("historian");
    this.#clock = options.clock ?? SYSTEM_CLOCK;
    this.#random = options.random ?? Math.random;
    this.#buffer = new SampleBuffer(options.bufferLimit ?? BUFFER_LIMIT);
  }

  /** Subscribes, and opens the store so that a fault shows at once. With `readonly` settings it records nothing. */
  start(): void {
    if (this.#settings.readonly) return;
    if (this.#settings.captureDeviceData)
      this.#subscriptions.push(this.#bus.on("scrape", (scrape) => this.#accept(scrapeSamples(scrape))));
    this.#subscriptions.push(this.#bus.on("write", (write) => this.#accept([this.#audit.sample(write)])));
    void this.#open();
  }

  /** Unsubscribes and writes what waits. Takes at most 5 s; what is not stored by then is counted as dropped. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#stopping = true;
    this.#cancelGathering?.();
    this.#wake();
    const cancel = this.#clock.after(STOP_MS, () => this.#ended.abort());
    await this.#drain();
    cancel();
    this.#ended.abort();
    const left = [...this.#batch.splice(0), ...this.#buffer.take(this.#buffer.length)];
    this.#counts.dropped += left.length;
    this.#reports.lost(left);
    this.#reports.allLost();
  }

  get counters(): RecorderCounters {
    return { ...this.#counts, waiting: this.#batch.length + this.#buffer.length };
  }

  async #open(): Promise<void> {
    const failure = await this.#attempt((signal) => this.#backend.open(signal));
    if (failure && !this.#ended.signal.aborted) this.#reports.failed(failure);
  }

  #accept(samples: readonly Sample[]): void {
    this.#counts.accepted += samples.length;
    const dropped = this.#buffer.push(samples);
    this.#counts.dropped += dropped.length;
    this.#reports.overflowed(dropped);
    if (this.#draining) return;
    if (this.#buffer.length >= this.#settings.submitSizeLimit) void this.#drain();
    else this.#cancelGathering ??= this.#clock.after(GATHER_MS, () => void this.#drain());
  }

  #drain(): Promise<void> {
    this.#cancelGathering?.();
    this.#cancelGathering = undefined;
    if (this.counters.waiting === 0) return Promise.resolve();
    this.#draining ??= this.#deliver();
    return this.#draining;
  }

  /** Writes batch after batch until nothing waits. While stopping, the first failure ends it. */
  async #deliver(): Promise<void> {
    for (let failures = 0; this.counters.waiting > 0; ) {
      if (this.#batch.length === 0) this.#batch = this.#buffer.take(this.#settings.submitSizeLimit);
      const batch = this.#batch;
      const failure = await this.#attempt((signal) => this.#backend.write(batch, signal));
      if (!failure) {
        this.#counts.written += batch.length;
        this.#batch = [];
        failures = 0;
        this.#reports.stored(this.counters.waiting);
      } else if (!this.#setAside(failure.rejected)) {
        this.#reports.failed(failure);
        if (this.#stopping) break;
        await this.#pause(failures++, failure);
      }
    }
    this.#draining = undefined;
  }

  /** One call of the backend within its deadline. Answers with what went wrong. */
  async #attempt(call: (signal: AbortSignal) => Promise<void>): Promise<HistorianError | undefined> {
    const seconds = this.#settings.maxTimePublishingSeconds;
    const deadline = new AbortController();
    const cancel = this.#clock.after(seconds * 1000, () => deadline.abort());
    const signal = AbortSignal.any([deadline.signal, this.#ended.signal]);
    try {
      // The backend should heed the signal; the race holds if it does not.
      await Promise.race([call(signal), outOfTime(signal, seconds)]);
      return undefined;
    } catch (error) {
      if (error instanceof HistorianError) return error;
      return new HistorianError("retry", (error as Error).message, { cause: error });
    } finally {
      cancel();
    }
  }

  async #pause(failures: number, { kind }: HistorianError): Promise<void> {
    const longest = Math.min(LONGEST_RETRY_MS, this.#settings.retryPeriodSeconds * 1000);
    const delay = kind === "give_up" ? longest : Math.min(FIRST_RETRY_MS * 2 ** failures, longest);
    await new Promise<void>((resolve) => {
      const cancel = this.#clock.after(delay * (0.5 + this.#random() / 2), resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  /** Takes bad samples out of the batch. False when there were none. */
  #setAside(rejected: ReadonlyMap<number, string>): boolean {
    const good = this.#batch.filter((sample, index) => {
      const reason = rejected.get(index);
      if (reason !== undefined) this.#reports.rejected(sample, reason);
      return reason === undefined;
    });
    const bad = this.#batch.length - good.length;
    this.#counts.rejected += bad;
    this.#batch = good;
    return bad > 0;
  }

  #tell(severity: Notice["severity"], kind: string, text: string): void {
    this.#log[severity === "warning" ? "warn" : severity](text, { kind });
    this.#bus.emit("notice", { severity, kind, text, at: this.#clock.now() });
  }
}

function outOfTime(signal: AbortSignal, seconds: number): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void =>
      reject(
        new HistorianError("retry", `the store did not answer in time (max_time_publishing is ${seconds} s)`),
      );
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}
