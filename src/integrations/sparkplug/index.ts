// The bridge as an edge node of Sparkplug B 3.0: a scrape on the bus becomes the metrics of its device, what differs from the
// last time goes out as data after the births of a connection, and commands of hosts go to the actuator, which answers by metrics.
import { randomBytes } from "node:crypto";
import type { SparkplugSettings } from "../../config/index.ts";
import { messageOf } from "../../log/log.ts";
import { addressOptions } from "../../mqtt/broker/broker-address.ts";
import { Connection } from "../../mqtt/broker/connection.ts";
import type { AvailabilityChange, DeviceInfo } from "../../points/index.ts";
import type { Integration, IntegrationParts, IntegrationType } from "../contract.ts";
import { DataType } from "./codec.ts";
import { HostCommands } from "./commands.ts";
import { EdgeNode } from "./edge-node.ts";
import { History } from "./history.ts";
import { type NodeMetric, NodeMetrics } from "./node-metrics.ts";
import { PrimaryHost } from "./primary-host.ts";
import { NodeTopics, stateTopic } from "./topics.ts";

/** Maximum number of filters in a SUBSCRIBE. */
const FILTERS_AT_ONCE = 200;

export const integration: IntegrationType<SparkplugSettings> = {
  async start(settings, parts) {
    // Called for its errors: they are the settings' and no retry helps. The bridge's own address was tried at its start.
    if (settings.broker)
      await addressOptions(settings.broker).catch((error: unknown) => {
        throw new Error(messageOf(error).replaceAll("mqtt.", "integrations.sparkplug.broker."), {
          cause: error,
        });
      });
    return new SparkplugIntegration(settings, parts);
  },
};

class SparkplugIntegration implements Integration {
  readonly #parts: IntegrationParts;
  readonly #topics: NodeTopics;
  readonly #history: History;
  readonly #host: PrimaryHost | undefined;
  readonly #node: EdgeNode;
  readonly #commands: HostCommands;
  readonly #connection: Connection;
  /** Filters of devices that hosts can write to. */
  readonly #filters = new Set<string>();
  /** Paths of devices by the ids of their stations. */
  readonly #stations = new Map<string, string>();
  readonly #end: (() => void)[] = [];

