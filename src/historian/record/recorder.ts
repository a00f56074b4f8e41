import type { Bus } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type DeviceInfo, isClockSet, type Scrape } from "../../points/index.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { Sample } from "../contract.ts";
import { type DeviceNaming, Naming } from "../ingest/index.ts";
import { timeOf } from "../time.ts";
import { BridgeNotes } from "./bridge-notes.ts";
import { Changes, type DeviceChanges } from "./changes.ts";
import type { Loss } from "./losses.ts";
import { scrapeSamples, WriteAudit } from "./samples.ts";

/** Destination of samples, which reports their loss. */
export interface RecorderSink {
  /** Resolves when the samples are on disk, with false when they were dropped and counted. `observedAt`: time of the observation, if not the samples' own. */
  accept(samples: Iterable<Sample>, key: string, observedAt?: Date): Promise<unknown>;
  /** Returns the losses since the previous call. */
  takeLosses(): readonly Loss[];
}

export interface RecorderOptions {
  readonly bus: Bus;
  readonly sink: RecorderSink;
  readonly settings: HistorianSettings;
  readonly instance: string;
  readonly version: string;
  readonly log: Log;
  readonly clock?: Clock;
}

/** Interval of the note that the bridge runs, in milliseconds. */
const ALIVE_MS = 60_000;
/** Maximum time that the stop waits for the disk, in milliseconds. */
const STOP_MS = 2000;

/** Receives scrapes, writes and the events that explain gaps from the bus, and passes them to the spool as samples. */
export class Recorder {
  readonly #bus: Bus;
  readonly #sink: RecorderSink;
  readonly #settings: HistorianSettings;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #naming: Naming;
  readonly #namings = new Map<string, DeviceNaming>();
  readonly #times = new ScrapeTimes();
  readonly #changes = new Changes();
  readonly #audit = new WriteAudit();
  readonly #notes: BridgeNotes;
  #subscriptions: (() => void)[] = [];
  #cancelAlive: (() => void) | undefined;
  /** Number of values not recorded because the clock is not set; undefined when it is set. */
  #undated: number | undefined;
  /** The last `accept`: once it is on disk, all previous ones are. */
  #accepting: Promise<unknown> = Promise.resolve();

  constructor({ bus, sink, settings, instance, version, log, clock = systemClock }: RecorderOptions) {
    this.#bus = bus;
    this.#sink = sink;
    this.#settings = settings;
    this.#log = log.part("historian");
    this.#clock = clock;
    this.#naming = new Naming(settings);
    this.#notes = new BridgeNotes({ instance, version, clock });
  }

