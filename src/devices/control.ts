import { randomUUID } from "node:crypto";
import type { Bus } from "../bus.ts";
import type { BridgeSettings } from "../config/index.ts";
import type { Log } from "../log/log.ts";
import type { Notices } from "../log/notices.ts";
import type { Outages } from "../log/outages.ts";
import type { StateStore } from "../storage/state-store.ts";
import type { Clock } from "../time/clock.ts";
import { checkAge, findDevice } from "./command-checks.ts";
import type { Control, PausedDevice } from "./commands.ts";
import type { Device } from "./device.ts";
import { ReadOnlyBridgeError } from "./errors.ts";
import { Events } from "./events.ts";
import { ControllerWatch } from "./holding/controller-watch.ts";
import type { LimitBook } from "./holding/limit-book.ts";
import { LimitEndsWatch } from "./holding/limit-ends.ts";
import { LimitKeeper } from "./holding/limit-keeper.ts";
import { LimitWatch } from "./holding/limit-watch.ts";
import { Overrides } from "./overrides/overrides.ts";
import { Pauses } from "./overrides/pauses.ts";
import { Schedule } from "./schedule/schedule.ts";
import { Heartbeat } from "./scraping/heartbeat.ts";
import type { Scraping } from "./scraping/scraping.ts";
import { Actuator } from "./writing/actuator.ts";
import { CommandLedger } from "./writing/command-ledger.ts";
import { RefusalLimit } from "./writing/refusal-limit.ts";
import type { WriteFence } from "./writing/write-fence.ts";

export type ControlSettings = Pick<BridgeSettings, "driver" | "actuator"> &
  Partial<Pick<BridgeSettings, "readOnly">>;

export interface ControlParts {
  readonly settings: ControlSettings;
  readonly devices: ReadonlyMap<string, Device>;
  readonly book: LimitBook;
  readonly scraping: Scraping;
  readonly state: StateStore;
  readonly bus: Bus;
  readonly clock: Clock;
  readonly notices: Notices;
  readonly outages: Outages;
  readonly log: Log;
  readonly fence?: WriteFence | undefined;
}

/**
 * Writes to the devices: commands, renewals of held limits, overrides, reservations, events, heartbeats. Only while the
 * bridge is in charge of its instance name; before and after, every write is refused.
 */
export class DeviceControl {
  readonly actuator: Actuator;
  /** Requests besides the actuator's commands. */
  readonly besides: Control;
  readonly #parts: ControlParts;
  readonly #schedule: Schedule;
  readonly #pauses: Pauses;
  readonly #controllers: ControllerWatch | undefined;
  readonly #watch: LimitWatch;
  readonly #keeper: LimitKeeper;
  readonly #ends: LimitEndsWatch;
  readonly #heartbeat: Heartbeat;
  readonly #stopping = new AbortController();
  #isRunning = false;
  #isPassive = false;
  #wasActive = false;

