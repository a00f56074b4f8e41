import type { Bus, Notice } from "../bus.ts";
import type { HistorianSettings } from "../config/settings.ts";
import type { Log } from "../log.ts";
import type { HistorianBackend, Sample } from "./contract.ts";
import { HistorianError } from "./errors.ts";
import { SampleBuffer } from "./sample-buffer.ts";
import { scrapeSamples, WriteAudit } from "./samples.ts";
import { formatTime } from "./time.ts";

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
/** Topics whose rejection was reported; each is reported once. */
const MAX_REPORTED = 1000;

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
  readonly #ended = new AbortController();
  #subscriptions: (() => void)[] = [];
  #batch: Sample[] = [];
  #draining: Promise<void> | undefined;
  #cancelGathering: (() => void) | undefined;
  #stopping = false;
  #wake = (): void => {};
  #counts = { accepted: 0, written: 0, dropped: 0, rejected: 0 };
  #failing: HistorianError | undefined;
  #lost: { count: number; from: number; to: number } | undefined;
  readonly #reported = new Set<string>();

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
    void this.#attempt((signal) => this.#backend.open(signal)).then(
      (failure) => failure && this.#failed(failure),
    );
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
    this.#drop([...this.#batch.splice(0), ...this.#buffer.take(this.#buffer.length)]);
    this.#reportLost();
  }

  get counters(): RecorderCounters {
    return { ...this.#counts, waiting: this.#batch.length + this.#buffer.length };
  }

  #accept(samples: readonly Sample[]): void {
    this.#counts.accepted += samples.length;
    this.#drop(this.#buffer.push(samples));
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
        this.#recovered();
      } else if (failure.rejected.size > 0) {
        this.#setAside(failure.rejected);
      } else {
        this.#failed(failure);
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

  #setAside(rejected: ReadonlyMap<number, string>): void {
    this.#counts.rejected += rejected.size;
    for (const [index, reason] of rejected) {
      const sample = this.#batch[index];
      if (!sample || this.#reported.has(sample.topic) || this.#reported.size >= MAX_REPORTED) continue;
      this.#reported.add(sample.topic);
      this.#tell(
        "warning",
        "historian_rejected",
        `"${sample.topic}" at ${when(sample.time)} cannot be stored: ${reason}`,
      );
    }
    this.#batch = this.#batch.filter((_, index) => !rejected.has(index));
  }

  #failed(failure: HistorianError): void {
    const known = this.#failing?.kind === failure.kind;
    this.#failing = failure;
    if (known || (this.#stopping && this.#ended.signal.aborted)) return;
    const severity = failure.kind === "retry" ? "warning" : "error";
    this.#tell(
      severity,
      "historian_failing",
      `history is not being stored, values wait in memory: ${failure.message}`,
    );
  }

  #recovered(): void {
    if (this.#failing)
      this.#tell(
        "info",
        "historian_recovered",
        `history is stored again; ${this.counters.waiting} values wait`,
      );
    this.#failing = undefined;
    this.#reportLost();
  }

  #drop(samples: readonly Sample[]): void {
    const [first] = samples;
    if (!first) return;
    this.#counts.dropped += samples.length;
    if (!this.#lost && !this.#stopping)
      this.#tell(
        "warning",
        "historian_dropped",
        `too many values wait; the oldest are dropped, from ${when(first.time)} on`,
      );
    this.#lost ??= { count: 0, from: first.time, to: first.time };
    this.#lost.count += samples.length;
    for (const { time } of samples) {
      this.#lost.from = Math.min(this.#lost.from, time);
      this.#lost.to = Math.max(this.#lost.to, time);
    }
  }

  /** How much was lost in the end. */
  #reportLost(): void {
    if (!this.#lost) return;
    const { count, from, to } = this.#lost;
    this.#lost = undefined;
    this.#tell("warning", "historian_dropped", `${count} values from ${when(from)} to ${when(to)} were lost`);
  }

  #tell(severity: Notice["severity"], kind: string, text: string): void {
    this.#log[severity === "warning" ? "warn" : severity](text, { kind });
    this.#bus.emit("notice", { severity, kind, text, at: this.#clock.now() });
  }
}

function outOfTime(signal: AbortSignal, seconds: number): Promise<never> {
  return new Promise((_, reject) => {
    const abort = (): void =>
      reject(new HistorianError("retry", `the store did not answer within ${seconds} s`));
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** A sample's time for people; of a rejected one it may be no time at all. */
function when(time: number): string {
  return Number.isSafeInteger(time) ? formatTime(time) : String(time);
}
