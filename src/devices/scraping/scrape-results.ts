import type { Bus } from "../../bus.ts";
import { messageOf } from "../../log/log.ts";
import type { Notices } from "../../log/notices.ts";
import type { OutageGroup, Outages } from "../../log/outages.ts";
import { isClockSet, type Scrape } from "../../points/index.ts";
import type { Device } from "../device.ts";
import type { LatestValues } from "./latest-values.ts";

export interface ScrapeCounters {
  readonly ok: number;
  /** Scrapes that failed as a whole. */
  readonly failed: number;
  /** Scrapes that were due while the previous one was still running. */
  readonly skipped: number;
  /** Points that could not be read in otherwise successful scrapes. */
  readonly pointFailures: number;
}

/** Present failures of a device. */
interface Trouble {
  /** Points that could not be read, with the reason. */
  failures: ReadonlyMap<string, string>;
  isMissed: boolean;
  skips: number;
  /** `skips` at the last successful scrape: the trouble ends with a scrape during which none was added. */
  skipsBefore: number;
}

const CLOCK_NOT_SET =
  "the clock of this machine is not set: values are published with the mark ClockNotSet and are not stored, and commands " +
  "that say how old they are are refused, until it is; run NTP";
const NONE: Trouble["failures"] = new Map();
/**
 * Number of values from which each listener of a scrape gets its own turn of the event loop: together they take about 50
 * ms.
 */
const MANY_VALUES = 10_000;

const READS: OutageGroup = {
  name: "reads",
  failing: (devices) => `${devices} devices cannot be read`,
  working: (devices) => `${devices} devices are read again`,
};
const SKIPS: OutageGroup = {
  name: "skips",
  failing: (devices) => `scrapes of ${devices} devices are skipped`,
  working: (devices) => `scrapes of ${devices} devices are in time again`,
};
const POINTS: OutageGroup = {
  name: "points",
  failing: (devices) => `points of ${devices} devices cannot be read`,
  working: (devices) => `points of ${devices} devices are read again`,
  membersField: "points",
};

/** Receives the poller's results: values go to the bus, failures are reported. */
export class ScrapeResults {
  readonly #bus: Bus;
  readonly #latest: LatestValues;
  readonly #notices: Notices;
  readonly #outages: Outages;
  /** By path; devices without failures have no entry. */
  readonly #troubles = new Map<string, Trouble>();
  readonly #counters = { ok: 0, failed: 0, skipped: 0, pointFailures: 0 };
  /** Scrapes of many values that are being passed to the listeners. */
  readonly #underWay = new Map<Scrape, Promise<void>>();

  constructor(parts: { bus: Bus; latest: LatestValues; notices: Notices; outages: Outages }) {
    this.#bus = parts.bus;
    this.#latest = parts.latest;
    this.#notices = parts.notices;
    this.#outages = parts.outages;
  }

  get counters(): ScrapeCounters {
    return { ...this.#counters };
  }

  scraped(scrape: Scrape): void {
    this.#counters.ok++;
    this.#counters.pointFailures += scrape.failures.size;
    this.#better(scrape);
    if (!isClockSet(scrape.takenAt)) this.#notices.say("error", "clock_not_set", CLOCK_NOT_SET);
    this.#latest.scraped(scrape);
    if (scrape.values.size < MANY_VALUES) {
      this.#bus.emit("scrape", scrape);
      return;
    }
    const emitting = this.#bus
      .emitInTurns("scrape", scrape, () => this.#underWay.has(scrape))
      .finally(() => this.#underWay.delete(scrape));
    this.#underWay.set(scrape, emitting);
  }

  /** Resolves when every listener has received all scrapes so far. */
  async settled(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  /** Reports which failures a successful scrape ends, and which failures of points begin. */
  #better(scrape: Scrape): void {
    const device = scrape.device.path;
    if (scrape.failures.size === 0 && !this.#troubles.has(device)) return;
    const trouble = this.#trouble(device);
    const slow = trouble.skips > trouble.skipsBefore;
    if (trouble.isMissed) this.#outages.ended(readKey(device), { text: "device is read again" });
    if (trouble.skips > 0 && !slow)
      this.#outages.ended(skipKey(device), { text: "scrapes are in time again" });
    this.#reportPoints(device, trouble.failures, scrape.failures);
    trouble.isMissed = false;
    if (!slow) trouble.skips = 0;
    trouble.skipsBefore = trouble.skips;
    trouble.failures = scrape.failures;
    if (trouble.skips === 0 && trouble.failures.size === 0) this.#troubles.delete(device);
  }

  failed(device: Device, error: unknown): void {
    this.#counters.failed++;
    const { path } = device.info;
    const cause = messageOf(error);
    this.#trouble(path).isMissed = true;
    this.#outages.failed({
      ...{ key: readKey(path), kind: "scrape_failed", text: "device cannot be read", cause },
      ...{ device: path, group: READS, logOnly: true },
    });
    this.#latest.missed(path, cause);
  }

  /** Called when a scrape was due while the previous one was still running. */
  skipped(device: Device): void {
    this.#counters.skipped++;
    const { path, intervalSeconds } = device.info;
    this.#trouble(path).skips++;
    this.#outages.failed({
      ...{
        key: skipKey(path),
        kind: "scrape_skipped",
        text: "scrapes are skipped",
        device: path,
        group: SKIPS,
      },
      cause: `the one before is still running after ${intervalSeconds} s`,
      next: "give the device a longer interval if this stays",
    });
    this.#latest.check(path, "its scrape takes longer than three intervals");
  }

  /** Called when the device is removed. */
  forget(path: string): void {
    this.paused(path);
    for (const scrape of this.#underWay.keys())
      if (scrape.device.path === path) this.#underWay.delete(scrape);
  }

  /** Called when the device is not read for a while. */
  paused(path: string): void {
    const failures = this.#troubles.get(path)?.failures ?? NONE;
    this.#troubles.delete(path);
    const points = [...failures.keys()].map((point) => pointKey(path, point));
    for (const key of [readKey(path), skipKey(path), ...points]) this.#outages.forget(key);
  }

  /** Called when the wall clock was set forward (> 0) or back by that many milliseconds. */
  clockJumped(ms: number): void {
    const text = `the clock was set ${ms > 0 ? "forward" : "back"} by ${Math.abs(ms) / 1000} s; scrapes are aligned to the new time`;
    this.#notices.say("warning", "clock_jump", text);
  }

  #trouble(path: string): Trouble {
    const known = this.#troubles.get(path);
    if (known) return known;
    const trouble = { failures: NONE, isMissed: false, skips: 0, skipsBefore: 0 };
    this.#troubles.set(path, trouble);
    return trouble;
  }

  #reportPoints(device: string, before: Trouble["failures"], now: Trouble["failures"]): void {
    for (const [member, cause] of now)
      this.#outages.failed({
        ...{ key: pointKey(device, member), kind: "points_failed", text: "points cannot be read", cause },
        ...{ device, member, group: POINTS, logOnly: true },
      });
    for (const point of before.keys())
      if (!now.has(point)) this.#outages.ended(pointKey(device, point), { text: "points are read again" });
  }
}

function readKey(path: string): string {
  return `device ${path}`;
}

function skipKey(path: string): string {
  return `interval of ${path}`;
}

function pointKey(path: string, point: string): string {
  return `point ${path}/${point}`;
}
