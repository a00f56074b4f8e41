import type { Bus } from "../bus.ts";
import type { BridgeSettings, Diagnostic } from "../config/index.ts";
import type { AbleType, DriverAccount } from "../drivers/abilities.ts";
import { driverTypes } from "../drivers/index.ts";
import type { Log } from "../log/log.ts";
import { messageOf } from "../log/log.ts";
import { Notices } from "../log/notices.ts";
import type { Availability, DeviceInfo, WriteStatus } from "../points/index.ts";
import type { StateStore } from "../storage/state-store.ts";
import { type Clock, systemClock, withDeadline } from "../time/clock.ts";
import { DeviceBuilder, type LoadedDevice } from "./building/build.ts";
import { DeviceSet } from "./building/device-set.ts";
import { DriverServices } from "./building/driver-services.ts";
import { Owners } from "./building/owners.ts";
import { findDevice } from "./command-checks.ts";
import type { Commands, Control } from "./commands.ts";
import { ReadOnlyBridgeError } from "./errors.ts";
import { Events } from "./events.ts";
import { DeadMan } from "./holding/dead-man.ts";
import type { HeldLimit } from "./holding/held-limit.ts";
import { LimitBook } from "./holding/limit-book.ts";
import { type HoldCounters, LimitKeeper } from "./holding/limit-keeper.ts";
import { LimitWatch } from "./holding/limit-watch.ts";
import { Overrides } from "./overrides/index.ts";
import { ActivePart } from "./read-only.ts";
import { Schedule } from "./schedule/index.ts";
import { Heartbeat } from "./scraping/heartbeat.ts";
import { LatestValues } from "./scraping/latest-values.ts";
import { LoopDelay, type LoopDelayReading } from "./scraping/loop-delay.ts";
import { Poller } from "./scraping/poller.ts";
import { type ScrapeCounters, ScrapeResults } from "./scraping/scrape-results.ts";
import { Scraper } from "./scraping/scraper.ts";
import { Actuator } from "./writing/actuator.ts";
import { CommandLedger } from "./writing/command-ledger.ts";
import { RefusalLimit } from "./writing/refusal-limit.ts";
import { writeStartingValues } from "./writing/starting-values.ts";

/** A scrape that somebody asked for. */
const SCRAPE_DEADLINE_MS = 30_000;

export interface DevicesOptions {
  /** In the order of their slots within each group. */
  readonly devices: readonly LoadedDevice[];
  readonly settings: Pick<BridgeSettings, "driver" | "actuator"> & Partial<Pick<BridgeSettings, "readOnly">>;
  readonly bus: Bus;
  readonly log: Log;
  /** Stays open for as long as the devices run; closed by whoever opened it. */
  readonly state: StateStore;
  /** Default: THE LIST. */
  readonly drivers?: Readonly<Record<string, AbleType>>;
  readonly clock?: Clock;
}

