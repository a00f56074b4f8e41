import type { Dashboard } from "./panel.ts";
import { eachDevice, eachPort, stateCode } from "./promql.ts";
import { INFLUX, LAST_CONTACT, PROM } from "./sites.ts";
import {
  AT_END,
  DEVICE,
  DEVICE_PORT,
  kilowattHours,
  ofSites,
  STATE,
  series,
  shareOfTime,
  sumOfMeans,
} from "./sql.ts";
import { PORT_STATES } from "./states.ts";
import { SITES } from "./variables.ts";

const POWER = eachDevice("voltbridge_device_power_watts", PROM);
const UP = eachDevice("voltbridge_device_up", PROM);

export const fleet: Dashboard = {
  ...{ id: "fleet", title: "fleet", from: "24h", variables: SITES },
  description: "All stations of a site: load, energy, states of the ports, and when each was heard of last.",
  rows: [
    {
      height: 4,
      panels: [
        {
          ...{ title: "Load", kind: "stat", unit: "kwatt", decimals: 1, interval: "5m" },
          description: "Load of all stations: the mean of the latest period.",
          queries: {
            postgres: { text: sumOfMeans("load", ofSites("stationLoad")) },
            influxql: {
              text: `SELECT sum("kw") FROM (SELECT mean("station_load_kw") AS "kw" FROM "ev_station" WHERE ${INFLUX} GROUP BY time($__interval), "device" fill(none)) WHERE $timeFilter GROUP BY time($__interval) fill(none)`,
              legend: "load",
            },
            promql: { text: `sum(${POWER}) / 1000`, legend: "load" },
          },
        },
        {
          ...{ title: "Energy in the range", kind: "stat", unit: "kwatth", decimals: 1 },
          description: "Energy by the loads of the stations. Sessions have the energy of the meters.",
          queries: {
            postgres: { text: kilowattHours(`${AT_END}, 'energy' AS metric`, ofSites("stationLoad")) },
            influxql: {
              text: `SELECT sum("kwh") FROM (SELECT integral("station_load_kw", 1h) AS "kwh" FROM "ev_station" WHERE ${INFLUX} GROUP BY "device")`,
              legend: "energy",
            },
            promql: {
              ...{ legend: "energy", instant: true },
              text: `sum(sum_over_time(${POWER}[$__range:1m])) / 60000`,
            },
          },
        },
        {
          ...{ title: "Peak load in the range", kind: "stat", unit: "kwatt", decimals: 1 },
          description: "Highest load of all stations together, as the mean of five minutes.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, 'peak' AS metric, max(kw) AS value FROM (
  SELECT bucket, sum(kw) AS kw FROM (
    SELECT $__timeGroup(time, '5m') AS bucket, topic, avg(value) AS kw
    ${ofSites("stationLoad").replaceAll("\n", "\n    ")}
    GROUP BY 1, topic
  ) AS each GROUP BY bucket
) AS total`,
            },
            influxql: {
              text: `SELECT max("total") FROM (SELECT sum("kw") AS "total" FROM (SELECT mean("station_load_kw") AS "kw" FROM "ev_station" WHERE ${INFLUX} GROUP BY time(5m), "device" fill(none)) WHERE $timeFilter GROUP BY time(5m) fill(none)) WHERE $timeFilter`,
              legend: "peak",
            },
            promql: {
              ...{ legend: "peak", instant: true },
              text: `max_over_time(sum(${POWER})[$__range:5m]) / 1000`,
            },
          },
        },
        {
          ...{ title: "Stations that report", kind: "stat", unit: "short", decimals: 0, interval: "5m" },
          description: "Number of stations whose values were read in the latest period.",
          queries: {
            postgres: {
              text: sumOfMeans("stations", `${ofSites("stationLoad")} AND value IS NOT NULL`, "1"),
            },
            influxql: {
              text: `SELECT count("kw") FROM (SELECT last("station_load_kw") AS "kw" FROM "ev_station" WHERE ${INFLUX} GROUP BY time($__interval), "device" fill(none)) WHERE $timeFilter GROUP BY time($__interval) fill(none)`,
              legend: "stations",
            },
            promql: { text: `sum(${UP})`, legend: "stations" },
          },
        },
        {
          ...{ title: "Stations away", kind: "stat", unit: "short", decimals: 0 },
          description: "Stations that the bridge cannot read, or that the network does not reach.",
          thresholds: [
            { from: null, color: "green" },
            { from: 1, color: "red" },
          ],
          queries: {
            promql: { text: `count(${UP} == 0) or vector(0)`, legend: "stations" },
          },
        },
        {
          ...{ title: "Ports in use", kind: "stat", unit: "short", decimals: 0, interval: "5m" },
          description: "Number of ports with a vehicle.",
          queries: {
            postgres: {
              text: sumOfMeans("ports", ofSites("Status_[^/_]+"), `max((${STATE} = 2)::integer)`),
            },
            influxql: {
              text: `SELECT count("state") FROM (SELECT last("status") AS "state" FROM "ev_port" WHERE ${INFLUX} AND "status" = 'INUSE' GROUP BY time($__interval), "device", "port" fill(none)) WHERE $timeFilter GROUP BY time($__interval) fill(0)`,
              legend: "ports",
            },
            promql: {
              text: `sum(${eachPort("voltbridge_port_state", `state="in_use", ${PROM}`)})`,
              legend: "ports",
            },
          },
        },
      ],
    },
    {
      height: 9,
      panels: [
        {
          ...{ title: "Load by station", kind: "timeseries", unit: "kwatt", stacked: true, interval: "5m" },
          description: "Click on a line to see the station.",
          toStation: true,
          queries: {
            postgres: { text: series(DEVICE, "avg(value)", ofSites("stationLoad")) },
            influxql: {
              text: `SELECT mean("station_load_kw") FROM "ev_station" WHERE ${INFLUX} GROUP BY time($__interval), "device" fill(none)`,
              legend: "$tag_device",
            },
            promql: { text: `${POWER} / 1000`, legend: "{{device}}" },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Energy per hour", kind: "timeseries", unit: "kwatth", bars: true, interval: "1h" },
          description: "Energy of all stations by their loads.",
          queries: {
            postgres: {
              text: kilowattHours(
                "date_trunc('hour', time) AS time, 'energy' AS metric",
                ofSites("stationLoad"),
                "\nGROUP BY 1 ORDER BY 1",
              ),
            },
            influxql: {
              text: `SELECT sum("kwh") FROM (SELECT integral("station_load_kw", 1h) AS "kwh" FROM "ev_station" WHERE ${INFLUX} GROUP BY time(1h), "device") WHERE $timeFilter GROUP BY time(1h) fill(none)`,
              legend: "energy",
            },
            promql: {
              text: `sum(sum_over_time(${POWER}[59m30s:1m] offset -59m)) / 60000`,
              legend: "energy",
            },
          },
        },
        {
          ...{ title: "Ports by state", kind: "timeseries", unit: "short", stacked: true, interval: "5m" },
          description: "Number of ports: available, in use, out of order, unreachable, unknown.",
          queries: {
            postgres: {
              text: `SELECT time, (ARRAY['available', 'in use', 'out of order', 'unreachable', 'unknown'])[state] AS metric, count(*) AS value FROM (
  SELECT $__timeGroupAlias(time, $__interval), topic, max(${STATE}) AS state
  ${ofSites("Status_[^/_]+").replaceAll("\n", "\n  ")}
  GROUP BY 1, topic
) AS each
GROUP BY 1, 2 ORDER BY 1, 2`,
            },
            promql: {
              text: `sum by (state) (max by (device, port, state) (voltbridge_port_state{${PROM}}))`,
              legend: "{{state}}",
            },
          },
        },
      ],
    },
    {
      height: 10,
      panels: [
        {
          ...{ title: "States of the ports", kind: "state-timeline", unit: "none", interval: "5m" },
          description: "State of each port over time, as the network says it.",
          values: PORT_STATES,
          queries: {
            postgres: { text: series(DEVICE_PORT, `max(${STATE})`, ofSites("Status_[^/_]+")) },
            influxql: {
              text: `SELECT last("status") FROM "ev_port" WHERE ${INFLUX} GROUP BY time($__interval), "device", "port" fill(none)`,
              legend: "$tag_device port $tag_port",
            },
            promql: { text: stateCode(PROM), legend: "{{device}} port {{port}}" },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Utilisation", kind: "bargauge", unit: "percentunit", max: 1, decimals: 0 },
          description: "Share of the range in which the ports of a station had a vehicle.",
          queries: {
            postgres: {
              text: shareOfTime(DEVICE, `${STATE} = 2`, ofSites("Status_[^/_]+")),
            },
            promql: {
              ...{ legend: "{{device}}", instant: true },
              text: `avg by (device) (avg_over_time(voltbridge_port_state{state="in_use", ${PROM}}[$__range]))`,
            },
          },
        },
        {
          ...{ title: "Uptime", kind: "bargauge", unit: "percentunit", max: 1, decimals: 1 },
          description: "Share of the range in which the ports of a station could be used.",
          thresholds: [
            { from: null, color: "red" },
            { from: 0.97, color: "yellow" },
            { from: 0.99, color: "green" },
          ],
          queries: {
            postgres: {
              text: shareOfTime(DEVICE, `${STATE} IN (1, 2)`, ofSites("Status_[^/_]+")),
            },
            promql: {
              ...{ legend: "{{device}}", instant: true },
              text: `avg by (device) (avg_over_time(voltbridge_port_up{${PROM}}[$__range]))`,
            },
          },
        },
        LAST_CONTACT,
      ],
    },
  ],
};
