import { editorSchema } from "../schema/editor-schema.ts";
import type { Schema } from "../schema/schema.ts";
import { choice, flag, integer, seconds, section, text } from "../schema/setting-kinds.ts";
import { ALERTS } from "./alerts-schema.ts";
import { CLUSTER } from "./cluster-schema.ts";
import { HISTORIAN } from "./historian-schema.ts";
import { INTEGRATIONS } from "./integrations-schema.ts";
import { LIMITS } from "./limits-schema.ts";
import { MAIL } from "./mail-schema.ts";
import { MQTT } from "./mqtt-schema.ts";
import { SESSIONS } from "./sessions-schema.ts";
import { METRICS, WEB } from "./web-schema.ts";

/** The four publish settings, of the bridge and of a device. */
export const PUBLISH_FLAGS = {
  publish_depth_first_all:
    "Whether `devices/<path>/all` is published: every point of a scrape in one message.",
  publish_breadth_first_all:
    "Whether `devices/all/<path reversed>` is published: the same message, for subscribers by unit.",
  publish_depth_first: "Whether `devices/<path>/<point>` is published: one message for each point.",
  publish_breadth_first:
    "Whether `devices/<point>/<path reversed>` is published: one message for each point, by point.",
} as const;

const DRIVER = section("Scraping. The names are those of VOLTTRON's platform driver.", {
  driver_scrape_interval: seconds(
    0.02,
    { minimum: 0 },
    "Seconds between the scrapes of neighbouring devices of a group, so that not all are read at the same instant.",
  ),
  group_offset_interval: seconds(
    0,
    { minimum: 0 },
    "Seconds between the scrapes of one `group` of devices and the next. A device is read `driver_scrape_interval` × its place in the group + `group_offset_interval` × group after the aligned time, as in VOLTTRON.",
  ),
  publish_depth_first_all: flag(true, PUBLISH_FLAGS.publish_depth_first_all),
  publish_breadth_first_all: flag(false, PUBLISH_FLAGS.publish_breadth_first_all),
  publish_depth_first: flag(false, PUBLISH_FLAGS.publish_depth_first),
  publish_breadth_first: flag(false, PUBLISH_FLAGS.publish_breadth_first),
  write_starting_values: flag(
    false,
    "Whether the registry's Starting Values are written to the devices at start. See [control](control.md#starting-values).",
  ),
  heartbeat_interval: seconds(
    60,
    { minimum: 1 },
    "Seconds between writes to the devices' [heartbeat points](registry.md#heartbeat). The bridge's own `heartbeat/…` topic is published every 60 s.",
  ),
  max_open_sockets: { "x-unused": "connections are shared, and limited by each kind of driver" },
  max_concurrent_publishes: { "x-unused": "what waits to be published waits on disk" },
  allow_duplicate_remotes: { "x-unused": "devices of one account always share its connections" },
  scalability_test: { "x-unused": "there is a benchmark instead" },
  scalability_test_iterations: { "x-unused": "there is a benchmark instead" },
});

const ACTUATOR = section("Set points.", {
  accepted_after: seconds(
    5,
    { minimum: 0 },
    "Seconds after which a write that the device took, and that was not read back yet, is answered as [`accepted`](mqtt.md#status); the final answer follows.",
  ),
  writes_per_minute: integer(
    60,
    { minimum: 1 },
    "Maximum writes to one device in a minute. Further writes [wait](control.md#step-by-step), for each point only the last.",
  ),
  confirm_timeout: seconds(
    60,
    { exclusiveMinimum: 0 },
    "Seconds for which a write is read back before it is answered as `unconfirmed` or `accepted`. Readings begun within this time after a write do not prove that a limit has ended.",
  ),
  renewal: choice(
    ["if_in_force", "always"],
    "if_in_force",
    "Whether a limit with a lease is read before it is [renewed](control.md#leases), and forgotten if it was ended elsewhere, or is renewed without a read.",
  ),
  max_command_age: seconds(
    60,
    { exclusiveMinimum: 0 },
    "Seconds after which a command has expired, by the time that its sender gave.",
  ),
  require_schedule: flag(
    false,
    "Whether a device accepts set points only from the holder of its reservation.",
  ),
  schedule_publish_interval: seconds(
    30,
    { minimum: 1 },
    "Seconds between announcements of the reservations in force.",
  ),
  preempt_grace_time: seconds(
    60,
    { minimum: 0 },
    "Seconds that a running task keeps its device after a task of higher priority has preempted it.",
  ),
  controller_grace_seconds: {
    type: ["number", "null"],
    minimum: 0,
    default: null,
    description:
      "Seconds that a [controller](control.md#controllers-that-go-away) may report itself `offline` before its set points are reverted; null: they are kept.",
  },
  schedule_state_file: { "x-unused": "reservations are kept in the data folder" },
  driver_vip_identity: { "x-unused": "devices and set points are in one process" },
  requester: choice(
    ["message", "topic"],
    "message",
    "Source of the sender's name of a command over MQTT: the message, or [its topic](mqtt.md#names-from-topics), `as/<user>/…`.",
  ),
});

const RELOAD = section("Changes of configs and registries while the bridge runs.", {
  holds: choice(
    ["revert", "keep", "refuse"],
    "revert",
    "What happens to a limit in force in a device whose config is removed: it is reverted first; it is left to end by itself; or the device stays until it has none.",
  ),
});

