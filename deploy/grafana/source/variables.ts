import type { Language, Variable } from "./panel.ts";
import { HISTORY_SCHEMA } from "./sql.ts";

const SITE_DESCRIPTION = "The levels of device paths before the station: campus/garage/";

/** Sites: what device paths have in common but for the last level. */
export const SITES: Readonly<Record<Language, readonly Variable[]>> = {
  postgres: [
    HISTORY_SCHEMA,
    {
      ...{ name: "site", label: "Site", kind: "query", multi: true, description: SITE_DESCRIPTION },
      text: "SELECT DISTINCT regexp_replace(name, '[^/]+/[^/]+$', '') FROM $history_schema.topic WHERE name ~* '/stationLoad$'",
    },
  ],
  influxql: [
    {
      ...{ name: "site", label: "Site", kind: "query", multi: true, description: SITE_DESCRIPTION },
      ...{
        text: 'SHOW TAG VALUES FROM "ev_station" WITH KEY = "device"',
        regex: "/^((?!_voltbridge\\/).*\\/)[^\\/]+$/",
        all: ".*",
      },
    },
  ],
  promql: [
    {
      ...{ name: "site", label: "Site", kind: "query", multi: true, description: SITE_DESCRIPTION },
      ...{ text: "label_values(voltbridge_device_up, device)", regex: "/^(.*\\/)[^\\/]+$/", all: ".*" },
    },
  ],
};

/** One station, and its ports. */
export const STATION_AND_PORTS: Readonly<Record<Language, readonly Variable[]>> = {
  postgres: [
    HISTORY_SCHEMA,
    {
      ...{ name: "station", label: "Station", kind: "query" },
      text: "SELECT DISTINCT regexp_replace(name, '/[^/]*$', '') FROM $history_schema.topic WHERE name ~* '/portLoad_[^/]+$'",
    },
    {
      ...{ name: "port", label: "Port", kind: "query", multi: true },
      text: "SELECT DISTINCT substring(name FROM '_([^/_]+)$') FROM $history_schema.topic WHERE name ~* '/portLoad_[^/]+$' AND regexp_replace(name, '/[^/]*$', '') = ${station:sqlstring}",
    },
  ],
  influxql: [
    {
      ...{ name: "station", label: "Station", kind: "query" },
      text: 'SHOW TAG VALUES FROM "ev_port" WITH KEY = "device"',
    },
    {
      ...{ name: "port", label: "Port", kind: "query", multi: true, all: ".*" },
      text: 'SHOW TAG VALUES FROM "ev_port" WITH KEY = "port" WHERE "device" =~ /^${station:regex}$/',
    },
  ],
  promql: [
    {
      ...{ name: "station", label: "Station", kind: "query" },
      text: "label_values(voltbridge_port_state, device)",
    },
    {
      ...{ name: "port", label: "Port", kind: "query", multi: true, all: ".*" },
      text: 'label_values(voltbridge_port_state{device="$station"}, port)',
    },
  ],
};
