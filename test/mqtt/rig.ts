import { Bus } from "../../src/bus.ts";
import type { MqttSettings } from "../../src/config/index.ts";
import type { Command, CommandResult, Commands } from "../../src/devices/commands.ts";
import { createLog } from "../../src/log/log.ts";
import { type Mqtt, type MqttOptions, startMqtt } from "../../src/mqtt/index.ts";
import type { DeviceInfo, Point, PointValue, Scrape } from "../../src/points/index.ts";

import { MemoryQueue } from "./memory-queue.ts";

export const PATH = "pnnl/garage/station-1";
export const AT = new Date("2026-11-21T08:00:01.250Z");
export const SYNCHRONIZED = new Date("2026-11-21T08:00:00Z");
export const HEADERS = {
  Date: "2026-11-21T08:00:01.250000+00:00",
  TimeStamp: "2026-11-21T08:00:01.250000+00:00",
  SynchronizedTimeStamp: "2026-11-21T08:00:00.000000+00:00",
};

export function point(name: string, more: Partial<Point> = {}): Point {
  return {
    name,
    type: "float",
    units: "",
    writable: false,
    publish: "always",
    notes: "",
    extra: {},
    ...more,
  };
}

export function device(path: string, points: readonly Point[], more: Partial<DeviceInfo> = {}): DeviceInfo {
  return {
    path,
    driverType: "fake",
    points: new Map(points.map((p) => [p.name, p])),
    timezone: "UTC",
    intervalSeconds: 60,
    publish: { depthFirstAll: true, breadthFirstAll: true, depthFirst: true, breadthFirst: true },
    ...more,
  };
}

export const STATION = device(PATH, [
  point("portLoad", { units: "kW", deadband: 0.5, publish: "change" }),
  point("allowedLoad", { units: "kW", writable: true }),
  point("status", { type: "string" }),
  point("driverName", { type: "string", publish: "never" }),
]);

export function scrape(
  of: DeviceInfo,
  values: Record<string, PointValue>,
  more: Partial<Scrape> & { failures?: ReadonlyMap<string, string> } = {},
): Scrape {
  return {
    device: of,
    synchronizedAt: SYNCHRONIZED,
    takenAt: AT,
    values: new Map(Object.entries(values)),
    failures: new Map(),
    ...more,
  };
}

/** Plays the actuator: says yes to everything, keeps what it was asked, and can be told otherwise. */
class FakeCommands implements Commands {
  readonly calls: { verb: string; device: string; point?: string; value?: unknown; command?: Command }[] = [];
  outcome: Partial<CommandResult> = {};
  /** What a call waits for before it answers. */
  gate: (device: string) => Promise<void> = () => Promise.resolve();
  value: PointValue | Error = 6.6;

  async get(on: string, of: string): Promise<PointValue> {
    this.calls.push({ verb: "get", device: on, point: of });
    await this.gate(on);
    if (this.value instanceof Error) throw this.value;
    return this.value;
  }

  set(on: string, of: string, value: unknown, command: Command): Promise<CommandResult> {
    this.calls.push({ verb: "set", device: on, point: of, value, command });
    return this.#result(
      on,
      { point: of, requested: value as PointValue, readBack: value as PointValue },
      command,
    );
  }

  checkFree(): void {}

  revertPoint(on: string, of: string, command: Command): Promise<CommandResult> {
    this.calls.push({ verb: "revertPoint", device: on, point: of, command });
    return this.#result(on, { point: of, requested: null }, command);
  }

  revertDevice(on: string, command: Command): Promise<CommandResult> {
    this.calls.push({ verb: "revertDevice", device: on, command });
    return this.#result(on, { requested: null }, command);
  }

  async #result(on: string, what: Partial<CommandResult>, command: Command): Promise<CommandResult> {
    await this.gate(on);
    const base = { id: command.id, device: on, requested: null, status: "confirmed" as const, tookMs: 12 };
    return { ...base, code: "100", text: "Success", ...what, ...this.outcome };
  }
}

export const SETTINGS: MqttSettings = {
  url: "mqtt://127.0.0.1:1",
  protocolVersion: 5,
  baseTopic: "",
  qos: 1,
  retain: false,
  keepaliveSeconds: 60,
  payload: "volttron",
  headers: "payload",
  answers: "bridge",
  state: "both",
  stateRefreshSeconds: 300,
  noLimit: "null",
  outboxLimitMb: 1,
};

export interface Rig {
  readonly bus: Bus;
  readonly commands: FakeCommands;
  readonly mqtt: Mqtt;
  readonly log: string[];
  readonly devices: Map<string, DeviceInfo>;
}

/** The MQTT part alone, with a bus, one station and a played actuator around it. */
export async function startRig(
  settings: Partial<MqttSettings>,
  more: Partial<MqttOptions> = {},
): Promise<Rig> {
  const log: string[] = [];
  const bus = new Bus((event, error) => {
    throw new Error(`a listener of ${event} threw`, { cause: error });
  });
  const commands = new FakeCommands();
  const devices = new Map([[PATH, STATION]]);
  const mqtt = await startMqtt({
    settings: { ...SETTINGS, ...settings },
    instance: "bridge-1",
    version: "1.2.3",
    bus,
    devices,
    commands,
    outbox: new MemoryQueue(),
    log: createLog({ level: "info", write: (line) => log.push(line) }),
    now: () => AT,
    times: { firstPauseMs: 50, longestPauseMs: 200, stableMs: 100, connectTimeoutMs: 2000, askMs: 10 },
    ...more,
  });
  return { bus, commands, mqtt, log, devices };
}

export function connected(mqtt: Mqtt, deadlineMs = 20_000): Promise<void> {
  return mqtt.whenConnected(AbortSignal.timeout(deadlineMs));
}

/** Waits until it is so. */
export async function until(holds: () => boolean, what: string, deadlineMs = 20_000): Promise<void> {
  const end = Date.now() + deadlineMs;
  while (!holds()) {
    if (Date.now() > end) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
