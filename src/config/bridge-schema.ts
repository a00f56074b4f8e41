import { PUBLISH_FLAGS } from "./publish-schema.ts";
import { editorSchema, type Schema } from "./schema.ts";

const flag = (preset: boolean, description: string): Schema => ({
  type: "boolean",
  default: preset,
  description,
});
const section = (description: string, properties: Record<string, Schema>): Schema => ({
  type: "object",
  description,
  properties,
  additionalProperties: false,
  default: {},
});
const text = (description: string, more: Schema = {}): Schema => ({
  type: ["string", "null"],
  default: null,
  minLength: 1,
  description,
  ...more,
});
const limit = (description: string, more: Schema = {}): Schema => ({
  type: ["number", "null"],
  default: null,
  exclusiveMinimum: 0,
  description,
  ...more,
});
const folder = (preset: string, description: string): Schema => ({
  type: "string",
  minLength: 1,
  default: preset,
  description: `${description} A relative path starts at this file's folder.`,
});
const port = (preset: number, description: string): Schema => ({
  type: "integer",
  minimum: 1,
  maximum: 65_535,
  default: preset,
  description,
});
const lists = (description: string): Schema => ({
  type: "object",
  default: {},
  additionalProperties: { type: "array", items: { type: "string", minLength: 1 } },
  description,
});

const DRIVER = section("Scraping. The names are those of VOLTTRON's platform driver.", {
  driver_scrape_interval: {
    type: "number",
    minimum: 0,
    default: 0.02,
    description: "Seconds between the scrapes of neighbouring devices of one interval.",
  },
  group_offset_interval: {
    type: "number",
    minimum: 0,
    default: 0,
    description: "Seconds by which each group of devices is scraped later than the group before it.",
  },
  publish_depth_first_all: flag(true, PUBLISH_FLAGS.publish_depth_first_all),
  publish_breadth_first_all: flag(false, PUBLISH_FLAGS.publish_breadth_first_all),
  publish_depth_first: flag(false, PUBLISH_FLAGS.publish_depth_first),
  publish_breadth_first: flag(false, PUBLISH_FLAGS.publish_breadth_first),
  write_starting_values: flag(
    false,
    "Whether Starting Values of the registry are written to the devices at start.",
  ),
  heartbeat_interval: {
    type: "number",
    minimum: 1,
    default: 60,
    description: "Seconds between heartbeats of the bridge and of the devices' heartbeat points.",
  },
  max_open_sockets: { "x-unused": "connections are shared, and limited by each kind of driver" },
  max_concurrent_publishes: { "x-unused": "what waits to be published waits on disk" },
  scalability_test: { "x-unused": "there is a benchmark instead" },
  scalability_test_iterations: { "x-unused": "there is a benchmark instead" },
});

