import type { JsonPath } from "../files/json-document.ts";
import type { Rename } from "../schema/renames.ts";

type Settings = Readonly<Record<string, unknown>>;

/** Settings of VOLTTRON's agents that are in another section here, or have another name; the rest of a path keeps its name. */
const ACTUATOR: Readonly<Record<string, JsonPath>> = {
  heartbeat_interval: ["driver", "heartbeat_interval"],
  allow_no_lock_write: ["actuator", "require_schedule"],
};
/** Settings that a config of a VOLTTRON agent has at its top, by the section that has them here. */
const AT_TOP: Readonly<Record<string, readonly string[]>> = {
  driver: [
    "driver_scrape_interval",
    "group_offset_interval",
    "publish_depth_first_all",
    "publish_breadth_first_all",
    "publish_depth_first",
    "publish_breadth_first",
  ],
  actuator: ["schedule_publish_interval", "preempt_grace_time"],
};

/** Returns the settings of a bridge config that have VOLTTRON's name, with theirs here. */
export function volttronNames(raw: unknown): Rename[] {
  if (!isObject(raw)) return [];
  const { actuator, historian } = raw;
  return [
    ...moved(raw, [], ACTUATOR),
    ...Object.entries(AT_TOP).flatMap(([section, keys]) =>
      moved(raw, [], Object.fromEntries(keys.map((key) => [key, [section, key]]))),
    ),
    ...(isObject(actuator) ? moved(actuator, ["actuator"], ACTUATOR) : []),
    ...(isObject(historian) ? historianNames(historian) : []),
  ];
}

function moved(settings: Settings, at: JsonPath, names: Readonly<Record<string, JsonPath>>): Rename[] {
  return Object.entries(names)
    .filter(([key]) => Object.hasOwn(settings, key))
    .map(([key, to]) => {
      const given = settings[key];
      const value = key === "allow_no_lock_write" && typeof given === "boolean" ? !given : given;
      return { from: [...at, key], to, value };
    });
}

/** Backends by the `connection.type` of VOLTTRON's historians, and their names of VOLTTRON's `connection.params`. */
const STORES: Readonly<Record<string, { backend: string; params: Readonly<Record<string, string>> }>> = {
  sqlite: { backend: "volttron-sqlite", params: { database: "path" } },
  postgresql: {
    backend: "postgres",
    params: {
      dbname: "database",
      database: "database",
      host: "host",
      port: "port",
      user: "user",
      password: "password",
    },
  },
  influxdb: {
    backend: "influxdb",
    params: {
      database: "database",
      user: "username",
      username: "username",
      passwd: "password",
      password: "password",
    },
  },
};

/** VOLTTRON's historians have `{"connection": {"type": …, "params": {…}}, "tables_def": {…}}`. */
function historianNames(historian: Settings): Rename[] {
  const at: JsonPath = ["historian"];
  const inside: JsonPath = ["historian", "connection"];
  const connection = isObject(historian.connection) ? historian.connection : {};
  const { type, params } = connection;
  const store = typeof type === "string" && Object.hasOwn(STORES, type) ? STORES[type] : undefined;
  const renames: Rename[] = [];
  if (type !== undefined)
    renames.push({ from: [...inside, "type"], to: [...at, "backend"], value: store?.backend ?? type });
  if (isObject(params)) {
    for (const [key, value] of Object.entries(params)) {
      const from = [...inside, "params", key];
      const name = store && Object.hasOwn(store.params, key) ? store.params[key] : undefined;
      if (type === "influxdb" && (key === "host" || key === "port")) {
        const url = `http://${params.host ?? "localhost"}:${params.port ?? 8086}`;
        // Host and port are one setting; the other one of the two goes with it.
        if (key === "host" || params.host === undefined)
          renames.push({ from, to: [...inside, "url"], value: url });
        else renames.push({ from, unused: `it is part of "historian.connection.url"` });
      } else if (name === undefined)
        renames.push({ from, unused: `backend ${store?.backend ?? String(type)} has no such setting` });
      else renames.push({ from, to: [...inside, name], value });
    }
    renames.push({
      from: [...inside, "params"],
      unused: `its settings are in "historian.connection" itself`,
    });
  }
  if (isObject(historian.tables_def)) renames.push(...tableNames(historian.tables_def, store?.backend));
  return renames;
}

function tableNames(tables: Settings, backend: string | undefined): Rename[] {
  const from: JsonPath = ["historian", "tables_def"];
  if (backend === "volttron-sqlite")
    return [{ from, to: ["historian", "connection", "tables_def"], value: tables }];
  const prefix = tables.table_prefix;
  return [
    ...(backend === "postgres" && prefix !== undefined
      ? [{ from: [...from, "table_prefix"], to: ["historian", "connection", "table_prefix"], value: prefix }]
      : []),
    { from, unused: "the store has tables of its own" },
  ];
}

function isObject(value: unknown): value is Settings {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
