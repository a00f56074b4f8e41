import type { Dashboard } from "./panel.ts";
import { eachDevice, eachPort, stateCode } from "./promql.ts";
import {
  AT_END,
  DEVICE_PORT,
  idleSeconds,
  kilowattHours,
  ofPorts,
  ofStation,
  STATE,
  series,
  shareOfTime,
} from "./sql.ts";
import { LIMITED, PORT_STATES } from "./states.ts";
import { STATION_AND_PORTS } from "./variables.ts";

const OF_STATION = '$timeFilter AND "device" =~ /^${station:regex}$/';
const INFLUX = `${OF_STATION} AND "port" =~ /^\${port:regex}$/`;
const BY_PORT = 'GROUP BY time($__interval), "device", "port" fill(none)';
const PORT_ALIAS = "$tag_device port $tag_port";
const PROM = 'device="$station", port=~"$port"';
const POWER = eachPort("voltbridge_port_power_watts", PROM);
const IN_USE = eachPort("voltbridge_port_state", `state="in_use", ${PROM}`);
const LEGEND = "{{device}} port {{port}}";

export const station: Dashboard = {
  ...{ id: "station", title: "station", from: "24h", variables: STATION_AND_PORTS },
  description: "One station: load against limit, states, energy and idle time of its ports.",
  rows: [
    {
      height: 4,
      panels: [
        {
          ...{ title: "Energy in the range", kind: "stat", unit: "kwatth", decimals: 1 },
          description: "Energy of each port by its loads.",
          queries: {
            postgres: {
              text: kilowattHours(
                `${AT_END}, ${DEVICE_PORT} AS metric`,
                ofPorts("portLoad"),
                "\nGROUP BY 2 ORDER BY 2",
              ),
            },
            influxql: {
              text: `SELECT integral("port_load_kw", 1h) FROM "ev_port" WHERE ${INFLUX} GROUP BY "device", "port"`,
              legend: PORT_ALIAS,
            },
            promql: {
              ...{ legend: LEGEND, instant: true },
              text: `sum_over_time(${POWER}[$__range:1m]) / 60000`,
            },
          },
        },
        {
          ...{ title: "Peak load in the range", kind: "stat", unit: "kwatt", decimals: 1 },
          description: "Highest load of each port.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, ${DEVICE_PORT} AS metric, max(value) AS value
${ofPorts("portLoad")}
GROUP BY 2 ORDER BY 2`,
            },
            influxql: {
              text: `SELECT max("port_load_kw") FROM "ev_port" WHERE ${INFLUX} GROUP BY "device", "port"`,
              legend: PORT_ALIAS,
            },
            promql: {
              ...{ legend: LEGEND, instant: true },
              text: `max_over_time(${POWER}[$__range:1m]) / 1000`,
            },
          },
        },
        {
          ...{ title: "Utilisation", kind: "stat", unit: "percentunit", decimals: 0 },
          description: "Share of the range in which the port had a vehicle.",
          queries: {
            postgres: {
              text: shareOfTime(DEVICE_PORT, `${STATE} = 2`, ofPorts("Status")),
            },
            promql: {
              ...{ legend: LEGEND, instant: true },
              text: `avg_over_time(${IN_USE}[$__range:1m])`,
            },
          },
        },
        {
          ...{ title: "Idle time", kind: "stat", unit: "dtdurations" },
          description: "Time for which a vehicle was plugged in and drew nothing.",
          queries: {
            postgres: { text: idleSeconds(ofPorts("(portLoad|Status)"), "device_port") },
            promql: {
              ...{ legend: LEGEND, instant: true },
              text: `sum_over_time((${IN_USE} * (${POWER} == bool 0))[$__range:1m]) * 60`,
            },
          },
        },
        {
          ...{ title: "Last contact", kind: "stat", unit: "dtdurations" },
          description: "Time since the values of the station were read last.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, 'age' AS metric, extract(epoch FROM now() - max(time)) AS value
${ofStation("stationLoad")}
HAVING count(*) > 0`,
            },
            promql: {
              ...{ legend: "age", instant: true },
              text: `time() - ${eachDevice("voltbridge_device_last_scrape_timestamp_seconds", 'device="$station"')}`,
            },
          },
        },
      ],
    },
    {
      height: 10,
      panels: [
        {
          ...{
            title: "Load and limit by port",
            kind: "timeseries",
            unit: "kwatt",
            interval: "1m",
            limits: true,
          },
          description: "Load of each port. Dashed: the limit in force, while there is one.",
          queries: {
            postgres: [
              { text: series(DEVICE_PORT, "avg(value)", ofPorts("portLoad")) },
              {
                text: series(
                  `${DEVICE_PORT} || ' limit'`,
                  "min(value)",
                  `${ofPorts("allowedLoad")} AND value > 0`,
                ),
              },
            ],
            influxql: [
              {
                text: `SELECT mean("port_load_kw") FROM "ev_port" WHERE ${INFLUX} ${BY_PORT}`,
                legend: PORT_ALIAS,
              },
              {
                text: `SELECT min("allowed_load_kw") FROM "ev_port" WHERE ${INFLUX} AND "shed_state" = 1 ${BY_PORT}`,
                legend: `${PORT_ALIAS} limit`,
              },
            ],
            promql: [
              { text: `${POWER} / 1000`, legend: LEGEND },
              { text: `${eachPort("voltbridge_port_limit_watts", PROM)} / 1000`, legend: `${LEGEND} limit` },
            ],
          },
        },
      ],
    },
    {
      height: 6,
      panels: [
        {
          ...{ title: "States of the ports", kind: "state-timeline", unit: "none", interval: "1m" },
          description: "State of each port over time, as the network says it.",
          values: PORT_STATES,
          queries: {
            postgres: { text: series(DEVICE_PORT, `max(${STATE})`, ofPorts("Status")) },
            influxql: {
              text: `SELECT last("status") FROM "ev_port" WHERE ${INFLUX} ${BY_PORT}`,
              legend: PORT_ALIAS,
            },
            promql: { text: stateCode(PROM), legend: LEGEND },
          },
        },
        {
          ...{ title: "Limited", kind: "state-timeline", unit: "none", interval: "1m" },
          description: "When a limit was in force at each port.",
          values: LIMITED,
          queries: {
            postgres: { text: series(DEVICE_PORT, "max(value)", ofPorts("shedState")) },
            influxql: {
              text: `SELECT max("shed_state") FROM "ev_port" WHERE ${INFLUX} ${BY_PORT}`,
              legend: PORT_ALIAS,
            },
            promql: { text: eachPort("voltbridge_port_limited", PROM), legend: LEGEND },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{
            title: "Energy per hour",
            kind: "timeseries",
            unit: "kwatth",
            bars: true,
            stacked: true,
            interval: "1h",
          },
          description: "Energy of each port by its loads.",
          queries: {
            postgres: {
              text: kilowattHours(
                `date_trunc('hour', time) AS time, ${DEVICE_PORT} AS metric`,
                ofPorts("portLoad"),
                "\nGROUP BY 1, 2 ORDER BY 1, 2",
              ),
            },
            influxql: {
              text: `SELECT integral("port_load_kw", 1h) FROM "ev_port" WHERE ${INFLUX} GROUP BY time(1h), "device", "port"`,
              legend: PORT_ALIAS,
            },
            promql: {
              text: `sum_over_time(${POWER}[59m30s:1m] offset -59m) / 60000`,
              legend: LEGEND,
            },
          },
        },
        {
          ...{ title: "Lifetime energy", kind: "stat", unit: "kwatth", decimals: 0 },
          description: "Energy of all sessions of the port. Needs sessions.enabled.",
          queries: {
            promql: {
              ...{ legend: LEGEND, instant: true },
              text: `${eachPort("voltbridge_port_energy_joules_total", PROM)} / 3600000`,
            },
          },
        },
      ],
    },
  ],
};
