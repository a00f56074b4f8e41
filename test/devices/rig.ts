import { Bus, type Notice, type Preemption, type Reservation } from "../../src/bus.ts";
import type { ActuatorSettings, DeviceSettings, DriverSettings } from "../../src/config/index.ts";
import type { Command } from "../../src/devices/commands.ts";
import { openDevices } from "../../src/devices/index.ts";
import type { AbleDevice, AbleType } from "../../src/drivers/abilities.ts";
import type { WriteOptions, WriteOutcome } from "../../src/drivers/driver.ts";
import { createLog } from "../../src/log/log.ts";
import type { AvailabilityChange, PointValue, Scrape, Write } from "../../src/points/index.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { ManualClock, settled } from "../helpers/manual-clock.ts";
import { actuatorSettings, deviceSettings, driverSettings, type RowSpec, registryRows } from "./rows.ts";

/** The station of these tests: a limit and a percentage that replace each other, a switch, a load, a heartbeat. */
export const STATION: RowSpec[] = [
  { name: "load", attribute: "load" },
  { name: "limit", attribute: "limit", writable: true, min: 0, max: 50, units: "kW" },
  { name: "percent", attribute: "percent", writable: true, type: "integer", min: 0, max: 100 },
  { name: "enabled", attribute: "enabled", writable: true, type: "boolean", startingValue: true },
  { name: "label", attribute: "label", writable: true, type: "string" },
];

/** A device that does as a test tells it, and remembers what it was asked. */
export class ScriptedDevice implements AbleDevice {
  readonly path: string;
  readonly clock: ManualClock;
  readonly calls: string[] = [];
  readonly values = new Map<string, PointValue>([
    ["load", 7.2],
    ["limit", 0],
    ["percent", 0],
    ["enabled", true],
    ["label", null],
  ]);
  readonly broken = new Map<string, Error>();
  /** How long a write takes, and how long until a reading shows it. */
  writeMs = 0;
  lagMs = 0;
  leaseSeconds: number | undefined;
  /** What the next calls of a kind throw, while set. */
  scrapeError: Error | undefined;
  writeError: Error | undefined;
  readError: Error | undefined;

  constructor(path: string, clock: ManualClock) {
    this.path = path;
    this.clock = clock;
  }

  /** The writes among the calls. */
  get writes(): string[] {
    return this.calls.filter((call) => call.startsWith("set") || call.startsWith("revert"));
  }

  async scrapeAll() {
    this.calls.push("scrape");
    if (this.scrapeError) throw this.scrapeError;
    const values = new Map([...this.values].filter(([point]) => !this.broken.has(point)));
    return { values, failures: this.broken };
  }

  async getPoint(point: string) {
    this.calls.push(`get ${point}`);
    if (this.readError) throw this.readError;
    return this.values.get(point) ?? null;
  }

  async setPoint(point: string, value: PointValue, options: WriteOptions) {
    const end = options.durationMinutes === undefined ? "" : ` for ${options.durationMinutes} min`;
    this.calls.push(`set ${point} ${JSON.stringify(value)}${end}`);
    await this.#take(point, value, options.signal);
    const shed = point === "limit" || point === "percent";
    const hold = { key: "shed", ...(this.leaseSeconds && { leaseSeconds: this.leaseSeconds }) };
    if (point === "enabled" && value === false) return this.#outcome(point, value, { releases: ["shed"] });
    return this.#outcome(point, value, shed ? { hold } : {});
  }

  async revertPoint(point: string, options: WriteOptions) {
    this.calls.push(`revert ${point}`);
    const standard = point === "enabled" ? true : point === "label" ? null : 0;
    await this.#take(point, standard, options.signal);
    return this.#outcome(
      point,
      standard,
      point === "limit" || point === "percent" ? { releases: ["shed"] } : {},
    );
  }

  async #take(point: string, value: PointValue, signal: AbortSignal): Promise<void> {
    if (this.writeMs > 0)
      await new Promise<void>((resolve, reject) => {
        const cancel = this.clock.after(this.writeMs, resolve);
        signal.addEventListener("abort", () => {
          cancel();
          reject(signal.reason);
        });
      });
    if (this.writeError) throw this.writeError;
    const show = () => void this.values.set(point, value);
    if (this.lagMs > 0) this.clock.after(this.lagMs, show);
    else show();
  }

  #outcome(point: string, wanted: PointValue, rest: Partial<WriteOutcome>): WriteOutcome {
    const verify = async () => {
      const readBack = await this.getPoint(point);
      return { confirmed: readBack === wanted, readBack };
    };
    return { code: "100", verify, ...rest };
  }
}

