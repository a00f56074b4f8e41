import type { Panel } from "./panel.ts";
import { DEVICE, ofSites } from "./sql.ts";

/** Conditions of the dashboards of several stations: those of the chosen sites. */
export const INFLUX = '$timeFilter AND "device" =~ /^${site:regex}/';
export const PROM = 'device=~"$site.*"';

export const LAST_CONTACT: Panel = {
  ...{ title: "Last contact", kind: "table", unit: "none" },
  description: "When each station was read last, or how long ago.",
  columns: { "Last contact": "dateTimeAsIso", Age: "dtdurations" },
  queries: {
    postgres: {
      table: true,
      text: `SELECT ${DEVICE} AS "Station", max(time) AS "Last contact", extract(epoch FROM now() - max(time)) AS "Age"
${ofSites("stationLoad")}
GROUP BY 1 ORDER BY 2`,
    },
    influxql: {
      table: true,
      text: `SELECT last("station_load_kw") AS "Load" FROM "ev_station" WHERE ${INFLUX} GROUP BY "device"`,
    },
    promql: {
      ...{ instant: true, table: true },
      text: `time() - max by (device) (voltbridge_device_last_scrape_timestamp_seconds{${PROM}})`,
    },
  },
};
