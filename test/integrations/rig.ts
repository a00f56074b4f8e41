import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Bus, type Notice } from "../../src/bus.ts";
import type { IntegrationSettings, MqttSettings } from "../../src/config/index.ts";
import { defaultBridge } from "../../src/config/index.ts";
import type { Command, CommandResult, Commands } from "../../src/devices/commands.ts";
import { LatestValues } from "../../src/devices/scraping/latest-values.ts";
import { Integrations } from "../../src/integrations/index.ts";
import { createLog } from "../../src/log/log.ts";
import { Notices } from "../../src/log/notices.ts";
import { type Mqtt, startMqtt } from "../../src/mqtt/index.ts";
import type { DeviceInfo, PointValue, PortEnergy } from "../../src/points/index.ts";
import { StateStore } from "../../src/storage/state-store.ts";
import { systemClock } from "../../src/time/clock.ts";
import { deviceOf } from "../helpers/home-assistant.ts";
import { MemoryQueue } from "../mqtt/memory-queue.ts";

export const INSTANCE = "main";
const TIMES = { firstPauseMs: 50, longestPauseMs: 200, stableMs: 100, connectTimeoutMs: 2000, askMs: 10 };

/** A station of the shipped registry. */
export function station(
  path: string,
  stationID: string,
  csv = "registry/chargepoint-minimal.csv",
): DeviceInfo {
  return deviceOf(csv, "chargepoint", { path, stationID, readsAlarms: true });
}

/** Usual values of a station, with this name and load. */
export function valuesOf(device: DeviceInfo, name: string, load = 6.6): Map<string, PointValue> {
  const values = new Map<string, PointValue>();
  for (const { name: point, type, origin } of device.points.values()) {
    const { measure, words } = origin ?? {};
    if (measure === "name") values.set(point, name);
    else if (words) values.set(point, words[0]!);
    else if (type === "float") values.set(point, measure === "load" ? load : 0);
    else if (type === "integer") values.set(point, 0);
    else if (type === "boolean") values.set(point, true);
    else if (type === "datetime") values.set(point, "2026-11-21T07:30:00Z");
    else values.set(point, "text");
  }
  return values;
}

interface Call {
  readonly device: string;
  readonly point: string;
  /** Undefined: a revert. */
  readonly value?: unknown;
  readonly command: Command;
}

/** What an integration needs of a bridge: its bus, its devices, and its MQTT. It is started and ended as often as a test wants. */
export class IntegrationRig {
  readonly folder = mkdtempSync(join(tmpdir(), "voltbridge-integrations-"));
  readonly devices = new Map<string, DeviceInfo>();
  readonly names = new Map<string, string>();
  readonly notices: Notice[] = [];
  readonly log: string[] = [];
  readonly calls: Call[] = [];
  /** Known when an integration starts. */
  readonly energies: PortEnergy[] = [];
  /** How the device answers. */
  outcome: Partial<CommandResult> = {};
  settings: IntegrationSettings;
  mqttSettings: Partial<MqttSettings>;
  bus: Bus | undefined;
  latest: LatestValues | undefined;
  integrations: Integrations | undefined;
  #mqtt: Mqtt | undefined;
  #state: StateStore | undefined;

  constructor(settings: Partial<IntegrationSettings>, mqttSettings: Partial<MqttSettings>) {
    this.settings = { ...defaultBridge().integrations, ...settings };
    this.mqttSettings = mqttSettings;
  }

  async start(): Promise<void> {
    const log = createLog({ level: "info", write: (line) => this.log.push(line) });
    const bus = new Bus((event, error) => {
      throw new Error(`a listener of ${event} threw`, { cause: error });
    });
    bus.on("notice", (notice) => this.notices.push(notice));
    const latest = new LatestValues([...this.devices.values()], bus, systemClock);
    const settings = { ...defaultBridge().mqtt, ...this.mqttSettings };
    const commands = this.#commands;
    this.#state = StateStore.open(join(this.folder, "state.sqlite"));
    this.#mqtt = await startMqtt({
      ...{ settings, instance: INSTANCE, version: "1.2.3", bus, devices: this.devices, commands, log },
      ...{ outbox: new MemoryQueue(), times: TIMES },
    });
    this.integrations = new Integrations(this.settings, {
      ...{ instance: INSTANCE, version: "1.2.3", mqtt: settings, bus, state: this.#state, log },
      ...{ address: this.#mqtt.address, topics: this.#mqtt.topics, clock: systemClock },
      devices: {
        ...{ byPath: this.devices, latest, commands },
        openAlarms: () => undefined,
        limitEnds: () => new Map(),
      },
      lifetimeEnergy: (stationID) => this.energies.filter((energy) => energy.stationID === stationID),
      notices: new Notices(bus, log, systemClock),
    });
    this.bus = bus;
    this.latest = latest;
    await this.#mqtt.role.decided;
    this.integrations.start();
    this.scrape();
  }

  async stop(): Promise<void> {
    await this.integrations?.stop();
    await this.#mqtt?.stop();
    this.#state?.close();
    this.bus = undefined;
    this.integrations = undefined;
    this.#mqtt = undefined;
    this.#state = undefined;
  }

  async dispose(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** Reads all devices. */
  scrape(load?: number): void {
    const now = new Date();
    for (const device of this.devices.values()) {
      const values = valuesOf(device, this.names.get(device.path) ?? `Station ${device.path}`, load);
      const scrape = { device, values, failures: new Map(), takenAt: now, synchronizedAt: now };
      this.latest?.scraped(scrape);
      this.bus?.emit("scrape", scrape);
    }
  }

  add(device: DeviceInfo): void {
    this.devices.set(device.path, device);
    this.latest?.add(device);
    this.bus?.emit("membership", { device, change: "added" });
    this.scrape();
  }

  remove(path: string): void {
    const device = this.devices.get(path)!;
    this.devices.delete(path);
    this.latest?.remove(path, "removed");
    this.bus?.emit("membership", { device, change: "gone" });
    this.bus?.emit("membership", { device, change: "forgotten" });
  }

  readonly #commands: Commands = {
    get: () => Promise.reject(new Error("not here")),
    set: (device, point, value, command) => this.#answer({ device, point, value, command }),
    revertPoint: (device, point, command) => this.#answer({ device, point, command }),
    revertDevice: () => Promise.reject(new Error("not here")),
    checkFree: () => undefined,
  };

  async #answer(call: Call): Promise<CommandResult> {
    this.calls.push(call);
    const { device: path, point, value = null, command } = call;
    const requested = value as PointValue;
    const result = {
      id: command.id,
      device: path,
      point,
      requested,
      status: "confirmed" as const,
      tookMs: 1,
    };
    const answer = { ...result, readBack: requested, ...this.outcome };
    const device = this.devices.get(path)!;
    this.bus?.emit("write", { ...command, ...answer, device, action: "set", at: new Date(), point });
    return answer;
  }
}