  constructor(settings: SparkplugSettings, parts: IntegrationParts) {
    this.#parts = parts;
    const { clock, notices, log, instance } = parts;
    const node = settings.node ?? instance;
    this.#topics = new NodeTopics(settings.group, node);
    this.#history = new History(settings.historyLimit);
    this.#host = settings.primaryHost === undefined ? undefined : new PrimaryHost(settings.primaryHost);
    const metrics = new NodeMetrics(parts.state, this.#nodeMetrics());
    this.#node = new EdgeNode({
      ...{ topics: this.#topics, metrics, history: this.#history, host: this.#host, clock },
      onWithheld: ({ path }, reason) =>
        notices.say(
          "warning",
          "sparkplug_device_withheld",
          `device ${path} is not at the Sparkplug hosts: its birth cannot be sent: ${reason}. Give it fewer points, or allow larger packets at the broker`,
          path,
        ),
    });
    this.#commands = new HostCommands({
      ...{ node: this.#node, topics: this.#topics, metrics, notices, clock },
      commands: parts.devices.commands,
      requester: settings.requester,
    });
    this.#connection = new Connection({
      address: settings.broker ?? parts.address,
      clientId: `${instance}-sparkplug-${randomBytes(6).toString("hex")}`,
      keepaliveSeconds: parts.mqtt.keepaliveSeconds,
      announces: this.#node,
      log,
    });
    this.#subscribe();
    this.#adopt();
    this.#follow();
    this.#connection.start();
  }

  get counters() {
    const { published, dropped, refused, births } = this.#node.counters;
    return {
      connected: this.#connection.up,
      ...{ published, dropped, refused, births },
      live: this.#node.isLive,
      devices: this.#node.bornDevices,
      valuesWaiting: this.#history.waiting,
      valuesDropped: this.#history.dropped,
      commandsRefused: this.#commands.refused,
    };
  }

  async stop(): Promise<void> {
    for (const end of this.#end) end();
    await this.#connection.stop();
    this.#node.stop();
  }

  #nodeMetrics(): NodeMetric[] {
    const { instance, version, devices } = this.#parts;
    const text = (name: string, value: string): NodeMetric => ({
      name,
      type: DataType.String,
      value: () => value,
    });
    const count = (name: string, value: () => number): NodeMetric => ({ name, type: DataType.Int64, value });
    return [
      text("Properties/Software", "voltbridge"),
      text("Properties/Version", version),
      text("Properties/Instance", instance),
      count("Devices/Total", () => devices.byPath.size),
      count("Devices/Online", () => devices.latest.count().online),
      count("Devices/Stale", () => devices.latest.count().stale),
      count("Devices/Offline", () => devices.latest.count().offline),
      count("Bridge/Values Waiting", () => this.#history.waiting),
      count("Bridge/Values Dropped", () => this.#history.dropped),
      count("Bridge/Commands Refused", () => this.#commands.refused),
    ];
  }

  #subscribe(): void {
    const onMessage = this.#commands.receive.bind(this.#commands);
    this.#connection.subscribe({ filters: [this.#topics.node("NCMD")], onMessage });
    const host = this.#host;
    if (!host) return;
    this.#connection.subscribe({
      filters: [stateTopic(host.id)],
      onMessage: ({ payload }) => {
        if (payload.length === 0) return;
        const fault = host.hear(payload);
        if (fault !== undefined)
          this.#parts.notices.say(
            "warning",
            "sparkplug_state_ignored",
            `ignoring a STATE message of the primary host ${host.id}: it ${fault}`,
          );
        else this.#node.hostChanged();
      },
    });
  }

  /** Takes over the devices that run already, each in a turn of its own. */
  #adopt(): void {
    const { devices } = this.#parts;
    const infos = [...devices.byPath.values()];
    this.#listen(infos);
    for (const info of infos)
      this.#node.later(() => {
        this.#add(info);
        const state = devices.latest.get(info.path);
        if (!state) return;
        const device = this.#node.device(info.path);
        for (const [point, { value, at }] of state.values) device?.read(point, value, at.getTime());
        this.#availability(state);
      });
  }

  /** Adds a device with what was announced of it before: the bus has only changes. */
  #add(info: DeviceInfo): void {
    const { devices, clock, lifetimeEnergy } = this.#parts;
    const device = this.#node.add(info);
    const open = devices.openAlarms(info);
    if (open) device.setOpenAlarms(open, clock.now());
    device.setEnds({ ends: devices.limitEnds(info.path) }, clock.now());
    for (const energy of lifetimeEnergy(info.stationID)) device.setEnergy(energy);
  }

  #follow(): void {
    const { bus, clock } = this.#parts;
    const node = this.#node;
    /** Changes a device in a later turn, where it still exists. */
    const change = (
      path: string | undefined,
      work: (device: NonNullable<ReturnType<EdgeNode["device"]>>) => void,
    ) => {
      if (path === undefined) return;
      node.later(() => {
        const device = node.device(path);
        if (!device) return;
        work(device);
        node.touch(device);
      });
    };
    this.#end.push(
      bus.on("scrape", (scrape) => change(scrape.device.path, (device) => device.scraped(scrape))),
      bus.on("availability", (event) => node.later(() => this.#availability(event))),
      bus.on("write", ({ device: { path }, action, point, readBack, status }) => {
        if (action !== "set" || point === undefined || readBack === undefined || status === undefined) return;
        change(path, (device) => device.read(point, readBack, clock.now()));
      }),
      bus.on("openAlarms", (open) =>
        change(open.device.path, (device) => device.setOpenAlarms(open, clock.now())),
      ),
      bus.on("alarm", (event) => change(event.device.path, (device) => device.setLastAlarm(event))),
      bus.on("limitEnds", (event) =>
        change(event.device.path, (device) => device.setEnds(event, clock.now())),
      ),
      bus.on("energy", (energy) =>
        change(this.#stations.get(energy.stationID), (device) => device.setEnergy(energy)),
      ),
      bus.on("membership", ({ device, change: what }) =>
        node.later(() => {
          if (what === "added" || what === "changed") {
            this.#listen([device]);
            this.#add(device);
          } else node.remove(device.path);
        }),
      ),
    );
  }

  #availability({
    device: { path },
    availability,
    since,
  }: Pick<AvailabilityChange, "device" | "availability" | "since">): void {
    const device = this.#node.device(path);
    if (!device) return;
    device.isPresent = availability !== "offline";
    if (availability === "stale") device.becameStale(since.getTime());
    this.#node.touch(device);
  }

  /** Subscribes to the commands of devices that can be written to, before their births (chapter 5.7). */
  #listen(devices: readonly DeviceInfo[]): void {
    const filters: string[] = [];
    for (const info of devices) {
      if (info.stationID !== undefined) this.#stations.set(info.stationID, info.path);
      const filter = this.#topics.device("DCMD", this.#node.idOf(info.path));
      if (this.#filters.has(filter) || ![...info.points.values()].some(({ writable }) => writable)) continue;
      this.#filters.add(filter);
      filters.push(filter);
    }
    const onMessage = this.#commands.receive.bind(this.#commands);
    for (let at = 0; at < filters.length; at += FILTERS_AT_ONCE)
      this.#connection.subscribe({ filters: filters.slice(at, at + FILTERS_AT_ONCE), onMessage });
  }
}