  start(): void {
    const bus = this.#bus;
    const notes = this.#notes;
    if (this.#settings.captureDeviceData)
      this.#subscriptions.push(
        bus.on("scrape", (scrape) => this.#recordScrape(scrape)),
        bus.on("availability", (change) => {
          if (isClockSet(change.since)) this.#accept(notes.availability(change, this.#pathOf(change.device)));
        }),
        bus.on("notice", ({ kind, device, text }) => {
          if (kind !== "scrape_skipped" || device === undefined || !isClockSet(new Date(this.#clock.now())))
            return;
          this.#accept(notes.skip(this.#naming.device(device).path, text));
        }),
      );
    this.#subscriptions.push(
      bus.on("write", (write) => this.#accept(this.#audit.sample(write))),
      bus.on("membership", ({ device, change }) => {
        if (change === "forgotten") this.#forget(device);
      }),
    );
    this.#noteAlive(false);
  }

  /** Unsubscribes, notes the end, and waits at most 2 s until everything is on disk. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#cancelAlive?.();
    this.#noteAlive(true);
    this.#cancelAlive?.();
    const late = Promise.withResolvers<void>();
    const cancel = this.#clock.after(STOP_MS, () => late.resolve());
    await Promise.race([this.#accepting, late.promise]);
    cancel();
  }

  #recordScrape(scrape: Scrape): void {
    const { device, takenAt, synchronizedAt } = scrape;
    if (!isClockSet(takenAt)) {
      this.#countUndated(scrape);
      return;
    }
    if (this.#undated !== undefined) this.#clockIsSet(this.#undated);
    const before = this.#times.repeated;
    const time = this.#times.timeOf(device.path, this.#settings.syncTimestamp ? synchronizedAt : takenAt);
    if (before === 0 && this.#times.repeated > 0)
      this.#log.warn(
        "the clock was set back: values with a timestamp already stored are kept one microsecond later",
      );
    const naming = this.#namingOf(device);
    const changes = this.#changes.of(device, time);
    if (!changes) this.#acceptAll(scrapeSamples(scrape, naming, time), naming.path);
    else this.#acceptChanges(scrape, naming, time, changes);
  }

  /** Passes the values that changed to the sink. */
  #acceptChanges(scrape: Scrape, naming: DeviceNaming, time: number, changes: DeviceChanges): void {
    const samples = [...scrapeSamples(scrape, naming, time, changes)];
    // Without it, `history gaps` would see no scrape.
    if (!changes.isStored && changes.unchanged > 0)
      samples.push(this.#notes.unchanged(naming.path, changes.unchanged, time));
    // What is not on disk must not stand for later values that are equal.
    this.#acceptAll(samples, naming.path, undefined, () => this.#changes.forget(scrape.device.path));
  }

  /** Counts values that are not recorded: their time is unknown, and a wrong one would remain in the store. */
  #countUndated(scrape: Scrape): void {
    if (this.#undated === undefined)
      this.#log.error(
        "the clock of this machine is not set: values are not stored until it is; set it, e.g. with NTP",
      );
    this.#undated ??= 0;
    for (const _ of scrapeSamples(scrape, this.#namingOf(scrape.device))) this.#undated++;
  }

  #clockIsSet(undated: number): void {
    this.#log.warn(`the clock is set: values are stored from now on; ${undated} earlier values were not`);
    this.#undated = undefined;
    this.#accept(this.#notes.run(false));
  }

  #accept(sample: Sample, observedAt?: Date): void {
    const { topic } = sample;
    this.#acceptAll([sample], topic.slice(0, Math.max(topic.lastIndexOf("/"), 0)), observedAt);
  }

  /** Passes samples of one device or topic to the sink. `onLost`: called when they are not kept. */
  #acceptAll(samples: Iterable<Sample>, key: string, observedAt?: Date, onLost?: () => void): void {
    const accepted = this.#sink.accept(samples, key, observedAt);
    this.#accepting = (onLost ? accepted.then((isKept) => isKept === false && onLost()) : accepted).catch(
      (error: unknown) => {
        onLost?.();
        this.#log.error("values were not recorded", { err: error, device: key });
      },
    );
  }

  /** Notes that the bridge runs and what was lost meanwhile; repeats every minute. */
  #noteAlive(ended: boolean): void {
    const now = new Date(this.#clock.now());
    if (isClockSet(now)) {
      for (const loss of this.#sink.takeLosses()) this.#accept(this.#notes.loss(loss));
      // The sample has the time of the run's start, but is observed now.
      this.#accept(this.#notes.run(ended), now);
    }
    this.#cancelAlive = this.#clock.after(ALIVE_MS, () => this.#noteAlive(false));
  }

  #pathOf(device: DeviceInfo): string {
    return this.#namingOf(device).path;
  }

  #namingOf({ path }: DeviceInfo): DeviceNaming {
    const naming = this.#namings.get(path) ?? this.#naming.device(path);
    this.#namings.set(path, naming);
    return naming;
  }

  #forget({ path }: DeviceInfo): void {
    this.#namings.delete(path);
    this.#times.forget(path);
    this.#changes.forget(path);
  }
}

interface Seen {
  highest: number;
  last: number;
  steps: number;
}

/**
 * Keeps the times of a device's scrapes unique when the clock is set back: scrapes in a repeated period are stored one microsecond
 * later for each step back. Scrapes have whole milliseconds, so that both are kept.
 */
class ScrapeTimes {
  readonly #seen = new Map<string, Seen>();
  #repeated = 0;

  /** Number of scrapes in repeated periods. */
  get repeated(): number {
    return this.#repeated;
  }

  /** Returns the time of a scrape, in microseconds since 1970 UTC. */
  timeOf(device: string, takenAt: Date): number {
    const time = timeOf(takenAt);
    const seen = this.#seen.get(device);
    if (!seen || time > seen.highest) {
      this.#seen.set(device, { highest: time, last: time, steps: 0 });
      return time;
    }
    if (time <= seen.last) seen.steps += 1;
    seen.last = time;
    if (time < seen.highest) this.#repeated += 1;
    return time + seen.steps;
  }

  /** Forgets a removed device. */
  forget(device: string): void {
    this.#seen.delete(device);
  }
}
