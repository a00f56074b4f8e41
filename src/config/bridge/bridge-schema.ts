import { PUBLISH_FLAGS } from "../publish-schema.ts";
import { editorSchema } from "../schema/editor-schema.ts";
import type { Schema } from "../schema/schema.ts";
import { flag, folder, port, section } from "../schema/setting-kinds.ts";
import { HISTORIAN, HISTORIAN_BACKEND } from "./historian-schema.ts";
import { LIMITS } from "./limits-schema.ts";
import { MQTT } from "./mqtt-schema.ts";
import { SESSIONS, SESSIONS_BACKEND } from "./sessions-schema.ts";

const DRIVER = section("Scraping. The names are those of VOLTTRON's platform driver.", {
  driver_scrape_interval: {
    type: "number",
    minimum: 0,
    default: 0.02,
    description: "Seconds between the scrapes of neighbouring devices of one group.",
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
    description: "Seconds between writes to the devices' heartbeat points.",
  },
  max_open_sockets: { "x-unused": "connections are shared, and limited by each kind of driver" },
  max_concurrent_publishes: { "x-unused": "what waits to be published waits on disk" },
  scalability_test: { "x-unused": "there is a benchmark instead" },
  scalability_test_iterations: { "x-unused": "there is a benchmark instead" },
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
  controller_grace_seconds: {
    type: ["number", "null"],
    minimum: 0,
    default: null,
    description:
      "Seconds that a controller may say offline of itself before what it holds is reverted; null: it is not.",
  },
  confirm_timeout: {
    type: "number",
    exclusiveMinimum: 0,
    default: 60,
    description:
      "Seconds until a write that was not read back as asked is answered as unconfirmed; readings begun within this time after a write do not prove that a limit is gone.",
  },
  renewal: {
    enum: ["if_in_force", "always"],
    default: "if_in_force",
    description:
      "Whether a limit with a lease is read before it is renewed, and forgotten where somebody else ended it, or renewed without a look.",
  },
  accepted_after: {
    type: "number",
    minimum: 0,
    default: 5,
    description:
      "Seconds after which a write that the device took is first answered as accepted while it is still read back.",
  },
  writes_per_minute: {
    type: "integer",
    minimum: 1,
    default: 60,
    description: "Most writes to one device in a minute; more wait, and of those for one point the last.",
  },
  max_command_age: {
    type: "number",
    exclusiveMinimum: 0,
    default: 60,
    description: "Seconds after which a command has expired.",
  },
  requester: {
    enum: ["message", "topic"],
    default: "message",
    description:
      "Where the name of who sends a command is taken from: what the message says, or its topic, as/<user>/….",
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
const BRIDGE_SCHEMA: Schema = {
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
    read_only: flag(false, "Whether the bridge writes to no device at all."),
    driver: DRIVER,
    mqtt: MQTT,
    historian: HISTORIAN,
    sessions: SESSIONS,
    actuator: ACTUATOR,
    limits: LIMITS,
    web: WEB,
  },
  additionalProperties: false,
};

/** Backends of a section by name, each with the schema of its `connection`. */
export type Backends = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The backends of the sections that have some. Absent: neither their names nor their connections are checked. */
export interface SectionBackends {
  readonly backends?: Backends;
  readonly sessionBackends?: Backends;
}

/** The bridge's schema for this raw document, with what the chosen backends want to know. */
export function bridgeSchema(raw: unknown, { backends, sessionBackends }: SectionBackends): Schema {
  const given = raw as { historian?: { backend?: string }; sessions?: { backend?: string } } | null;
  const none = ["none"];
  return {
    ...BRIDGE_SCHEMA,
    properties: {
      ...BRIDGE_SCHEMA.properties,
      ...(backends && {
        historian: withBackends(HISTORIAN, HISTORIAN_BACKEND, given?.historian?.backend, backends, none),
      }),
      ...(sessionBackends && {
        sessions: withBackends(SESSIONS, SESSIONS_BACKEND, given?.sessions?.backend, sessionBackends),
      }),
    },
  };
}

function withBackends(
  section: Schema,
  setting: Schema,
  chosen: string | undefined,
  backends: Backends,
  more: readonly string[] = [],
): Schema {
  const name = String(chosen ?? setting.default);
  const connection = Object.hasOwn(backends, name) ? backends[name] : undefined;
  return {
    ...section,
    properties: {
      ...section.properties,
      backend: { ...setting, enum: [...Object.keys(backends), ...more] },
      ...(connection ? { connection: { default: {}, ...connection } } : {}),
    },
  };
}

/** The bridge's schema for editors. */
export function bridgeEditorSchema(): Schema {
  return editorSchema(BRIDGE_SCHEMA);
}