const MQTT = section("The broker, and what is published there.", {
  url: {
    type: "string",
    pattern: "^(mqtts?|wss?)://[^\\s]+$",
    "x-expected": "a URL that begins with mqtt://, mqtts://, ws:// or wss://",
    default: "mqtt://localhost:1883",
    description: "The broker: mqtt://, mqtts://, ws:// or wss://, host and port.",
  },
  embedded: {
    type: "object",
    description: "A broker inside the bridge instead of one at a URL.",
    properties: {
      host: {
        type: "string",
        minLength: 1,
        default: "127.0.0.1",
        description: "Address to listen at; 0.0.0.0 for every network of the machine.",
      },
      port: port(1883, "Port to listen at."),
    },
    additionalProperties: false,
  },
  username: text("Name to log in with at the broker."),
  password: text("Password to log in with.", { "x-secret": true }),
  ca: text("PEM file of the authority that signed the broker's certificate."),
  cert: text("PEM file of the bridge's own certificate; needs key."),
  key: text("PEM file of the bridge's private key; needs cert."),
  protocol_version: { enum: [4, 5], default: 5, description: "4 for MQTT 3.1.1, 5 for MQTT 5." },
  base_topic: { type: "string", default: "", description: "Put before every topic; empty for nothing." },
  qos: { enum: [0, 1], default: 1, description: "0 at most once, 1 at least once." },
  retain: flag(
    true,
    "Whether the broker keeps the last message of each device topic. State topics it always keeps.",
  ),
  keepalive: {
    type: "integer",
    minimum: 1,
    maximum: 65_535,
    default: 60,
    description: "Seconds after which a silent connection is probed.",
  },
  payload: {
    enum: ["volttron", "json"],
    default: "volttron",
    description: "Form of device messages: VOLTTRON's arrays, or one JSON object.",
  },
  headers: {
    enum: ["payload", "properties", "both"],
    default: "payload",
    description: "Where a message's times go: third element of the array, MQTT 5 user properties, or both.",
  },
  state: {
    enum: ["json", "attribute", "both", "off"],
    default: "json",
    description: "The state view: one object a device, one topic a point, both, or none.",
  },
  state_refresh: {
    type: "number",
    minimum: 1,
    default: 300,
    description: "Seconds after which an unchanged state is published again.",
  },
  outbox_limit_mb: {
    type: "number",
    exclusiveMinimum: 0,
    default: 1024,
    description: "Megabytes that may wait on disk for the broker; the oldest go first.",
  },
});

const HISTORIAN_BACKEND: Schema = {
  type: "string",
  minLength: 1,
  default: "sqlite",
  "x-literal": true,
  description: "Kind of store; none switches the historian off.",
};

const HISTORIAN = section("Where the time series are kept. The names are those of VOLTTRON's historians.", {
  backend: HISTORIAN_BACKEND,
  connection: { type: "object", default: {}, description: "Settings of the backend." },
  retry_period: {
    type: "number",
    exclusiveMinimum: 0,
    default: 300,
    description: "Longest time, in seconds, between tries to store what could not be stored.",
  },
  submit_size_limit: {
    type: "integer",
    minimum: 1,
    default: 1000,
    description: "Most records that go to the store at once.",
  },
  max_time_publishing: {
    type: "number",
    exclusiveMinimum: 0,
    default: 30,
    description: "Most seconds spent on storing before looking at what has arrived meanwhile.",
  },
  history_limit_days: limit("Days after which data are removed from the store; null keeps them."),
  storage_limit_gb: limit("Gigabytes at which the store's oldest data are removed; null keeps them."),
  backup_storage_limit_gb: limit("Gigabytes that may wait on disk for the store; the oldest go first."),
  backup_storage_report: {
    type: "number",
    minimum: 0.0001,
    maximum: 1,
    default: 0.9,
    description: "Share of backup_storage_limit_gb from which on its filling is reported.",
  },
  readonly: flag(false, "Whether the store is only queried."),
  capture_device_data: flag(true, "Whether scrapes and device topics are stored."),
  capture_analysis_data: flag(true, "Whether analysis topics are stored."),
  capture_log_data: flag(true, "Whether datalogger topics are stored."),
  capture_record_data: flag(true, "Whether record topics are stored."),
  topic_replace_list: {
    type: "array",
    default: [],
    items: {
      type: "object",
      properties: {
        from: { type: "string", minLength: 1, description: "Text to look for, without regard to case." },
        to: { type: "string", description: "Text to put in its place." },
      },
      required: ["from", "to"],
      additionalProperties: false,
    },
    description: "Replacements in the names that are stored, done one after the other.",
  },
  device_data_filter: lists(
    "Part of a device's path → points of such devices to store. Empty: everything is stored.",
  ),
  custom_topics: lists("Kind of data (capture_device_data, …) → further topics to take such data from."),
  time_tolerance: limit("Seconds that a message's time may be away from now; null takes any time."),
  time_tolerance_topics: {
    type: "array",
    items: { enum: ["devices", "analysis", "datalogger", "record"] },
    default: ["devices"],
    description: "Kinds of topics that time_tolerance holds for.",
  },
  cache_only_enabled: flag(false, "Whether data are only collected on disk and not stored yet."),
  message_publish_count: {
    type: "integer",
    minimum: 1,
    default: 10_000,
    description: "Stored records after which the log tells their number.",
  },
  gather_timing_data: flag(false, "Whether the time that storing takes is measured and logged."),
  all_platforms: { "x-unused": "one bridge is one platform" },
  sync_timestamp: { "x-unused": "scrapes are stored with the time at which they were complete" },
});

