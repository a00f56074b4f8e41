import type { Bus } from "../../bus.ts";
import type { Notices } from "../../log/notices.ts";
import type { Outages } from "../../log/outages.ts";
import type { Scrape } from "../../points/index.ts";
import { type Clock, withDeadline } from "../../time/clock.ts";
import type { Device } from "../device.ts";
import { LatestValues } from "./latest-values.ts";
import { Poller } from "./poller.ts";
import { type ScrapeCounters, ScrapeResults } from "./scrape-results.ts";
import { Scraper } from "./scraper.ts";

/** Deadline of a requested scrape, in milliseconds. */
const DEADLINE_MS = 30_000;

/**
 * Reads the devices at their times and on request: a reading becomes a scrape, goes to the bus, and its values are kept as
 * the latest.
 */
export class Scraping {
  readonly latest: LatestValues;
  readonly #clock: Clock;
  readonly #scraper: Scraper;
  readonly #results: ScrapeResults;
  readonly #poller: Poller;
  /** Reasons by path. A device that is removed and added again stays paused. */
  readonly #paused = new Map<string, string>();
  #isStarted = false;

  constructor(parts: {
    readonly devices: ReadonlyMap<string, Device>;
    readonly bus: Bus;
    readonly clock: Clock;
    readonly notices: Notices;
    readonly outages: Outages;
  }) {
    const { devices, bus, clock } = parts;
    this.#clock = clock;
    this.#scraper = new Scraper(clock);
    this.latest = new LatestValues(
      [...devices.values()].map(({ info }) => info),
      bus,
      clock,
    );
    this.#results = new ScrapeResults({ ...parts, latest: this.latest });
    this.#poller = new Poller({
      devices: { [Symbol.iterator]: () => devices.values() },
      clock,
      scraper: this.#scraper,
      results: this.#results,
      isPaused: (path) => this.#paused.has(path),
    });
  }

  get counters(): ScrapeCounters {
    return this.#results.counters;
  }

  start(): void {
    this.#isStarted = true;
    for (const [path, reason] of this.#paused) this.latest.paused(path, reason);
    this.#poller.start();
  }

  add(device: Device): void {
    const { path } = device.info;
    this.latest.add(device.info);
    this.#poller.add(device);
    const paused = this.#paused.get(path);
    if (paused !== undefined && this.#isStarted) this.latest.paused(path, paused);
  }

  /** Replaces a device by one with the same path. */
  replace(device: Device): void {
    this.latest.replace(device.info);
    this.#poller.replace(device);
  }

  remove(path: string, reason: string): void {
    this.#poller.remove(path);
    this.latest.remove(path, reason);
    this.#results.forget(path);
    this.#scraper.forget(path);
  }

  /** Leaves out the scrapes of a device, and ignores the result of a running one. Without a start, it is announced then. */
  pause(path: string, reason: string): void {
    this.#paused.set(path, reason);
    this.#results.paused(path);
    if (this.#isStarted) this.latest.paused(path, reason);
  }

  resume(path: string): void {
    if (!this.#paused.delete(path)) return;
    this.latest.resumed(path);
    this.#poller.scrapeNow(path);
  }

  soon(path: string): void {
    this.#poller.scrapeSoon(path);
  }

  now(device: Device, signal: AbortSignal): Promise<Scrape> {
    const what = `the scrape of ${device.info.path}`;
    return withDeadline({ clock: this.#clock, ms: DEADLINE_MS, signal, what }, (inner) =>
      this.#scraper.scrape(device, new Date(this.#clock.now()), inner),
    );
  }

  /** Aborts the running scrapes; resolves when all listeners have received what was read. */
  stop(): Promise<void> {
    this.#poller.stop();
    return this.#results.settled();
  }
}
