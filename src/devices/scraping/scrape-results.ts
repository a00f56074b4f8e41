import type { Bus } from "../../bus.ts";
import { type Log, messageOf } from "../../log/log.ts";
import { type Notices, QuietLog } from "../../log/notices.ts";
import { isClockSet, type Scrape } from "../../points/index.ts";
import type { Clock } from "../../time/clock.ts";
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

/** Present failures of a device, kept so that each is reported once and not with every scrape. */
interface Trouble {
  /** Points that could not be read, with the reason. */
  failures: ReadonlyMap<string, string>;
  misses: number;
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
/** Maximum number of points named in a log line. */
const MAX_NAMED = 5;

/** Receives the poller's results: values go to the bus, failures are logged when they begin and when they end. */
export class ScrapeResults {
  readonly #bus: Bus;
  readonly #latest: LatestValues;
  readonly #notices: Notices;
  readonly #log: QuietLog;
  /** By path; devices without failures have no entry. */
  readonly #troubles = new Map<string, Trouble>();
  readonly #counters = { ok: 0, failed: 0, skipped: 0, pointFailures: 0 };
  /** Scrapes of many values that are being passed to the listeners. */
  readonly #underWay = new Map<Scrape, Promise<void>>();

  constructor(parts: { bus: Bus; latest: LatestValues; notices: Notices; log: Log; clock: Clock }) {
    this.#bus = parts.bus;
    this.#latest = parts.latest;
    this.#notices = parts.notices;
    this.#log = new QuietLog(parts.log, parts.clock);
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
    if (trouble.misses > 0 || (trouble.skips > 0 && !slow))
      this.#log.write("info", "recovered", "device is read again", {
        device,
        ...(trouble.misses > 0 && { failedScrapes: trouble.misses }),
        ...(trouble.skips > 0 && { skippedScrapes: trouble.skips }),
      });
    this.#reportPoints(device, trouble.failures, scrape.failures);
    trouble.misses = 0;
    if (!slow) trouble.skips = 0;
    trouble.skipsBefore = trouble.skips;
    trouble.failures = scrape.failures;
    if (trouble.skips === 0 && trouble.failures.size === 0) this.#troubles.delete(device);
  }

  failed(device: Device, error: unknown): void {
    this.#counters.failed++;
    const { path } = device.info;
    const reason = messageOf(error);
    if (this.#trouble(path).misses++ === 0)
      this.#log.write("warn", "scrape_failed", `device cannot be read: ${reason}`, { device: path });
    this.#latest.missed(path, reason);
  }

  /** Called when a scrape was due while the previous one was still running. */
  skipped(device: Device): void {
    this.#counters.skipped++;
    const { path, intervalSeconds } = device.info;
    if (this.#trouble(path).skips++ === 0)
      this.#notices.say(
        "warning",
        "scrape_skipped",
        `a scrape was skipped because the one before is still running after ${intervalSeconds} s; give the device a longer interval if this stays`,
        path,
      );
    this.#latest.check(path, "its scrape takes longer than three intervals");
  }

  /** Called when the device is removed. */
  forget(path: string): void {
    this.#troubles.delete(path);
    for (const scrape of this.#underWay.keys())
      if (scrape.device.path === path) this.#underWay.delete(scrape);
  }

  /** Called when the wall clock was set forward (> 0) or back by that many milliseconds. */
  clockJumped(ms: number): void {
    const text = `the clock was set ${ms > 0 ? "forward" : "back"} by ${Math.abs(ms) / 1000} s; scrapes are aligned to the new time`;
    this.#notices.say("warning", "clock_jump", text);
  }

  #trouble(path: string): Trouble {
    const known = this.#troubles.get(path);
    if (known) return known;
    const trouble = { failures: NONE, misses: 0, skips: 0, skipsBefore: 0 };
    this.#troubles.set(path, trouble);
    return trouble;
  }

  /** Reports the points that newly fail, one line for each reason. */
  #reportPoints(device: string, before: Trouble["failures"], now: Trouble["failures"]): void {
    if (before.size === 0 && now.size === 0) return;
    const byReason = new Map<string, string[]>();
    for (const [point, reason] of now) {
      if (before.has(point)) continue;
      const points = byReason.get(reason) ?? [];
      byReason.set(reason, points);
      points.push(point);
    }
    for (const [reason, points] of byReason)
      this.#log.write("warn", "points_failed", `points cannot be read: ${reason}`, {
        device,
        points: some(points),
      });
    const again = [...before.keys()].filter((point) => !now.has(point));
    if (again.length > 0)
      this.#log.write("info", "points_recovered", "points are read again", { device, points: some(again) });
  }
}

/** Shortens a list of points for a message. */
function some(points: readonly string[]): string[] {
  const shown = points.slice(0, MAX_NAMED);
  return points.length > shown.length ? [...shown, `and ${points.length - shown.length} more`] : shown;
}
