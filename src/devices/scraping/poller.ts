import type { ReadingSink } from "../../drivers/abilities.ts";
import type { Reading } from "../../drivers/driver.ts";
import type { Clock } from "../../time/clock.ts";
import type { Device } from "../device.ts";
import { DueQueue } from "./due-queue.ts";
import { ScrapeBatch } from "./scrape-batch.ts";
import type { ScrapeResults } from "./scrape-results.ts";
import { alignedAt, nextAligned, nextScrape } from "./scrape-times.ts";
import type { Scraper } from "./scraper.ts";

/** Time by which a timer may fire early on the wall clock, in milliseconds; intervals are whole seconds. */
const EARLY_MS = 500;
/** Delay of a timer, in milliseconds, above which the process was stopped or blocked, so that other devices are late too. */
const LATE_MS = 1000;
/** Movement of the wall clock against the monotonic one, in milliseconds, above which it counts as set. */
const JUMP_MS = 1000;
/** Maximum time between two timers, in milliseconds, so that a clock that was set is noticed. */
const LONGEST_WAIT_MS = 60_000;
/**
 * Minimum deadline of a scrape on short intervals, in milliseconds; otherwise it has most of its interval. A slow device is
 * skipped, not starved.
 */
const SHORTEST_DEADLINE_MS = 20_000;
/** Maximum time spent starting scrapes before yielding to the event loop, in milliseconds. */
const SLICE_MS = 8;
/** Delay of an extra scrape, in milliseconds, so that a burst of writes causes only one. */
const EXTRA_DELAY_MS = 250;

export interface PollerOptions {
  /** Read at the start. */
  readonly devices: Iterable<Device>;
  readonly scraper: Pick<Scraper, "begin" | "scrapeOf">;
  readonly results: Pick<ScrapeResults, "scraped" | "failed" | "skipped" | "clockJumped">;
  /** Whether a device is left out at its times, which it keeps. The result of a running scrape is ignored. */
  readonly isPaused: (path: string) => boolean;
  readonly clock: Clock;
}

interface Entry {
  readonly device: Device;
  readonly intervalMs: number;
  /** On the monotonic clock. */
  dueAt: number;
  /** Whether this is an unaligned scrape, at the start or after a suspend; it is made however late it is. */
  catchUp: boolean;
  /** `extra`: a scrape outside the schedule. */
  running: "scheduled" | "extra" | undefined;
  /** Whether another scrape follows the running one. */
  again: boolean;
  cancelExtra?: (() => void) | undefined;
  /** Set when the device was removed: it is not scraped again, and the result of a running scrape is ignored. */
  gone?: true;
}

/**
 * Scrapes every device at its times, with one timer. The first scrape is made at once, spread by the devices' offsets;
 * later ones are aligned. Times follow the schedule, never the end of a scrape; after a suspend or a blocked event loop
 * there is one scrape, spread like the first. Waiting uses the monotonic clock, so an interval keeps its length when the
 * wall clock is set, and the next one is aligned to the new time.
 */
export class Poller {
  readonly #options: PollerOptions;
  readonly #clock: Clock;
  readonly #queue = new DueQueue<Entry>();
  readonly #entries = new Map<string, Entry>();
  readonly #stopping = new AbortController();
  /** Batches with running scrapes. */
  readonly #batches = new Set<ScrapeBatch<Entry>>();
  /** The batch for scrapes that start now. */
  #batch: ScrapeBatch<Entry> | undefined;
  /** Aligned time of the last scrape, shared by most that follow it. */
  #synchronizedAt = new Date(Number.NaN);
  #cancelTimer: (() => void) | undefined;
  #started = false;
  /** Wall clock minus monotonic clock. */
  #epoch = 0;
  /** When the timer fires, on the monotonic clock. */
  #wakeAt = 0;
  /** When the process last continued after it was stopped or blocked. */
  #blockedUntil = Number.NEGATIVE_INFINITY;