const ACTUATOR = section("Set points.", {
  require_schedule: flag(false, "Whether a device takes set points only from who has reserved it."),
  schedule_publish_interval: {
    type: "number",
    minimum: 1,
    default: 30,
    description: "Seconds between announcements of the reservations in force.",
  },
  preempt_grace_time: {
    type: "number",
    minimum: 0,
    default: 60,
    description: "Seconds that a running task keeps its device after a more urgent one has taken it.",
  },
  confirm_timeout: {
    type: "number",
    exclusiveMinimum: 0,
    default: 60,
    description: "Seconds until a write that was not read back as asked is answered as unconfirmed.",
  },
  max_command_age: {
    type: "number",
    exclusiveMinimum: 0,
    default: 60,
    description: "Seconds after which a command has expired.",
  },
});

const WEB = section("The web page and its API.", {
  host: { type: "string", minLength: 1, default: "127.0.0.1", description: "Address to listen at." },
  port: port(8080, "Port to listen at."),
  users: {
    type: "array",
    default: [],
    items: {
      type: "object",
      properties: {
        name: { type: "string", minLength: 1, description: "Name to log in with." },
        password: { type: "string", minLength: 1, "x-secret": true, description: "Password to log in with." },
      },
      required: ["name", "password"],
      additionalProperties: false,
    },
    description: "Who may log in.",
  },
});

/** `configs/bridge.json` (contracts.md: Bridge config). Its defaults are the only ones. */
export const BRIDGE_SCHEMA: Schema = {
  type: "object",
  properties: {
    $schema: { type: "string", description: "Where editors find the schema of this file." },
    instance: {
      type: "string",
      minLength: 1,
      default: "voltbridge",
      description: "Name of this bridge in client ids and in its own topics.",
    },
    devices: folder("devices", "Folder of the device configs."),
    registries: folder("../registry", "Folder in which config:// names are looked up."),
    data: folder("../data", "Folder of what the bridge itself keeps."),
    driver: DRIVER,
    mqtt: MQTT,
    historian: HISTORIAN,
    actuator: ACTUATOR,
    web: WEB,
  },
  additionalProperties: false,
};

/** Historian backends by name, each with the schema of its `historian.connection`. */
export type Backends = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The bridge's schema for this raw document: with `backends`, the historian's backend and connection are checked too. */
export function bridgeSchema(raw: unknown, backends: Backends | undefined): Schema {
  if (!backends) return BRIDGE_SCHEMA;
  const { backend = HISTORIAN_BACKEND.default } =
    (raw as { historian?: { backend?: string } } | null)?.historian ?? {};
  const connection = Object.hasOwn(backends, String(backend)) ? backends[String(backend)] : undefined;
  return {
    ...BRIDGE_SCHEMA,
    properties: {
      ...BRIDGE_SCHEMA.properties,
      historian: {
        ...HISTORIAN,
        properties: {
          ...HISTORIAN.properties,
          backend: { ...HISTORIAN_BACKEND, enum: [...Object.keys(backends), "none"] },
          ...(connection ? { connection: { default: {}, ...connection } } : {}),
        },
      },
    },
  };
}

/** The bridge's schema for editors. */
export function bridgeEditorSchema(): Schema {
  return editorSchema(BRIDGE_SCHEMA);
}