/** `configs/bridge.json` (contracts.md: Bridge config). Its defaults are the only ones. */
export const BRIDGE = {
  type: "object",
  properties: {
    $schema: { type: "string", description: "Path of this file's JSON Schema, for editors." },
    instance: text(
      "voltbridge",
      "Name of this bridge in its client id and its own topics. Of [two bridges of one name](control.md#two-bridges-of-one-name) at a broker only one acts.",
    ),
    devices: {
      ...text(
        "devices",
        "Folder of the [device configs](#device-config), subfolders included, relative to this file's folder.",
      ),
      "x-local": true,
    },
    registries: {
      ...text(
        "../registry",
        "Folder in which `config://` names are looked up, relative to this file's folder.",
      ),
      "x-local": true,
    },
    data: {
      ...text(
        "../data",
        "Folder of the data that the bridge keeps (history, held set points, the lock), relative to this file's folder. Each bridge needs its own.",
      ),
      "x-local": true,
    },
    read_only: flag(
      false,
      "Whether the bridge [writes to no device](control.md#read-only). The same as `run --read-only`.",
    ),
    driver: DRIVER,
    mqtt: MQTT,
    historian: HISTORIAN,
    sessions: SESSIONS,
    actuator: ACTUATOR,
    limits: LIMITS,
    integrations: INTEGRATIONS,
    cluster: CLUSTER,
    reload: RELOAD,
    mail: MAIL,
    alerts: ALERTS,
    web: { ...WEB, "x-local": true },
    metrics: { ...METRICS, "x-local": true },
  },
  additionalProperties: false,
} as const satisfies Schema;

/** Backends of a section by name, each with the schema of its `connection`. */
export type Backends = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The backends of the sections that have some. Absent: neither their names nor their connections are checked. */
export interface SectionBackends {
  readonly backends?: Backends;
  readonly sessionBackends?: Backends;
  readonly clusterBackends?: Backends;
}

/** Schema of the connection without a backend: it has no settings. */
const NOTHING = { additionalProperties: false, properties: {} };

const made = new WeakMap<object, Map<string, Schema>>();

/**
 * Returns the schema of the bridge config for this raw document, with the settings of the backends that it chooses. Equal calls return
 * the same object, so that a config that is loaded again does not wait for its schema to be compiled again.
 */
export function bridgeSchema(
  raw: unknown,
  { backends, sessionBackends, clusterBackends }: SectionBackends,
): Schema {
  const given = raw as {
    historian?: { backend?: unknown; also?: unknown };
    sessions?: { backend?: unknown };
    cluster?: { backend?: unknown };
  } | null;
  const { historian, sessions, cluster } = BRIDGE.properties;
  const ofHistorian = chosenOf(historian, given?.historian?.backend, backends);
  const also = given?.historian?.also;
  const ofAlso = (Array.isArray(also) ? also : []).map((item) =>
    chosenOf(historian, item?.backend ?? "", backends),
  );
  const ofSessions = chosenOf(sessions, given?.sessions?.backend, sessionBackends);
  const withNone = clusterBackends && { none: NOTHING, ...clusterBackends };
  const ofCluster = chosenOf(cluster, given?.cluster?.backend, withNone);
  const owner = backends ?? sessionBackends ?? clusterBackends ?? BRIDGE;
  const known = made.get(owner) ?? new Map<string, Schema>();
  made.set(owner, known);
  const key = JSON.stringify([
    ofHistorian,
    ofAlso,
    ofSessions,
    sessionBackends && Object.keys(sessionBackends),
    ofCluster,
    clusterBackends && Object.keys(clusterBackends),
  ]);
  const schema = known.get(key) ?? {
    ...BRIDGE,
    properties: {
      ...BRIDGE.properties,
      historian: withFurther(
        withBackends(historian, ofHistorian, backends && { ...backends, none: {} }),
        ofAlso,
        backends,
      ),
      sessions: withBackends(sessions, ofSessions, sessionBackends),
      cluster: withBackends(cluster, ofCluster, withNone),
    },
  };
  known.set(key, schema);
  return schema;
}

/** Returns the name of the backend that a section chooses, undefined if there is none of this name. */
function chosenOf(
  section: typeof HISTORIAN | typeof SESSIONS | typeof CLUSTER,
  chosen: unknown,
  backends: Backends | undefined,
): string | undefined {
  const name = String(chosen ?? section.properties.backend.default);
  return backends && Object.hasOwn(backends, name) ? name : undefined;
}

function withBackends(
  section: typeof HISTORIAN | typeof SESSIONS | typeof CLUSTER,
  chosen: string | undefined,
  backends: Backends | undefined,
): Schema {
  if (!backends) return section;
  const { backend, connection } = section.properties;
  return {
    ...section,
    properties: {
      ...section.properties,
      backend: { ...backend, enum: Object.keys(backends) },
      connection: { ...connection, ...(chosen !== undefined && backends[chosen]) },
    },
  };
}

/** Returns the schema of the historian section with those of the backends that the items of `also` choose. */
function withFurther(
  historian: Schema,
  chosen: readonly (string | undefined)[],
  backends: Backends | undefined,
): Schema {
  const { also } = HISTORIAN.properties;
  if (!backends || chosen.length === 0) return historian;
  const { backend, connection } = also.items.properties;
  const prefixItems = chosen.map((name) => ({
    ...also.items,
    properties: {
      ...also.items.properties,
      backend: { ...backend, enum: Object.keys(backends) },
      connection: { ...connection, ...(name !== undefined && backends[name]) },
    },
  }));
  const count = chosen.length;
  const lists = { ...also, prefixItems, items: false, minItems: count, maxItems: count };
  return { ...historian, properties: { ...historian.properties, also: lists as unknown as Schema } };
}

/** Returns the schema of the bridge config for editors. */
export function bridgeEditorSchema(): Schema {
  return editorSchema(BRIDGE);
}