  constructor(options: PollerOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  start(): void {
    this.#epoch = this.#clock.now() - this.#clock.monotonic();
    this.#started = true;
    for (const device of this.#options.devices) this.#schedule(device);
    this.#arm();
  }

  /** Adds a device; before `start`, the list of devices is read then. */
  add(device: Device): void {
    if (!this.#started || this.#stopping.signal.aborted) return;
    const first = this.#queue.first;
    this.#schedule(device);
    if (this.#queue.first !== first) this.#arm();
  }

  /** Removes a device. */
  remove(path: string): void {
    const entry = this.#entries.get(path);
    if (!entry) return;
    entry.gone = true;
    entry.cancelExtra?.();
    this.#entries.delete(path);
  }

  /**
   * Replaces a device by one with the same path, which keeps its times unless its interval or its place among the others is
   * another. The result of a running scrape is ignored, and the new device is scraped instead.
   */
  replace(device: Device): void {
    const before = this.#entries.get(device.info.path);
    const intervalMs = device.info.intervalSeconds * 1000;
    this.remove(device.info.path);
    if (before?.intervalMs !== intervalMs || before.device.offsetMs !== device.offsetMs) {
      this.add(device);
      return;
    }
    const { dueAt, catchUp, running } = before;
    const entry: Entry = { device, intervalMs, dueAt, catchUp, running: undefined, again: false };
    this.#entries.set(device.info.path, entry);
    this.#queue.push(entry);
    if (running) this.scrapeSoon(device.info.path);
  }

  #schedule(device: Device): void {
    const intervalMs = device.info.intervalSeconds * 1000;
    const entry: Entry = { device, intervalMs, dueAt: 0, catchUp: true, running: undefined, again: false };
    this.#entries.set(device.info.path, entry);
    this.#spread(entry);
  }

  /** Aborts the running scrapes. */
  stop(): void {
    const reason = new Error("the bridge is stopping");
    this.#stopping.abort(reason);
    this.#cancelTimer?.();
    for (const entry of this.#entries.values()) entry.cancelExtra?.();
    for (const batch of this.#batches) batch.stop(reason);
    this.#batches.clear();
  }

  /** Scrapes a device soon outside its schedule, after a write to it. */
  scrapeSoon(path: string): void {
    const entry = this.#entries.get(path);
    if (!entry || entry.cancelExtra || this.#stopping.signal.aborted) return;
    entry.cancelExtra = this.#clock.after(EXTRA_DELAY_MS, () => {
      entry.cancelExtra = undefined;
      this.scrapeNow(path);
    });
  }

  /** Scrapes a device outside its schedule; after the running scrape where there is one. */
  scrapeNow(path: string): void {
    const entry = this.#entries.get(path);
    if (!entry || this.#isLeft(entry) || this.#stopping.signal.aborted) return;
    if (entry.running) entry.again = true;
    else this.#scrape(entry, "extra");
    this.#batch = undefined;
  }

  #arm(): void {
    this.#cancelTimer?.();
    const first = this.#queue.first;
    if (!first) return;
    const now = this.#clock.monotonic();
    const wait = Math.min(Math.max(first.dueAt - now, 0), LONGEST_WAIT_MS);
    this.#wakeAt = now + wait;
    this.#cancelTimer = this.#clock.after(wait, () => this.#wake());
  }

  #wake(): void {
    this.#watchClock();
    const now = this.#clock.monotonic();
    if (now - this.#wakeAt > LATE_MS) this.#blockedUntil = now;
    while (this.#queue.first && this.#queue.first.dueAt <= now) {
      if (this.#clock.monotonic() - now > SLICE_MS) break;
      const entry = this.#queue.shift()!;
      if (entry.gone) continue;
      if (this.#blockedUntil - entry.dueAt > LATE_MS && !entry.catchUp) this.#spread(entry);
      else this.#due(entry);
    }
    this.#batch = undefined;
    this.#arm();
  }

  #due(entry: Entry): void {
    const wall = this.#clock.now();
    const { offsetMs } = entry.device;
    const next = nextAligned(this.#alignedNow(entry), entry.intervalMs) + offsetMs;
    const kind = entry.catchUp ? "extra" : "scheduled";
    this.#enqueue(entry, next - wall, false);
    if (this.#isLeft(entry)) return;
    if (!entry.running) this.#scrape(entry, kind);
    else if (entry.running === "extra" && !entry.again) entry.again = true;
    else this.#options.results.skipped(entry.device);
  }

  /** Schedules a scrape after the device's offset from now, or at its next aligned time if that is earlier. */
  #spread(entry: Entry): void {
    const wall = this.#clock.now();
    const { offsetMs } = entry.device;
    const aligned = nextScrape(wall, entry.intervalMs, offsetMs) + offsetMs - wall;
    if (offsetMs < aligned) this.#enqueue(entry, offsetMs, true);
    else this.#enqueue(entry, aligned, false);
  }

  #enqueue(entry: Entry, wait: number, catchUp: boolean): void {
    entry.dueAt = this.#clock.monotonic() + wait;
    entry.catchUp = catchUp;
    this.#queue.push(entry);
  }

  /** Returns the aligned time of the round that a scrape made now belongs to. */
  #alignedNow(entry: Entry): number {
    return alignedAt(this.#clock.now() - entry.device.offsetMs + EARLY_MS, entry.intervalMs);
  }

  #scrape(entry: Entry, kind: "scheduled" | "extra"): void {
    entry.running = kind;
    const batch = this.#batchFor(entry);
    batch.begin(entry);
    const at = this.#alignedNow(entry);
    if (this.#synchronizedAt.getTime() !== at) this.#synchronizedAt = new Date(at);
    const scrape = new EntryScrape(entry, batch, this.#synchronizedAt, this.#end);
    this.#options.scraper.begin(entry.device, scrape, batch.signal);
  }

  readonly #end: End = ({ entry, batch, synchronizedAt }, reading, error) => {
    if (batch.isOpen(entry)) {
      if (reading === undefined) this.#failed(entry, error);
      else if (!this.#isLeft(entry)) this.#scraped(entry, synchronizedAt, reading);
    }
    batch.end(entry);
    if (batch.done) this.#batches.delete(batch);
    // The device counts as busy until its own call has ended, even where that ignores its deadline.
    entry.running = undefined;
    const { again } = entry;
    entry.again = false;
    if (!again || this.#isLeft(entry) || this.#stopping.signal.aborted) return;
    this.#scrape(entry, "scheduled");
    this.#batch = undefined;
  };

  #batchFor({ intervalMs }: Entry): ScrapeBatch<Entry> {
    const ms = Math.max(0.9 * intervalMs, SHORTEST_DEADLINE_MS);
    if (this.#batch?.ms !== ms || this.#batch.full)
      this.#batch = new ScrapeBatch<Entry>(this.#clock, ms, (late, reason) => this.#failed(late, reason));
    this.#batches.add(this.#batch);
    return this.#batch;
  }

  /** Records the values. Other devices may wait for their turn in the same page. */
  #scraped(entry: Entry, synchronizedAt: Date, reading: Reading): void {
    const { scraper, results } = this.#options;
    try {
      results.scraped(scraper.scrapeOf(entry.device, synchronizedAt, reading));
    } catch (error) {
      this.#failed(entry, error);
    }
  }

  #failed(entry: Entry, reason: unknown): void {
    if (!this.#isLeft(entry) && !this.#stopping.signal.aborted)
      this.#options.results.failed(entry.device, reason);
  }

  /** Whether the device was removed or is paused. */
  #isLeft({ gone, device }: Entry): boolean {
    return gone === true || this.#options.isPaused(device.info.path);
  }

  #watchClock(): void {
    const epoch = this.#clock.now() - this.#clock.monotonic();
    const moved = epoch - this.#epoch;
    this.#epoch = epoch;
    if (Math.abs(moved) > JUMP_MS) this.#options.results.clockJumped(Math.round(moved));
  }
}

type End = (scrape: EntryScrape, reading: Reading | undefined, error: unknown) => void;

/** What waits for a scrape. A fleet has thousands at the same time, so it is one object each. */
class EntryScrape implements ReadingSink {
  readonly entry: Entry;
  readonly batch: ScrapeBatch<Entry>;
  readonly synchronizedAt: Date;
  readonly #end: End;

  constructor(entry: Entry, batch: ScrapeBatch<Entry>, synchronizedAt: Date, end: End) {
    this.entry = entry;
    this.batch = batch;
    this.synchronizedAt = synchronizedAt;
    this.#end = end;
  }

  read(reading: Reading): void {
    this.#end(this, reading, undefined);
  }

  failed(error: unknown): void {
    this.#end(this, undefined, error);
  }
}
