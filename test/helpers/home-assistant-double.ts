import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import mqtt, { type MqttClient } from "mqtt";
import { PYTHON } from "./python.ts";

type Config = Readonly<Record<string, unknown>>;

export interface PlatformEntity {
  readonly available: boolean;
  /** Null: unknown. */
  readonly value: string | null;
}

/** What Home Assistant was told of an entity. */
export interface DiscoveredEntity {
  readonly platform: string;
  readonly config: Config;
  /** Topic of its discovery. */
  readonly source: string;
  /** Its topic was told that the entity moves. */
  readonly isMoving: boolean;
}

const TOPIC = /^(\w+)\/(?:([a-zA-Z0-9_-]+)\/)?([a-zA-Z0-9_-]+)\/config$/;
const NUMBER = /^-?\d+(\.\d+)?(e-?\d+)?$/;
const TIME = /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/;

/**
 * Home Assistant's MQTT integration as its documents describe it, and nothing of the bridge: it subscribes to discovery at QoS 0, keeps
 * entities by platform and discovery id, refuses what it would refuse, and reads values and availability from the topics it was told.
 */
export class HomeAssistant {
  /** By discovery id: platform, node or device id, object or component id. */
  readonly discovered = new Map<string, DiscoveredEntity>();
  /** What it would write to its log: conflicts, refused documents, values that it does not take. */
  readonly complaints: string[] = [];
  /** Unique ids that were removed, in order. */
  readonly removals: string[] = [];
  readonly #url: string;
  readonly #protocolVersion: 4 | 5;
  readonly #prefix: string;
  readonly #last = new Map<string, string>();
  readonly #subscribed = new Set<string>();
  #client: MqttClient | undefined;

  constructor(
    url: string,
    { protocolVersion = 5, prefix = "homeassistant" }: { protocolVersion?: 4 | 5; prefix?: string } = {},
  ) {
    this.#url = url;
    this.#protocolVersion = protocolVersion;
    this.#prefix = prefix;
  }

