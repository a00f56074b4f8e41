import type { Bus } from "../bus.ts";
import type { Diagnostic } from "../config/index.ts";
import type { AbleType, AccountState, DriverAccount } from "../drivers/abilities.ts";
import { driverTypes } from "../drivers/index.ts";
import type { Log } from "../log/log.ts";
import { messageOf } from "../log/log.ts";
import { Notices } from "../log/notices.ts";
import { Outages } from "../log/outages.ts";
import type { Availability, DeviceInfo, OpenAlarms, WriteStatus } from "../points/index.ts";
import type { StateStore } from "../storage/state-store.ts";
import { type Clock, systemClock } from "../time/clock.ts";
import { type BuildContext, DeviceBuilder, type LoadedDevice } from "./building/build.ts";
import { DeviceSet, type Membership } from "./building/device-set.ts";
import { DriverServices } from "./building/driver-services.ts";
import { TopicOwners } from "./building/owners.ts";
import { DeviceChanges } from "./changing/device-changes.ts";
import type { Commands, Control } from "./commands.ts";
import { type ControlSettings, DeviceControl, type PausedCounters } from "./control.ts";
import { LimitBook } from "./holding/limit-book.ts";
import type { HoldCounters } from "./holding/limit-keeper.ts";
import { type ScrapedOnce, scrapeBuilt } from "./scrape-once.ts";
import { type AlarmCounters, AlarmWatch } from "./scraping/alarm-watch.ts";
import type { LatestValues } from "./scraping/latest-values.ts";
import { LoopDelay, type LoopDelayReading } from "./scraping/loop-delay.ts";
import type { ScrapeCounters } from "./scraping/scrape-results.ts";
import { Scraping } from "./scraping/scraping.ts";
import type { WriteFence } from "./writing/write-fence.ts";

