import type { Bus } from "../../bus.ts";
import type { Log } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
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

  constructor(parts: {
    readonly devices: ReadonlyMap<string, Device>;
    readonly bus: Bus;
    readonly clock: Clock;
    readonly notices: Notices;
    readonly log: Log;
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
    });
  }

  get counters(): ScrapeCounters {
    return this.#results.counters;
  }

  start(): void {
    this.#poller.start();
  }

  add(device: Device): void {
    this.latest.add(device.info);
    this.#poller.add(device);
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