  /** `stack` undoes what is created here. */
  constructor(parts: ControlParts, stack: AsyncDisposableStack) {
    const { settings, devices, book, scraping, state, bus, clock, notices } = parts;
    const { maxCommandAgeSeconds, confirmTimeoutSeconds, controllerGraceSeconds, renewal } =
      settings.actuator;
    this.#parts = parts;
    const schedule = new Schedule({
      store: state.namespace("schedule"),
      settings: settings.actuator,
      clock,
      bus,
      notices,
      devices: () => devices.keys(),
    });
    const overrides = new Overrides({
      store: state.namespace("overrides"),
      clock,
      notices,
      maxCommandAgeSeconds,
      devices: () => devices.keys(),
      revert: (path, command) => this.actuator.failsafeRevert(path, command),
    });
    const pauses = new Pauses({
      store: state.namespace("paused"),
      clock,
      notices,
      maxCommandAgeSeconds,
      devices,
      held: (path) => book.active(path),
      stopScraping: (path, reason) => scraping.pause(path, reason),
      scrapeAgain: (path) => scraping.resume(path),
    });
    // All writes from here on are recorded through it.
    const recorded = new RefusalLimit(bus, clock);
    stack.defer(() => recorded.stop());
    const mayWrite = () => !this.#isPassive && !settings.readOnly;
    this.actuator = new Actuator({
      devices,
      settings: settings.actuator,
      mayWrite,
      ledger: new CommandLedger(state.namespace("commands"), clock),
      book,
      batch: (work) => state.batch(work),
      latest: scraping.latest,
      fence: parts.fence,
      bus: recorded,
      clock,
      checkPaused: (path) => pauses.check(path),
      checkFree(path, action, point, requester) {
        schedule.check(path, requester);
        overrides.check(path, action, point);
      },
      scrapeSoon: (path) => scraping.soon(path),
    });
    stack.defer(async () => void (await Promise.all([scraping.stop(), this.actuator.stop()])));
    stack.defer(() => overrides.stop());
    const events = new Events({
      devices,
      store: state.namespace("events"),
      bus: recorded,
      clock,
      fence: parts.fence,
      maxCommandAgeSeconds,
      checkFree(path, requester) {
        if (!mayWrite()) throw new ReadOnlyBridgeError();
        pauses.check(path);
        schedule.check(path, requester);
        overrides.check(path, "set", undefined);
      },
    });
    stack.defer(() => events.stop());
    const watch = new LimitWatch({ devices, book, bus, notices, clock, confirmTimeoutSeconds });
    stack.defer(() => watch.stop());
    this.#schedule = schedule;
    this.#pauses = pauses;
    this.#watch = watch;
    this.#keeper = new LimitKeeper({ book, watch, clock, notices, renewsAlways: renewal === "always" });
    const isRenewing = () => this.#isRunning && !settings.readOnly;
    this.#ends = new LimitEndsWatch({ book, bus, devices, isRenewing });
    stack.defer(() => this.#ends.stop());
    if (controllerGraceSeconds !== undefined && !settings.readOnly)
      this.#controllers = new ControllerWatch({
        ...{ book, bus, clock, notices, graceSeconds: controllerGraceSeconds },
        revert: (limit) => this.actuator.revertAbandoned(limit),
      });
    this.#heartbeat = new Heartbeat(devices.values(), settings.driver.heartbeatIntervalSeconds, {
      write: async (device, value) => {
        if (!pauses.has(device.info.path)) await this.actuator.beat(device, value);
      },
      clock,
      outages: parts.outages,
    });
    stack.defer(() => this.#pause());
    stack.defer(() => this.#stopping.abort());
    this.besides = {
      checkCommand: (command) => checkAge(command, clock.now(), maxCommandAgeSeconds),
      pausing: pauses,
      scheduling: schedule,
      overriding: overrides,
      eventing: events,
      controllers: this.#controllers,
      sheds: () => watch.list(),
      scrapeAll: async (path, signal) => {
        const device = findDevice(devices, path);
        pauses.check(path);
        const signals = signal ? [signal, this.#stopping.signal] : [this.#stopping.signal];
        return scraping.now(device, AbortSignal.any(signals));
      },
    };
    // Before the first command can arrive.
    pauses.restore();
    overrides.restore();
    schedule.restore();
  }

  /** Returns when the limits held in a device end, by the point that was written; null: when they are cleared. */
  limitEnds(path: string): ReadonlyMap<string, Date | null> {
    return this.#ends.endsOf(path);
  }

  get counters() {
    return {
      writes: this.actuator.counters,
      holds: this.#keeper.counters,
      paused: pausedCounters(this.#pauses.paused()),
    };
  }

  /** Called when the bridge takes charge: takes over the held limits, and renews, ends and reverts them from now on. */
  activate(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#isPassive = false;
    const { devices, settings } = this.#parts;
    this.#schedule.start();
    this.#keeper.start(devices, settings.readOnly ? undefined : this.actuator);
    if (!this.#wasActive) {
      this.actuator.settle();
      this.#watch.start();
    }
    this.#wasActive = true;
    this.#controllers?.start();
    this.#ends.announceAll();
    if (settings.readOnly) this.#reportReadOnly();
    else this.#heartbeat.start();
  }

  /** Called when another bridge is in charge: refuses every write from now on, and renews and ends nothing. */
  passivate(): void {
    this.#isPassive = true;
    this.#pause();
    this.#ends.announceAll();
  }

  /** Held limits stay in the store for the next start; in the devices they end by themselves meanwhile. */
  #pause(): void {
    this.#isRunning = false;
    this.#heartbeat.stop();
    this.#controllers?.stop();
    this.#keeper.stop();
    this.#schedule.stop();
  }

  /**
   * Writes a device's Starting Values once, one after the other, for bridges configured to do so. Set points held since the
   * last run take precedence over them.
   */
  async writeStartingValues({ info }: Device): Promise<void> {
    const { book, clock, log } = this.#parts;
    if (book.has(info.path) || this.#pauses.has(info.path)) return;
    for (const { name, writable, startingValue } of info.points.values()) {
      if (!writable || startingValue === undefined) continue;
      if (this.#stopping.signal.aborted) return;
      const sentAt = new Date(clock.now());
      const command = { id: randomUUID(), requester: "voltbridge", via: "start", sentAt };
      const { status, text } = await this.actuator.set(info.path, name, startingValue, command);
      if (status !== "confirmed")
        log.warn(`Starting Value ${status}`, { device: info.path, point: name, ...(text && { text }) });
    }
  }

  /** Reports, when a read-only bridge starts, which limits are still in force. */
  #reportReadOnly(): void {
    const held = this.#parts.book.active();
    const endless = held.filter(({ endsAt }) => endsAt === undefined).length;
    const ends = Math.max(0, ...held.map(({ endsAt }) => endsAt ?? 0));
    const left =
      held.length === endless
        ? ""
        : `; ${held.length - endless} set points held since the last run are not renewed and end by themselves, the last at ${new Date(ends).toISOString()}`;
    const stay =
      endless === 0
        ? ""
        : `; ${endless} held since the last run have no end and stay in force until they are cleared`;
    this.#parts.notices.say(
      "warning",
      "read_only",
      `the bridge is read-only: it writes to no device${left}${stay}`,
    );
  }

  add(device: Device): void {
    this.#heartbeat.add(device);
  }

  remove(device: Device): void {
    this.#heartbeat.remove(device);
  }

  /** Called when a device gets another path, before it is added under it. */
  rename(from: string, to: string): void {
    this.#pauses.move(from, to);
  }

  replace(before: Device, device: Device): void {
    this.remove(before);
    this.add(device);
  }

  /** Forgets what is kept of a device that was not found again. */
  forget(path: string): void {
    this.#keeper.abandon(path);
    this.#pauses.forget(path);
  }
}

/** Maximum number of paused devices named in the health of the bridge. */
const MAX_NAMED = 20;

export interface PausedCounters {
  readonly count: number;
  /** Who paused a device and when, by its path; at most 20 of them. */
  readonly devices: Readonly<Record<string, string>>;
}

/** Undefined where no device is paused. */
function pausedCounters(paused: readonly PausedDevice[]): PausedCounters | undefined {
  if (paused.length === 0) return undefined;
  const named = paused.slice(0, MAX_NAMED);
  const texts = named.map(({ device, requester, since }) => [device, `by ${requester} since ${since}`]);
  return { count: paused.length, devices: Object.fromEntries(texts) };
}
