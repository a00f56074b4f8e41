import { randomUUID } from "node:crypto";
import type { Bus } from "../bus.ts";
import type { Diagnostic } from "../config/diagnostic.ts";
import type { BridgeSettings } from "../config/settings.ts";
import type { DriverType } from "../drivers/driver.ts";
import { driverTypes } from "../drivers/index.ts";
import type { Log } from "../log.ts";
import type { Availability, DeviceInfo, WriteStatus } from "../points/index.ts";
import { Actuator } from "./actuator.ts";
import { buildDevices, type LoadedDevice } from "./build.ts";
import { type Clock, systemClock } from "./clock.ts";
import type { Commands } from "./commands.ts";
import type { Device } from "./device.ts";
import { DriverServices } from "./driver-services.ts";
import { Heartbeat } from "./heartbeat.ts";
import { Holds } from "./holds.ts";
import { LatestValues } from "./latest-values.ts";
import { Notices } from "./notices.ts";
import { Poller } from "./poller.ts";
import { type ScrapeCounters, ScrapeResults } from "./scrape-results.ts";
import { Scraper } from "./scraper.ts";
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

export interface DeviceCounters {
  readonly devices: Readonly<Record<Availability, number>>;
  readonly scrapes: ScrapeCounters;
  /** Answered writes. */
  readonly writes: Readonly<Record<WriteStatus, number>>;
  /** Set points that stand in devices, and renewals of their leases. */
  readonly holds: { readonly held: number; readonly ok: number; readonly failed: number };
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
      if (settings.driver.writeStartingValues) writeStartingValues(devices, { actuator, holds, clock, log });
    },
    async stop() {
      heartbeat.stop();
      holds.stop();
      await Promise.all([poller.stop(), actuator.stop()]);
      await services.close();
    },
  };
}

/** Writes every Starting Value once, except where a set point is held since the last run: that outranks them. */
function writeStartingValues(
  devices: readonly Device[],
  parts: { actuator: Actuator; holds: Holds; clock: Clock; log: Log },
): void {
  const { actuator, holds, clock, log } = parts;
  for (const { info } of devices) {
    if (holds.has(info.path)) continue;
    for (const { name, writable, startingValue } of info.points.values()) {
      if (!writable || startingValue === undefined) continue;
      const source = {
        id: randomUUID(),
        requester: "voltbridge",
        via: "start",
        sentAt: new Date(clock.now()),
      };
      void actuator.set(info.path, name, startingValue, source).then(({ status, text }) => {
        if (status !== "confirmed")
          log.warn(`Starting Value: ${status}`, { device: info.path, point: name, text });
      });
    }
  }
}