export interface DevicesOptions {
  /** In the order of their slots within each group. */
  readonly devices: readonly LoadedDevice[];
  readonly settings: ControlSettings;
  readonly bus: Bus;
  readonly log: Log;
  /** Remains open while the devices run; its owner closes it. */
  readonly state: StateStore;
  /** Undefined: no other bridge writes to the devices. */
  readonly fence?: WriteFence | undefined;
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
  /** Undefined: the alarms of no device are read. */
  readonly alarms?: AlarmCounters;
  /** Undefined: no device is paused. */
  readonly paused?: PausedCounters;
  /** Running totals of the driver types, e.g. calls and errors. */
  readonly drivers: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

/** The devices of a bridge. Created by {@link openDevices}; they are scraped from `start` to `stop`. */
export interface RunningDevices {
  /** The devices that could be created, by path. Changes while running where there are sets of devices. */
  readonly byPath: ReadonlyMap<string, DeviceInfo>;
  /** The same as a list. */
  readonly infos: readonly DeviceInfo[];
  /** Faults of device configs and registry rows that only the drivers can detect. */
  readonly diagnostics: readonly Diagnostic[];
  readonly latest: Pick<LatestValues, "get" | "value" | "all" | "summaries" | "count">;
  /** Returns the open alarms of a device; undefined where they were not read in this run. */
  openAlarms(device: DeviceInfo): OpenAlarms | undefined;
  /** Returns when the limits held in a device end, by the point that was written; null: when they are cleared. */
  limitEnds(path: string): ReadonlyMap<string, Date | null>;
  readonly commands: Commands;
  readonly control: Control;
  /** Applies changed configs while running. */
  readonly changes: Pick<
    DeviceChanges,
    "current" | "ofDevices" | "faultsOf" | "plan" | "countRemoved" | "apply"
  >;
  counters(): DeviceCounters;
  /** Returns the present accounts of a driver type's devices. */
  accounts(driverType: string): readonly DriverAccount[];
  /**
   * Reads a device once with other rows than its own, by calls of its account. The running device notices nothing. Rejects where
   * the device cannot be created with these rows, or nothing can be read.
   */
  readWith(loaded: LoadedDevice, signal: AbortSignal): Promise<ScrapedOnce>;
  /** Returns the accounts of all devices, and whether their services answer. */
  accountStates(): readonly (AccountState & { readonly driverType: string })[];
  /** Returns for how long the event loop was blocked in the last one to two minutes. */
  loopDelay(): LoopDelayReading;
  /** `active` false: the bridge only reads until {@link activate}, and writes nothing. Default: true. */
  start(options?: { readonly active: boolean }): void;
  /** Called when the bridge takes charge: takes over held limits, carries out commands, renews and ends limits. */
  activate(): void;
  /** Called when another bridge is in charge: refuses every write from now on, and renews and ends nothing. */
  passivate(): void;
  /** Answers the commands in progress, aborts all calls and closes the drivers. */
  stop(): Promise<void>;
}

/**
 * Creates the devices and the parts that run them: scrapes go to the bus, commands and limits to the devices, write results
 * to the bus. Until `start`, nothing is read or written.
 */
export function openDevices(options: DevicesOptions): RunningDevices {
  const { settings, bus, state, clock = systemClock } = options;
  const log = options.log.part("devices");
  const notices = new Notices(bus, log, clock);
  const outages = new Outages({ log, clock, notify: (notice) => bus.emit("notice", notice) });
  const book = new LimitBook(state.namespace("holds"), state.namespace("clock"), clock);
  const stack = new AsyncDisposableStack();
  stack.defer(() => outages.stop());
  const services = stack.adopt(
    new DriverServices({ bus, log: options.log, state, notices, outages }),
    (all) => all.close(),
  );
  const context: BuildContext = {
    drivers: options.drivers ?? driverTypes,
    settings: settings.driver,
    service: (type) => services.open(type),
    own: (path) => book.ofDevice(path),
    confirmTimeoutSeconds: settings.actuator.confirmTimeoutSeconds,
  };
  const builder = new DeviceBuilder(context);
  const devices = builder.buildAll(options.devices);
  const infos = new Map([...devices].map(([path, { info }]) => [path, info]));
  const parts = { devices, book, state, bus, clock, notices, outages, log, fence: options.fence };
  const scraping = new Scraping(parts);
  const { latest } = scraping;
  const alarms = new AlarmWatch(bus, state);
  // After the last scrape, which control ends.
  stack.defer(() => alarms.flush());
  stack.defer(bus.on("scrape", (scrape) => alarms.noteScrape(scrape)));
  const control = new DeviceControl({ ...parts, settings, scraping }, stack);
  const owners = new TopicOwners(options.devices);
  const membership: Membership = {
    add(device) {
      const { info } = device;
      devices.set(info.path, device);
      infos.set(info.path, info);
      scraping.add(device);
      control.add(device);
      bus.emit("membership", { device: info, change: "added" });
    },
    replace(before, device) {
      const { info } = device;
      devices.set(info.path, device);
      infos.set(info.path, info);
      scraping.replace(device);
      control.replace(before, device);
      bus.emit("membership", { device: info, change: "changed", before: before.info });
    },
    remove(path, reason) {
      const device = devices.get(path);
      if (!device) return;
      scraping.remove(path, reason);
      control.remove(device);
      devices.delete(path);
      infos.delete(path);
      device.driver.close?.();
      bus.emit("membership", { device: device.info, change: "gone" });
    },
    forget(device) {
      control.forget(device.path);
      alarms.forget(device.path);
      bus.emit("membership", { device, change: "forgotten" });
    },
  };
  const setParts = {
    builder,
    services,
    owners,
    state: state.namespace("device sets"),
    clock,
    notices,
    outages,
  };
  const createSet = (loaded: LoadedDevice) => new DeviceSet(loaded, { ...setParts, ...membership });
  const sets = new Map<string, DeviceSet>();
  for (const loaded of options.devices)
    if (loaded.settings.set) sets.set(loaded.settings.file, createSet(loaded));
  for (const set of sets.values()) set.restore();
  stack.defer(async () => void (await Promise.all([...sets.values()].map((set) => set.stop()))));
  const changes = new DeviceChanges(
    {
      ...{ devices, builder, owners, book, ...membership, createSet },
      revert: (limit) => control.actuator.revertRemoved(limit),
      quiet: (path) => control.actuator.quiet(path),
      scrapeSoon: (path) => scraping.soon(path),
      rename(from, to) {
        control.rename(from, to);
        alarms.rename(from, to);
      },
    },
    // The others are tried again with each reload.
    options.devices.filter(({ settings }) => settings.set || devices.has(settings.path)),
    sets,
  );
  // The device sets report later failures of their members.
  const diagnostics = builder.diagnostics.splice(0);
  const startedWith = [...devices.values()].filter(({ info }) => !owners.isMember(info.path));
  const loopDelay = stack.adopt(new LoopDelay(), (one) => one.stop());

  return {
    byPath: infos,
    get infos() {
      return [...infos.values()];
    },
    diagnostics,
    latest,
    limitEnds: (path) => control.limitEnds(path),
    openAlarms: (device) => alarms.openAlarms(device),
    commands: control.actuator,
    control: control.besides,
    accounts: (type) => services.accounts(type),
    accountStates: () => services.accountStates(),
    changes,
    readWith: (loaded, signal) => scrapeBuilt(loaded, context, signal),
    counters: () => ({
      devices: latest.count(),
      scrapes: scraping.counters,
      ...control.counters,
      alarms: readAlarms(infos) ? alarms.counters : undefined,
      drivers: services.counters(),
    }),
    loopDelay: () => loopDelay.recent(),
    start({ active } = { active: true }) {
      loopDelay.start();
      reportState(state, notices);
      stack.defer(bus.on("write", (write) => latest.written(write)));
      if (active) control.activate();
      else control.passivate();
      scraping.start();
      for (const set of sets.values()) set.start();
      if (active && !settings.readOnly && settings.driver.writeStartingValues)
        for (const device of startedWith) void control.writeStartingValues(device);
    },
    activate: () => control.activate(),
    passivate: () => control.passivate(),
    stop: () => stack.disposeAsync(),
  };
}

function readAlarms(devices: ReadonlyMap<string, DeviceInfo>): boolean {
  for (const { readsAlarms } of devices.values()) if (readsAlarms) return true;
  return false;
}

function reportState(state: StateStore, notices: Notices): void {
  if (state.setAside !== undefined)
    notices.say("error", "state_damaged", `the state file was damaged and was moved to ${state.setAside}`);
  state.reportTo({
    unsaved(error) {
      if (error === undefined)
        notices.say("info", "state_saved", "all unsaved changes have been written to disk");
      else
        notices.say(
          "error",
          "state_not_saved",
          `the record of limits in force could not be saved, so the last changes would be lost in a restart; the bridge continues and retries: ${messageOf(error)}. Make room on the disk of the data folder`,
        );
    },
    setAside: (namespace, key) =>
      notices.say(
        "error",
        "state_record_set_aside",
        `the saved record ${key} of ${namespace} is invalid and is ignored; it is kept in the state file as "${namespace} ${key}" of "set aside"`,
      ),
  });
}
