import type { Bus } from "../bus.ts";
import type { BridgeSettings, Diagnostic } from "../config/index.ts";
import type { DriverType } from "../drivers/driver.ts";
import { driverTypes } from "../drivers/index.ts";
import type { Log } from "../log.ts";
import type { Availability, DeviceInfo, WriteStatus } from "../points/index.ts";
import { Actuator } from "./actuator.ts";
import { buildDevices, type LoadedDevice } from "./build.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Commands } from "./commands.ts";
import { DriverServices } from "./driver-services.ts";
import { Heartbeat } from "./heartbeat.ts";
import { type HoldCounters, Holds } from "./holds.ts";
import { LatestValues } from "./latest-values.ts";
import { Notices } from "./notices.ts";
import { Poller } from "./poller.ts";
import { type ScrapeCounters, ScrapeResults } from "./scrape-results.ts";
import { Scraper } from "./scraper.ts";
import { writeStartingValues } from "./starting-values.ts";
import type { StateStore } from "./state-store.ts";

export interface DevicesOptions {
  /** In the order of their slots. */
  readonly devices: readonly LoadedDevice[];
  readonly settings: Pick<BridgeSettings, "driver" | "actuator">;
  readonly bus: Bus;
  readonly log: Log;
  /** Stays open for as long as the devices run; closed by whoever opened it. */
  readonly state: StateStore;
  /** Default: THE LIST. */
  readonly drivers?: Readonly<Record<string, DriverType>>;
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
  /** The devices that could be made. */
  readonly infos: readonly DeviceInfo[];
  /** Problems of device configs and registry rows that only the drivers can see. */
  readonly diagnostics: readonly Diagnostic[];
  readonly latest: LatestValues;
  readonly commands: Commands;
  counters(): DeviceCounters;
  start(): void;
  /** Answers what is under way, ends every call and closes the drivers. */
  stop(): Promise<void>;
}

/** Makes the devices and what runs them. Until `start`, no network is touched and nothing is written. */
export function openDevices(options: DevicesOptions): RunningDevices {
  const { settings, bus, state } = options;
  const log = options.log.part("devices");
  const clock = options.clock ?? systemClock;
  const notices = new Notices(bus, log, clock);
  const services = new DriverServices(options.log, state, notices);
  const { devices, diagnostics } = buildDevices(options.devices, {
    drivers: options.drivers ?? driverTypes,
    settings: settings.driver,
    service: (type) => services.open(type),
  });
  const byPath = new Map(devices.map((device) => [device.info.path, device]));
  const infos = devices.map(({ info }) => info);

  const latest = new LatestValues(infos, bus, clock);
  const scraper = new Scraper(clock);
  const results = new ScrapeResults({ bus, latest, notices, log, clock });
  const poller = new Poller({
    devices,
    clock,
    sink: results,
    scrape: (device, synchronizedAt, signal) => scraper.scrape(device, synchronizedAt, signal),
  });
  const holds = new Holds(state.namespace("holds"), clock, notices);
  const actuator = new Actuator({
    devices: byPath,
    settings: settings.actuator,
    holds,
    latest,
    bus,
    clock,
    scrapeSoon: (path) => poller.scrapeSoon(path),
  });
  const heartbeat = new Heartbeat(devices, settings.driver.heartbeatSeconds, {
    write: (device, value) => actuator.beat(device, value),
    clock,
    log,
  });
  const stopping = new AbortController();

  return {
    infos,
    diagnostics,
    latest,
    commands: actuator,
    counters: () => ({
      devices: latest.count(),
      scrapes: results.counters,
      writes: actuator.counters,
      holds: holds.counters,
      drivers: services.counters(),
    }),
    start() {
      if (state.setAside !== undefined)
        notices.say(
          "error",
          "state_damaged",
          `the state file was damaged and put aside as ${state.setAside}`,
        );
      holds.start(byPath, (hold) => actuator.renew(hold));
      poller.start();
      heartbeat.start();
      if (settings.driver.writeStartingValues)
        for (const device of devices)
          void writeStartingValues(device, { actuator, holds, clock, log, signal: stopping.signal });
    },
    async stop() {
      stopping.abort();
      heartbeat.stop();
      holds.stop();
      await Promise.all([poller.stop(), actuator.stop()]);
      await services.close();
    },
  };
}