  /** Connects, and again after each loss; subscribes, and says that it is there. */
  async start(): Promise<void> {
    const status = `${this.#prefix}/status`;
    const client = mqtt.connect(this.#url, {
      protocolVersion: this.#protocolVersion,
      reconnectPeriod: 100,
      resubscribe: false,
      will: { topic: status, payload: Buffer.from("offline"), qos: 0, retain: false },
    });
    this.#client = client;
    client.on("error", () => undefined);
    client.on("message", (topic, payload) => this.#hear(topic, payload.toString()));
    client.on("connect", () => {
      void client.subscribeAsync(`${this.#prefix}/#`, { qos: 0 }).catch(() => undefined);
      if (this.#subscribed.size > 0)
        void client.subscribeAsync([...this.#subscribed], { qos: 0 }).catch(() => undefined);
      client.publish(status, "online", { qos: 0, retain: false });
    });
    client.on("close", () => this.#last.clear());
    await new Promise<void>((resolve) => client.once("connect", () => resolve()));
  }

  /** Forgets what it was told, as its process does, except what it has stored. */
  async stop(): Promise<void> {
    const client = this.#client;
    const said = client?.publishAsync(`${this.#prefix}/status`, "offline").catch(() => undefined);
    // A broker that goes away at this moment never answers.
    await Promise.race([said, delay(500)]);
    await client?.endAsync(true);
    this.#client = undefined;
    this.discovered.clear();
    this.#last.clear();
    this.#subscribed.clear();
  }

  async restart(): Promise<void> {
    await this.stop();
    await this.start();
  }

  /** Sends what a user sets at an entity, by its unique id. */
  async command(uniqueId: string, payload: string, options: { retain?: boolean } = {}): Promise<void> {
    const { config } = this.find(uniqueId);
    const topic = config.command_topic as string;
    const expiry = config.message_expiry_interval as number | undefined;
    const properties = { messageExpiryInterval: expiry };
    await this.#client!.publishAsync(topic, payload, {
      ...{ qos: 0, retain: options.retain ?? false },
      ...(this.#protocolVersion === 5 && expiry !== undefined && { properties }),
    });
  }

  find(uniqueId: string): DiscoveredEntity {
    const found = [...this.discovered.values()].find(({ config }) => config.unique_id === uniqueId);
    if (!found) throw new Error(`no entity ${uniqueId}; there are ${[...this.discovered.keys()].join(", ")}`);
    return found;
  }

  /** Its entities by unique id. Each is there once, or this throws. */
  async entities(): Promise<Map<string, PlatformEntity>> {
    const all = [...this.discovered.values()].filter(({ isMoving }) => !isMoving);
    const questions: { template: string; payload: string }[] = [];
    const ask = (template: unknown, payload: string | undefined): (() => string | undefined) => {
      if (payload === undefined) return () => undefined;
      if (template === undefined) return () => payload;
      const place = questions.push({ template: template as string, payload }) - 1;
      return () => {
        const { text, trouble } = answers[place]!;
        this.complaints.push(...trouble);
        return text ?? undefined;
      };
    };
    const asked = all.map((entity) => {
      const { config } = entity;
      const list = (config.availability ?? []) as Record<string, string>[];
      return {
        entity,
        availability: list.map(({ topic, value_template }) => ask(value_template, this.#last.get(topic!))),
        state: ask(config.value_template, this.#last.get(config.state_topic as string)),
      };
    });
    const answers = await render(questions);
    const entities = new Map<string, PlatformEntity>();
    for (const { entity, availability, state } of asked) {
      const id = entity.config.unique_id as string;
      if (entities.has(id)) throw new Error(`two entities have the unique id ${id}`);
      const available = availability.map((read) => read()).every((text) => text === "online");
      entities.set(id, { available, value: this.#valueOf(entity, state()) });
    }
    return entities;
  }

  #hear(topic: string, payload: string): void {
    // An empty message clears a retained one; a template error there is logged and changes nothing.
    if (payload === "") this.#last.delete(topic);
    else this.#last.set(topic, payload);
    const [, component, node, object] = TOPIC.exec(topic.slice(this.#prefix.length + 1)) ?? [];
    if (!topic.startsWith(`${this.#prefix}/`) || component === undefined) return;
    const id = node === undefined ? object! : `${node} ${object}`;
    if (payload === "") {
      for (const [hash, { source }] of this.discovered) if (source === topic) this.#remove(hash);
      return;
    }
    const config = JSON.parse(payload) as Config;
    if (config.migrate_discovery === true) {
      for (const [hash, entity] of this.discovered)
        if (entity.source === topic) this.discovered.set(hash, { ...entity, isMoving: true });
      return;
    }
    if (component === "device") this.#hearDevice(topic, id, config);
    else
      this.#discover(`${component} ${id}`, { platform: component, config, source: topic, isMoving: false });
  }

  #hearDevice(topic: string, id: string, { components = {}, ...shared }: Config): void {
    const { device, origin } = shared as Record<string, Config | undefined>;
    const list = Object.entries(components as Record<string, Config>);
    const isWhole = ({ platform, unique_id, ...rest }: Config) =>
      typeof platform === "string" && (unique_id !== undefined || Object.keys(rest).length === 0);
    if (!device?.identifiers || !device.name || !origin?.name || !list.every(([, one]) => isWhole(one))) {
      this.complaints.push(`refused the document on ${topic}`);
      return;
    }
    for (const [key, { platform, ...config }] of list) {
      const hash = `${platform} ${id} ${key}`;
      if (Object.keys(config).length === 0) this.#remove(hash);
      else
        this.#discover(hash, {
          ...{ platform: platform as string, source: topic, isMoving: false },
          config: { ...shared, ...config },
        });
    }
  }

  #discover(hash: string, entity: DiscoveredEntity): void {
    const known = this.discovered.get(hash);
    const { config, platform, source } = entity;
    if (known && known.source !== source && !known.isMoving) {
      this.complaints.push(`conflict: ${hash} comes from ${known.source} and from ${source}`);
      return;
    }
    const fault = faultOf(platform, config);
    const same = [...this.discovered].find(
      ([other, one]) =>
        other !== hash && one.platform === platform && one.config.unique_id === config.unique_id,
    );
    if (fault !== undefined || same) {
      this.complaints.push(`refused ${hash}: ${fault ?? `${same![0]} has its unique id`}`);
      return;
    }
    this.discovered.set(hash, entity);
    const lists = (config.availability ?? []) as { topic: string }[];
    const topics = [config.state_topic, config.json_attributes_topic, ...lists.map(({ topic }) => topic)];
    const fresh = topics.filter(
      (one): one is string => typeof one === "string" && !this.#subscribed.has(one),
    );
    if (fresh.length === 0) return;
    for (const one of fresh) this.#subscribed.add(one);
    void this.#client?.subscribeAsync(fresh, { qos: 0 }).catch(() => undefined);
  }

  #remove(hash: string): void {
    const known = this.discovered.get(hash);
    if (!known) return;
    this.discovered.delete(hash);
    this.removals.push(known.config.unique_id as string);
  }

  #valueOf({ platform, config }: DiscoveredEntity, text: string | undefined): string | null {
    if (text === undefined || text === "" || text === "None" || platform === "event") return null;
    const fault = valueFault(platform, config, text);
    if (fault === undefined) return text;
    this.complaints.push(`${config.unique_id} does not take ${JSON.stringify(text)}: ${fault}`);
    return null;
  }
}

function faultOf(platform: string, config: Config): string | undefined {
  if (typeof config.unique_id !== "string") return "no unique_id";
  if (["sensor", "binary_sensor", "event"].includes(platform) && !config.state_topic) return "no state_topic";
  if (["number", "button", "switch"].includes(platform) && !config.command_topic) return "no command_topic";
  if (platform === "number" && Number(config.min) > Number(config.max)) return "min is above max";
  if (config.options && config.device_class !== "enum") return "options without the class enum";
  if (platform.endsWith("sensor") && config.entity_category === "config")
    return "a sensor in the category config";
  if (config.last_reset_value_template && config.state_class !== "total") return "last reset without total";
  return undefined;
}

function valueFault(platform: string, config: Config, text: string): string | undefined {
  if (platform === "binary_sensor" || platform === "switch") {
    const { payload_on: on = "ON", payload_off: off = "OFF" } = config;
    return text === on || text === off ? undefined : "neither on nor off";
  }
  if (platform === "number") {
    const { min = 1, max = 100 } = config as { min?: number; max?: number };
    if (!NUMBER.test(text)) return "no number";
    return Number(text) >= min && Number(text) <= max ? undefined : "out of range";
  }
  if (config.options) return (config.options as string[]).includes(text) ? undefined : "no option";
  if (config.device_class === "timestamp") return TIME.test(text) ? undefined : "no time with a zone";
  if (config.state_class || config.unit_of_measurement) return NUMBER.test(text) ? undefined : "no number";
  return text.length <= 255 ? undefined : "too long";
}

interface Rendered {
  readonly text: string | null;
  readonly trouble: readonly string[];
}

const HARNESS = fileURLToPath(new URL("../interop/home_assistant_templates.py", import.meta.url));
let python: ChildProcessWithoutNullStreams | undefined;
const waiting: ((answers: readonly Rendered[]) => void)[] = [];

/** Renders templates in one process of Python, which ends with this one. */
function render(questions: readonly { template: string; payload: string }[]): Promise<readonly Rendered[]> {
  if (!python) {
    python = spawn(PYTHON, [HARNESS, "--lines"]);
    python.unref();
    for (const stream of [python.stdin, python.stdout, python.stderr])
      (stream as unknown as { unref(): void }).unref();
    createInterface({ input: python.stdout }).on("line", (line) => waiting.shift()?.(JSON.parse(line)));
  }
  const { promise, resolve } = Promise.withResolvers<readonly Rendered[]>();
  waiting.push(resolve);
  python.stdin.write(`${JSON.stringify(questions)}\n`);
  return promise;
}
