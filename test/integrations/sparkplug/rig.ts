import mqtt, { type MqttClient } from "mqtt";
import { Bus, type Notice } from "../../../src/bus.ts";
import type { SparkplugSettings } from "../../../src/config/index.ts";
import type { Command, CommandResult } from "../../../src/devices/commands.ts";
import { LatestValues } from "../../../src/devices/scraping/latest-values.ts";
import type { Integration } from "../../../src/integrations/contract.ts";
import {
  decodePayload,
  encodePayload,
  type Metric,
  type ReceivedMetric,
  type ReceivedPayload,
} from "../../../src/integrations/sparkplug/codec.ts";
import { integration } from "../../../src/integrations/sparkplug/index.ts";
import { createLog } from "../../../src/log/log.ts";
import { Notices } from "../../../src/log/notices.ts";
import { Topics } from "../../../src/mqtt/topics.ts";
import type { DeviceInfo, OpenAlarms, PointValue, PortEnergy, Scrape } from "../../../src/points/index.ts";
import { StateStore } from "../../../src/storage/state-store.ts";
import { type Clock, systemClock } from "../../../src/time/clock.ts";
import { endings } from "../../helpers/endings.ts";
import { eventually } from "../../helpers/eventually.ts";
import { device, point, SETTINGS } from "../../mqtt/rig.ts";

/** Ten seconds of the integration's pauses pass in one. */
const hurriedClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now() * 10,
  after: (ms, callback) => systemClock.after(ms / 10, callback),
};

const of = (
  port: string | undefined,
  attribute: string,
  measure?: "load" | "limit" | "limited" | "state",
) => ({
  origin: {
    register: "LoadRegister",
    attribute,
    ...(port !== undefined && { port }),
    ...(measure && { measure }),
  },
});

export function station(path: string, more: Partial<DeviceInfo> = {}): DeviceInfo {
  return device(
    path,
    [
      point("stationName", { type: "string", ...of(undefined, "stationName") }),
      point("portLoad_1", { units: "kW", ...of("1", "portLoad", "load") }),
      point("Status_1", { type: "string", ...of("1", "Status", "state") }),
      point("allowedLoad_1", {
        units: "kW",
        writable: true,
        min: 0,
        max: 7.2,
        ...of("1", "allowedLoad", "limit"),
      }),
      point("shedState_1", { type: "integer", writable: true, ...of("1", "shedState", "limited") }),
      point("driverName", { type: "string", publish: "never" }),
      point("TimeStamp", { type: "datetime" }),
    ],
    { stationID: `1:${path.length}`, movingTimes: new Set(["TimeStamp"]), ...more },
  );
}

const VALUES: Record<string, PointValue> = {
  stationName: "Garage ⚡ 1",
  portLoad_1: 3.3,
  Status_1: "INUSE",
  allowedLoad_1: 0,
  shedState_1: 0,
  TimeStamp: "2026-11-30T08:00:00Z",
};

export interface Heard {
  readonly verb: string;
  readonly device: string | undefined;
  readonly payload: ReceivedPayload;
  readonly qos: number;
  readonly retain: boolean;
}

/** A host application that notes all messages of one edge node, and looks at their numbers. */
export class Host {
  readonly heard: Heard[] = [];
  readonly client: MqttClient;
  /** Aliases of the births, by device and metric. */
  readonly #aliases = new Map<string, number>();
  readonly #names = new Map<number, string>();

  constructor(client: MqttClient) {
    this.client = client;
    client.on("message", (topic, bytes, packet) => {
      const [, , verb, , of] = topic.split("/");
      if (topic.includes("/STATE/") || verb === "NCMD" || verb === "DCMD") return;
      const payload = decodePayload(bytes);
      if (verb!.endsWith("BIRTH"))
        for (const { name, alias } of payload.metrics) {
          if (alias === undefined) continue;
          this.#aliases.set(`${of ?? ""} ${name}`, Number(alias));
          this.#names.set(Number(alias), name!);
        }
      this.heard.push({ verb: verb!, device: of, payload, qos: packet.qos, retain: packet.retain });
    });
  }

  static async connect(url: string): Promise<Host> {
    const client = await mqtt.connectAsync(url, { protocolVersion: 5, reconnectPeriod: 100 });
    endings.push(() => client.endAsync(true));
    const host = new Host(client);
    await client.subscribeAsync("spBv1.0/#", { qos: 1 });
    return host;
  }

  /** Waits for a message, not before position `from` of all. */
  find(verb: string, passes: (heard: Heard) => boolean = () => true, from = 0): Promise<Heard> {
    return eventually(
      () => {
        const found = this.heard.slice(from).find((one) => one.verb === verb && passes(one));
        if (!found)
          throw new Error(`no ${verb}; came: ${this.heard.map((one) => `${one.verb} ${one.device ?? ""}`)}`);
        return found;
      },
      15_000,
      10,
    );
  }

  /** Waits for a metric with a value, of a device or, without one, of the node. */
  value(of: string | undefined, name: string, value: unknown, from = 0): Promise<ReceivedMetric> {
    return eventually(
      () => {
        for (const { device, payload } of this.heard.slice(from))
          for (const metric of payload.metrics) {
            const found = device === of && this.nameOf(metric) === name;
            if (found && shown(metric) === value) return metric;
          }
        const came = this.heard
          .slice(from)
          .flatMap(({ device, payload }) =>
            payload.metrics
              .filter((metric) => device === of && this.nameOf(metric) === name)
              .map((metric) => shown(metric)),
          );
        throw new Error(`${of ?? "the node"}: ${name} was never ${value}; it was ${came}`);
      },
      15_000,
      10,
    );
  }