interface DeviceCounters {
  readonly devices: Readonly<Record<Availability, number>>;
  readonly scrapes: ScrapeCounters;
  /** Answered writes. */
  readonly writes: Readonly<Record<WriteStatus, number>>;
  readonly holds: HoldCounters;
  /** Running totals of the driver types, e.g. calls and errors. */
  readonly drivers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The devices of a bridge. Made by {@link openDevices}; scrapes from `start` to `stop`. */
export interface RunningDevices {
  /** The devices that could be made, by path. Changes while running where there are sets of devices. */
  readonly byPath: ReadonlyMap<string, DeviceInfo>;
  /** The same as a list, as it is now. */
  readonly infos: readonly DeviceInfo[];
  /** Problems of device configs and registry rows that only the drivers can see. */
  readonly diagnostics: readonly Diagnostic[];
  readonly latest: LatestValues;
  readonly commands: Commands;
  readonly control: Control;
  counters(): DeviceCounters;
  /** The accounts of a driver type's devices, as they are now. */
  accounts(driverType: string): readonly DriverAccount[];
  /** How long the event loop was held up since this was asked last. */
  takeLoopDelay(): LoopDelayReading;
  /** `active` false: it only reads until {@link activate}, and writes nothing. Default: true. */
  start(options?: { readonly active: boolean }): void;
  /** The bridge is in charge: takes up what is held, carries out commands, renews and ends. */
  activate(): void;
  /** Another bridge is in charge: refuses every write from now on, and renews and ends nothing. */
  passivate(): void;
  /** Answers what is under way, ends every call and closes the drivers. */
  stop(): Promise<void>;
}

/** Makes the devices and what runs them. Until `start`, no network is touched and nothing is written. */
export function openDevices(options: DevicesOptions): RunningDevices {
  const { settings, bus, state } = options;
  const { readOnly = false } = settings;
  const log = options.log.part("devices");
  const clock = options.clock ?? systemClock;
  const notices = new Notices(bus, log, clock);
  const book = new LimitBook(state.namespace("holds"), state.namespace("clock"), clock);
  const services = new DriverServices(options.log, state, notices);
  const builder = new DeviceBuilder({
    drivers: options.drivers ?? driverTypes,
    settings: settings.driver,
    service: (type) => services.open(type),
    own: (path) => book.ofDevice(path),
  });
  const byPath = builder.buildAll(options.devices);
  const infos = new Map([...byPath].map(([path, { info }]) => [path, info]));

  const latest = new LatestValues([...infos.values()], bus, clock);
  const scraper = new Scraper(clock);
  const results = new ScrapeResults({ bus, latest, notices, log, clock });
  const poller = new Poller({
    devices: { [Symbol.iterator]: () => byPath.values() },
    clock,
    sink: results,
    scrape: (device, synchronizedAt, signal, end) => scraper.begin(device, synchronizedAt, signal, end),
  });
  const ledger = new CommandLedger(state.namespace("commands"), clock);
  const schedule = new Schedule({
    store: state.namespace("schedule"),
    settings: settings.actuator,
    clock,
    bus,
    notices,
    devices: () => byPath.keys(),
  });
  const overrides = new Overrides({
    store: state.namespace("overrides"),
    clock,
    notices,
    maxCommandAgeSeconds: settings.actuator.maxCommandAgeSeconds,
    devices: () => byPath.keys(),
    revert: (path, command) => actuator.failsafeRevert(path, command),
  });
  // What is written from here on goes on record by way of it.
  const recorded = new RefusalLimit(bus, clock);
  const actuator = new Actuator({
    devices: byPath,
    settings: settings.actuator,
    get readOnly() {
      return !activePart.mayWrite;
    },
    ledger,
    book,
    batch: (work) => state.batch(work),
    latest,
    bus: recorded,
    clock,
    checkFree(path, action, point, requester) {
      schedule.check(path, requester);
      overrides.check(path, action, point);
    },
    scrapeSoon: (path) => poller.scrapeSoon(path),
  });
  const { controllerGraceSeconds: graceSeconds } = settings.actuator;
  const revert = (limit: HeldLimit) => actuator.deadManRevert(limit);
  const deadMan =
    graceSeconds === undefined || readOnly
      ? undefined
      : new DeadMan({ book, bus, clock, notices, graceSeconds, revert });
  const events = new Events({
    devices: byPath,
    store: state.namespace("events"),
    bus: recorded,
    clock,
    maxCommandAgeSeconds: settings.actuator.maxCommandAgeSeconds,
    checkFree(path, requester) {
      if (!activePart.mayWrite) throw new ReadOnlyBridgeError();
      schedule.check(path, requester);
      overrides.check(path, "set", undefined);
    },
  });
  let deaf: (() => void) | undefined;
  const { confirmTimeoutSeconds, renewal } = settings.actuator;
  const watch = new LimitWatch({ devices: byPath, book, bus, notices, clock, confirmTimeoutSeconds });
  const keeper = new LimitKeeper({ book, watch, clock, notices, renewsAlways: renewal === "always" });
  // Before the first command can come.
  overrides.restore();
  schedule.restore();
  const heartbeat = new Heartbeat(byPath.values(), settings.driver.heartbeatSeconds, {
    write: (device, value) => actuator.beat(device, value),
    clock,
    log,
  });
  const activePart = new ActivePart({
    ...{ readOnly, devices: byPath, actuator, book, keeper, watch, schedule, deadMan, heartbeat, notices },
  });
  const loopDelay = new LoopDelay();
  const stopping = new AbortController();
  const owners = new Owners(options.devices);
  const sets = options.devices
    .filter((loaded) => loaded.settings.set)
    .map(
      (loaded) =>
        new DeviceSet(loaded, {
          builder,
          services,
          owners,
          state: state.namespace("device sets"),
          clock,
          notices,
          add(device) {
            const { info } = device;
            byPath.set(info.path, device);
            infos.set(info.path, info);
            latest.add(info);
            poller.add(device);
            heartbeat.add(device);
            bus.emit("membership", { device: info, change: "added" });
          },
          remove(path, reason) {
            const device = byPath.get(path);
            if (!device) return;
            poller.remove(path);
            heartbeat.remove(device);
            latest.remove(path, reason);
            results.forget(path);
            scraper.forget(path);
            byPath.delete(path);
            infos.delete(path);
            device.driver.close?.();
            bus.emit("membership", { device: device.info, change: "gone" });
          },
          forget(device) {
            keeper.abandon(device.path);
            bus.emit("membership", { device, change: "forgotten" });
          },
        }),
    );
  for (const set of sets) set.restore();
  // What is wrong with single members later is told by their set.
  const diagnostics = builder.diagnostics.splice(0);
  const startedWith = [...byPath.values()].filter(({ info }) => !owners.isMember(info.path));

  return {
    byPath: infos,
    get infos() {
      return [...infos.values()];
    },
    diagnostics,
    latest,
    commands: actuator,
    control: {
      scheduling: schedule,
      overriding: overrides,
      eventing: events,
      ...(deadMan && { controllers: deadMan }),
      sheds: () => watch.list(),
      async scrapeAll(path, signal) {
        const device = findDevice(byPath, path);
        const what = `the scrape of ${path}`;
        const signals = signal ? [signal, stopping.signal] : [stopping.signal];
        return withDeadline(
          { clock, ms: SCRAPE_DEADLINE_MS, signal: AbortSignal.any(signals), what },
          (inner) => scraper.scrape(device, new Date(clock.now()), inner),
        );
      },
    },
    accounts: (type) => services.accounts(type),
    counters: () => ({
      devices: latest.count(),
      scrapes: results.counters,
      writes: actuator.counters,
      holds: keeper.counters,
      drivers: services.counters(),
    }),
    takeLoopDelay: () => loopDelay.take(),
    start({ active } = { active: true }) {
      loopDelay.start();
      reportState(state, notices);
      if (state.setAside !== undefined)
        notices.say(
          "error",
          "state_damaged",
          `the state file was damaged and put aside as ${state.setAside}`,
        );
      deaf = bus.on("write", (write) => latest.written(write));
      if (active) activePart.start();
      else activePart.passivate();
      poller.start();
      for (const set of sets) set.start();
      if (active && !readOnly && settings.driver.writeStartingValues)
        for (const device of startedWith)
          void writeStartingValues(device, { actuator, book, clock, log, signal: stopping.signal });
    },
    activate: () => activePart.start(),
    passivate: () => activePart.passivate(),
    async stop() {
      stopping.abort();
      loopDelay.stop();
      await Promise.all(sets.map((set) => set.stop()));
      activePart.stop();
      watch.stop();
      events.stop();
      deaf?.();
      overrides.stop();
      await Promise.all([poller.stop(), actuator.stop(), results.settled()]);
      recorded.stop();
      await services.close();
    },
  };
}

function reportState(state: StateStore, notices: Notices): void {
  state.reportTo({
    unsaved(error) {
      if (error === undefined)
        notices.say("info", "state_saved", "everything that was not saved is on the disk now");
      else
        notices.say(
          "error",
          "state_not_saved",
          `what is in force in the devices could not be saved, so a restart would not know of the last changes; the bridge goes on and tries again: ${messageOf(error)}. Make room on the disk of the data folder`,
        );
    },
    setAside: (namespace, key) =>
      notices.say(
        "error",
        "state_record_set_aside",
        `the saved record ${key} of ${namespace} is not in the expected form and is left out; it is kept in the state file as "${namespace} ${key}" of "set aside"`,
      ),
  });
}
