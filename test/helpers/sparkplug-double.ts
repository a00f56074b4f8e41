import { setTimeout as delay } from "node:timers/promises";
import mqtt, { type IPublishPacket, type MqttClient } from "mqtt";
import {
  decodePayload,
  encodePayload,
  type ReceivedMetric,
  type ReceivedPayload,
} from "../../src/integrations/sparkplug/codec.ts";
import { shown } from "../integrations/sparkplug/rig.ts";

interface Known {
  readonly device: string;
  readonly name: string;
  value: unknown;
  isGood: boolean;
}

interface EdgeNode {
  /** `unknown`: its messages may have been missed, and its birth was asked for. */
  state: "unknown" | "alive" | "dead";
  bdSeq: unknown;
  /** Of its last message. */
  seq: number;
  readonly byAlias: Map<number, Known>;
  /** Metrics by device and name; those of a device that died stay. */
  readonly devices: Map<string, { isAlive: boolean; metrics: Map<string, Known> }>;
}

export const HOST_ID = "host";
/** The device that stands for the node itself. */
const NODE = "";
const GOOD = 192;

/**
 * A host application of Sparkplug as the specification describes it: it says whether it is online, keeps nodes, devices and
 * metrics from their births, and asks for births of what it may have missed. Between its starts it remembers the nodes only.
 */
export class SparkplugHost {
  /** What breaks the rules that a host relies on. */
  readonly complaints: string[] = [];
  readonly #url: string;
  readonly #protocolVersion: 4 | 5;
  /** By group and node, with `/` between them. */
  readonly #nodes = new Map<string, EdgeNode>();
  #client: MqttClient | undefined;

  constructor(url: string, { protocolVersion }: { readonly protocolVersion: 4 | 5 }) {
    this.#url = url;
    this.#protocolVersion = protocolVersion;
  }

  /** Connects, and again after each loss; subscribes, says that it is there, and asks for the births of all nodes that it knows. */
  async start(): Promise<void> {
    const timestamp = Date.now();
    const state = (online: boolean) => ({
      topic: `spBv1.0/STATE/${HOST_ID}`,
      payload: Buffer.from(JSON.stringify({ online, timestamp })),
      ...{ qos: 1 as const, retain: true },
    });
    const client = mqtt.connect(this.#url, {
      protocolVersion: this.#protocolVersion,
      reconnectPeriod: 100,
      resubscribe: false,
      will: state(false),
    });
    this.#client = client;
    const { topic, payload, ...flags } = state(true);
    const sayOnline = () => void client.publishAsync(topic, payload, flags).catch(() => undefined);
    client.on("error", () => undefined);
    client.on("close", () => this.#lostSight());
    client.on("message", (of, bytes, packet) => {
      // The will of an earlier connection, which comes late.
      if (of !== topic) this.#hear(of, bytes, packet);
      else if (!(JSON.parse(bytes.toString()) as { online: boolean }).online) sayOnline();
    });
    const { promise, resolve } = Promise.withResolvers<void>();
    client.on("connect", () => {
      const filters = ["spBv1.0/+/+/+", "spBv1.0/+/+/+/+", topic];
      const greet = () => {
        sayOnline();
        for (const [id, node] of this.#nodes) if (node.state !== "alive") this.#askBirth(id);
        resolve();
      };
      client.subscribeAsync(filters, { qos: 1 }).then(greet, () => undefined);
    });
    await promise;
  }

  async stop(): Promise<void> {
    const client = this.#client;
    if (!client) return;
    this.#client = undefined;
    const payload = JSON.stringify({ online: false, timestamp: Date.now() });
    const said = client
      .publishAsync(`spBv1.0/STATE/${HOST_ID}`, payload, { qos: 1, retain: true })
      .catch(() => undefined);
    // A broker that goes away at this moment never answers.
    await Promise.race([said, delay(500)]);
    client.removeAllListeners("message");
    await client.endAsync(true);
    this.#lostSight();
    for (const { devices, byAlias } of this.#nodes.values()) {
      devices.clear();
      byAlias.clear();
    }
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** The metrics of all devices by Device ID and name. */
  async entities(): Promise<Map<string, { readonly available: boolean; readonly value: string | null }>> {
    const entities = new Map<string, { available: boolean; value: string | null }>();
    for (const { devices } of this.#nodes.values())
      for (const [device, { isAlive, metrics }] of devices)
        for (const [name, { value, isGood }] of metrics) {
          const id = `${device}/${name}`;
          if (entities.has(id)) throw new Error(`two nodes have the metric ${id}`);
          entities.set(id, { available: isAlive && isGood, value: value === null ? null : String(value) });
        }
    return entities;
  }

  /** What happened since is unknown. */
  #lostSight(): void {
    for (const node of this.#nodes.values()) {
      this.#end(node);
      node.state = "unknown";
    }
  }

  #end(node: EdgeNode): void {
    node.state = "dead";
    for (const device of node.devices.values()) device.isAlive = false;
  }

  #askBirth(id: string): void {
    const [group, node] = id.split("/");
    const timestamp = Date.now();
    const metrics = [{ name: "Node Control/Rebirth", timestamp, type: 11 as const, value: true }];
    this.#client?.publish(`spBv1.0/${group}/NCMD/${node}`, encodePayload({ timestamp, metrics }));
  }