  nameOf({ name, alias }: ReceivedMetric): string | undefined {
    return name ?? this.#names.get(Number(alias));
  }

  alias(of: string, name: string): number {
    return this.#aliases.get(`${of} ${name}`)!;
  }

  async command(
    topic: string,
    metrics: readonly (Omit<Metric, "timestamp"> & { timestamp?: number })[],
    retain = false,
  ) {
    const timestamp = Date.now();
    const payload = encodePayload({ timestamp, metrics: metrics.map((one) => ({ timestamp, ...one })) });
    await this.client.publishAsync(topic, payload, { qos: 0, retain });
  }

  rebirth(): Promise<void> {
    return this.command("spBv1.0/site/NCMD/bridge-1", [
      { name: "Node Control/Rebirth", type: 11, value: true },
    ]);
  }

  async state(id: string, online: boolean, timestamp: number): Promise<void> {
    await this.client.publishAsync(`spBv1.0/STATE/${id}`, JSON.stringify({ online, timestamp }), {
      qos: 1,
      retain: true,
    });
  }
}

/** What a metric says, in one word: its value, or null. */
export function shown({ isNull, value }: ReceivedMetric): unknown {
  if (isNull || !value || value.field === "other") return null;
  return typeof value.value === "bigint" ? Number(value.value) : value.value;
}

export interface Rig {
  readonly bus: Bus;
  readonly node: Integration;
  readonly devices: Map<string, DeviceInfo>;
  readonly latest: LatestValues;
  readonly notices: Notice[];
  readonly calls: { verb: string; device: string; point: string; value?: unknown; command: Command }[];
  /** What the actuator answers. */
  outcome: Partial<CommandResult>;
  /** A scrape of a device, with these values beside or instead of the usual. */
  scrape(path: string, values?: Record<string, PointValue>, more?: Partial<Scrape>): void;
  /** Fails a scrape as a whole. */
  miss(path: string, times?: number): void;
}

export async function startNode(
  url: string,
  options: {
    readonly settings?: Partial<SparkplugSettings>;
    readonly paths?: readonly string[];
    readonly protocolVersion?: 4 | 5;
    readonly state?: StateStore;
    readonly onLog?: (line: string) => void;
    /** What was announced before the start; alarms and ends by path. */
    readonly known?: {
      readonly openAlarms?: ReadonlyMap<string, OpenAlarms>;
      readonly limitEnds?: ReadonlyMap<string, ReadonlyMap<string, Date | null>>;
      readonly energy?: readonly PortEnergy[];
    };
  } = {},
): Promise<Rig> {
  const { paths = ["site/a"], protocolVersion = 5, state = StateStore.open(":memory:") } = options;
  const notices: Notice[] = [];
  const bus = new Bus((event, error) => {
    throw new Error(`a listener of ${event} threw`, { cause: error });
  });
  bus.on("notice", (notice) => notices.push(notice));
  const clock = hurriedClock;
  const infos = paths.map((path) => station(path));
  const devices = new Map(infos.map((info) => [info.path, info]));
  const latest = new LatestValues(infos, bus, clock);
  const log = createLog({ level: "warn", write: options.onLog ?? (() => undefined) });
  const settings = { ...SETTINGS, url, protocolVersion };
  const calls: Rig["calls"] = [];
  const rig: Omit<Rig, "node"> = {
    ...{ bus, devices, latest, notices, calls },
    outcome: {},
    scrape(path, values = {}, more = {}) {
      const scrape: Scrape = {
        device: devices.get(path)!,
        ...{ synchronizedAt: new Date(), takenAt: new Date() },
        values: new Map(Object.entries({ ...VALUES, ...values })),
        ...{ failures: new Map(), noLimit: new Set(["allowedLoad_1"]) },
        ...more,
      };
      latest.scraped(scrape);
      bus.emit("scrape", scrape);
    },
    miss(path, times = 1) {
      for (let time = 0; time < times; time++) latest.missed(path, "the service does not answer");
    },
  };
  const answer = async (verb: string, device: string, point: string, value: unknown, command: Command) => {
    calls.push({ verb, device, point, value, command });
    const { id } = command;
    return {
      id,
      device,
      point,
      requested: null,
      tookMs: 1,
      status: "confirmed" as const,
      text: "Success",
      ...rig.outcome,
    };
  };
  const node = await integration.start(
    {
      ...{ enabled: true, group: "site", requester: "sparkplug", historyLimit: 1000 },
      ...options.settings,
    },
    {
      ...{ instance: "bridge-1", version: "1.2.3", mqtt: settings, address: settings, bus, log, clock },
      topics: new Topics("bridge-1", ""),
      devices: {
        byPath: devices,
        latest,
        commands: {
          set: (device: string, point: string, value: unknown, command: Command) =>
            answer("set", device, point, value, command),
          revertPoint: (device: string, point: string, command: Command) =>
            answer("revert", device, point, undefined, command),
        } as never,
        openAlarms: ({ path }) => options.known?.openAlarms?.get(path),
        limitEnds: (path) => options.known?.limitEnds?.get(path) ?? new Map(),
      },
      lifetimeEnergy: (stationID) =>
        options.known?.energy?.filter((energy) => energy.stationID === stationID) ?? [],
      state: state.namespace("sparkplug"),
      notices: new Notices(bus, log, clock),
    },
  );
  endings.push(() => node.stop());
  return Object.assign(rig, { node });
}