export interface RigOptions {
  readonly paths?: readonly string[];
  readonly rows?: readonly RowSpec[];
  readonly device?: Partial<DeviceSettings>;
  readonly driver?: Partial<DriverSettings>;
  readonly actuator?: Partial<ActuatorSettings>;
  readonly readOnly?: boolean;
  readonly state?: StateStore;
  readonly clock?: ManualClock;
  /** Called with each line of the log. */
  readonly write?: (line: string) => void;
  /** Called for each device before anything runs. */
  readonly prepare?: (device: ScriptedDevice) => void;
}

/** A bridge's devices over scripted ones, on a clock that the test moves, with everything that was on the bus. */
export function rig(options: RigOptions = {}) {
  const clock = options.clock ?? new ManualClock();
  const state = options.state ?? StateStore.open(":memory:");
  const stations = new Map<string, ScriptedDevice>();
  const closed: string[] = [];
  const scripted: AbleType = {
    name: "scripted",
    configSchema: {},
    checkRows: () => [],
    open: () => ({
      createDevice(init) {
        const device = new ScriptedDevice(init.path, clock);
        options.prepare?.(device);
        stations.set(init.path, device);
        return device;
      },
      async close() {
        closed.push("scripted");
      },
    }),
  };
  const lines: string[] = [];
  const bus = new Bus((_, error) => {
    throw error;
  });
  const scrapes: Scrape[] = [];
  const writes: Write[] = [];
  const availability: AvailabilityChange[] = [];
  const notices: Notice[] = [];
  bus.on("scrape", (scrape) => scrapes.push(scrape));
  bus.on("write", (write) => writes.push(write));
  bus.on("availability", (change) => availability.push(change));
  bus.on("notice", (notice) => notices.push(notice));
  const reservations: Reservation[] = [];
  const preemptions: Preemption[] = [];
  bus.on("reservation", (reservation) => reservations.push(reservation));
  bus.on("preemption", (preemption) => preemptions.push(preemption));
  const rows = registryRows(options.rows ?? STATION);
  const devices = openDevices({
    devices: (options.paths ?? ["site/s1"]).map((path) => ({
      settings: deviceSettings({ path, driverType: "scripted", ...options.device }),
      rows,
    })),
    settings: {
      readOnly: options.readOnly ?? false,
      driver: { ...driverSettings, ...options.driver },
      actuator: { ...actuatorSettings, ...options.actuator },
    },
    drivers: { scripted },
    bus,
    log: createLog({ write: options.write ?? ((line) => void lines.push(line)) }),
    state,
    clock,
  });
  let asked = 0;
  const command = (more: Partial<Command> = {}): Command => ({
    id: `c${++asked}`,
    requester: "test",
    via: "test",
    sentAt: new Date(clock.now()),
    ...more,
  });
  const station = (path = "site/s1") => stations.get(path)!;
  /** The promise's value, with as little time passing as it needs, at most `ms`. */
  async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
    let done = false;
    void promise
      .finally(() => {
        done = true;
      })
      .catch(() => {});
    for (let passed = 0; !done && passed <= ms; passed += 50) await clock.advance(passed === 0 ? 0 : 50);
    await settled();
    if (!done) throw new Error(`still waiting after ${ms} ms`);
    return promise;
  }
  const heard = { scrapes, writes, availability, notices, reservations, preemptions, lines, closed };
  const { commands } = devices;
  const { scheduling, overriding } = devices.control;
  return { devices, bus, commands, scheduling, overriding, clock, state, station, command, within, ...heard };
}