  #hear(topic: string, bytes: Buffer, { retain }: IPublishPacket): void {
    const [, group, verb, name, device = NODE] = topic.split("/");
    if (verb === "NCMD" || verb === "DCMD") return;
    const complain = (text: string) => this.complaints.push(`${verb} of ${name}/${device}: ${text}`);
    if (retain) complain("it was retained");
    const id = `${group}/${name}`;
    let node = this.#nodes.get(id);
    if (!node) {
      node = { state: "unknown", bdSeq: undefined, seq: 0, byAlias: new Map(), devices: new Map() };
      this.#nodes.set(id, node);
      if (verb !== "NBIRTH") this.#askBirth(id);
    }
    const payload = decodePayload(bytes);
    if (verb === "NDEATH") {
      // The will of an earlier connection may come after the birth of the next one.
      if (bdSeqOf(payload) === node.bdSeq) this.#end(node);
      return;
    }
    if (verb === "NBIRTH") {
      this.#end(node);
      Object.assign(node, { state: "alive", bdSeq: bdSeqOf(payload), seq: payload.seq });
      node.byAlias.clear();
      if (node.bdSeq === undefined) complain("it has no bdSeq");
    } else {
      // The birth that was asked for is still to come.
      if (node.state === "unknown") return;
      const expected = (node.seq + 1) % 256;
      const fault =
        node.state === "dead"
          ? "the node is dead"
          : payload.seq === expected
            ? undefined
            : `its seq is ${payload.seq} instead of ${expected}`;
      if (fault !== undefined) {
        complain(fault);
        node.state = "unknown";
        this.#askBirth(id);
        return;
      }
      node.seq = expected;
    }
    if (verb!.endsWith("BIRTH")) this.#birth(node, device, payload, complain);
    else if (verb === "DDEATH") {
      const known = node.devices.get(device);
      if (!known?.isAlive) complain("the device is not alive");
      else known.isAlive = false;
    } else this.#data(node, device, payload, complain);
  }

  #birth(node: EdgeNode, device: string, payload: ReceivedPayload, complain: (text: string) => void): void {
    const metrics = new Map<string, Known>();
    for (const metric of payload.metrics) {
      const { name, alias, datatype } = metric;
      if (name === undefined || datatype === undefined) {
        complain(`a metric has no name or no type: ${name ?? alias}`);
        continue;
      }
      const known: Known = { device, name, value: shown(metric), isGood: isGood(metric) ?? true };
      if (metrics.has(name)) complain(`${name} is there twice`);
      metrics.set(name, known);
      if (alias === undefined) continue;
      const other = node.byAlias.get(Number(alias));
      if (other && (other.device !== device || other.name !== name))
        complain(`${name} has the alias of ${other.device}/${other.name}`);
      node.byAlias.set(Number(alias), known);
    }
    const same = [...node.devices].find(
      ([one, { isAlive }]) => isAlive && one !== device && one.toLowerCase() === device.toLowerCase(),
    );
    if (same) complain(`${same[0]} has its ID`);
    node.devices.set(device, { isAlive: true, metrics });
  }

  #data(node: EdgeNode, device: string, payload: ReceivedPayload, complain: (text: string) => void): void {
    const of = node.devices.get(device);
    if (!of?.isAlive) {
      complain("the device is not alive");
      return;
    }
    for (const metric of payload.metrics) {
      const { name, alias, isHistorical } = metric;
      const known = name === undefined ? node.byAlias.get(Number(alias)) : of.metrics.get(name);
      if (known?.device !== device) {
        complain(`its birth has no metric ${name ?? alias}`);
        continue;
      }
      if (isHistorical) continue;
      known.value = shown(metric);
      known.isGood = isGood(metric) ?? known.isGood;
    }
  }
}

function bdSeqOf({ metrics }: ReceivedPayload): unknown {
  const metric = metrics.find(({ name }) => name === "bdSeq");
  return metric && shown(metric);
}

/** Undefined where the metric does not say. */
function isGood({ properties }: ReceivedMetric): boolean | undefined {
  const quality = properties?.get("Quality")?.value;
  return quality && quality.field === "int_value" ? quality.value === GOOD : undefined;
}
