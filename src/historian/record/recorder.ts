import type { Bus } from "../../bus.ts";
import type { HistorianSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type DeviceInfo, isClockSet, type Scrape } from "../../points/index.ts";
import { type Clock, systemClock } from "../../time/clock.ts";
import type { Sample } from "../contract.ts";
import { type DeviceNaming, Naming } from "../ingest/index.ts";
import { BridgeNotes } from "./bridge-notes.ts";
import type { Loss } from "./losses.ts";
import { scrapeSamples, WriteAudit } from "./samples.ts";
import { ScrapeTimes } from "./scrape-times.ts";

/** Where samples go, and what becomes of them. */
export interface RecorderSink {
  /** Resolves when the samples are on disk, or dropped and counted. `saidAt`: when they were said, where their own time is another. */
  accept(samples: Iterable<Sample>, key: string, saidAt?: Date): Promise<unknown>;
  /** What was lost since it was asked last. */
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

/** The bridge says that it is alive so often. */
const ALIVE_MS = 60_000;
/** How long the stop waits for the disk. */
const STOP_MS = 2000;

/** Takes scrapes, writes and what explains gaps from the bus, and hands them to the spool as samples. */
export class Recorder {
  readonly #bus: Bus;
  readonly #sink: RecorderSink;
  readonly #settings: HistorianSettings;
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #naming: Naming;
  readonly #namings = new Map<string, DeviceNaming>();
  readonly #times = new ScrapeTimes();
  readonly #audit = new WriteAudit();
  readonly #notes: BridgeNotes;
  #subscriptions: (() => void)[] = [];
  #cancelAlive: (() => void) | undefined;
  /** Values left out since the clock is not set. */
  #undated: number | undefined;
  /** The last `accept`: when it is on disk, all before it are. */
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
        bus.on("scrape", (scrape) => this.#scraped(scrape)),
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
    this.#alive(false);
  }

  /** Unsubscribes, notes the end, and waits until all is on disk, for 2 s at most. */
  async stop(): Promise<void> {
    for (const unsubscribe of this.#subscriptions.splice(0)) unsubscribe();
    this.#cancelAlive?.();
    this.#alive(true);
    this.#cancelAlive?.();
    const late = Promise.withResolvers<void>();
    const cancel = this.#clock.after(STOP_MS, () => late.resolve());
    await Promise.race([this.#accepting, late.promise]);
    cancel();
  }

  #scraped(scrape: Scrape): void {
    const { device, takenAt } = scrape;
    if (!isClockSet(takenAt)) {
      this.#leaveOut(scrape);
      return;
    }
    if (this.#undated !== undefined) this.#clockIsSet(this.#undated);
    const before = this.#times.repeated;
    const time = this.#times.timeOf(device.path, takenAt);
    if (before === 0 && this.#times.repeated > 0)
      this.#log.warn(
        "the clock went back: values of times that were there before are stored a microsecond later, beside the earlier ones",
      );
    const naming = this.#namingOf(device);
    this.#acceptAll(scrapeSamples(scrape, naming, time), naming.path);
  }

  /** Its time is not known, and a wrong one would stand in the store for ever. */
  #leaveOut(scrape: Scrape): void {
    if (this.#undated === undefined)
      this.#log.error("the clock of this machine is not set: values are not stored until it is; run NTP");
    this.#undated ??= 0;
    for (const _ of scrapeSamples(scrape, this.#namingOf(scrape.device))) this.#undated++;
  }

  #clockIsSet(leftOut: number): void {
    this.#log.warn(`the clock is set: values are stored from now on; ${leftOut} before were not`);
    this.#undated = undefined;
    this.#accept(this.#notes.run(false));
  }

  #accept(sample: Sample, saidAt?: Date): void {
    const { topic } = sample;
    this.#acceptAll([sample], topic.slice(0, Math.max(topic.lastIndexOf("/"), 0)), saidAt);
  }

  /** Samples of one device or topic. */
  #acceptAll(samples: Iterable<Sample>, key: string, saidAt?: Date): void {
    this.#accepting = this.#sink
      .accept(samples, key, saidAt)
      .catch((error: unknown) =>
        this.#log.error("values of a device were not recorded", { err: error, device: key }),
      );
  }

  /** Says that the bridge runs, and what was lost meanwhile; again in a minute. */
  #alive(ended: boolean): void {
    const now = new Date(this.#clock.now());
    if (isClockSet(now)) {
      for (const loss of this.#sink.takeLosses()) this.#accept(this.#notes.loss(loss));
      // Its time is the start of the run; what it says is as old as it is.
      this.#accept(this.#notes.run(ended), now);
    }
    this.#cancelAlive = this.#clock.after(ALIVE_MS, () => this.#alive(false));
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
  }
}
