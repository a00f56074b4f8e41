import type { Dashboard } from "./panel.ts";
import { INFLUX, LAST_CONTACT } from "./sites.ts";
import { AT_END, DEVICE, ofSites, series, sumOfMeans } from "./sql.ts";
import { YES_NO } from "./states.ts";
import { SITES } from "./variables.ts";

const YES = { kind: "stat", unit: "none", values: YES_NO } as const;
const BAD_ABOVE_0 = [
  { from: null, color: "green" },
  { from: 1, color: "red" },
] as const;

export const health: Dashboard = {
  ...{ id: "health", title: "bridge health", from: "24h", variables: SITES },
  description: "Whether the bridge reads its stations, reaches broker and store, and keeps up.",
  rows: [
    {
      height: 4,
      panels: [
        {
          ...{ title: "Broker connected", ...YES },
          description: "Whether the bridge is connected to the MQTT broker.",
          queries: {
            promql: { text: "min by (job, instance) (voltbridge_mqtt_connected)", legend: "{{instance}}" },
          },
        },
        {
          ...{ title: "Store takes data", ...YES },
          description: "Whether each history store takes data.",
          queries: { promql: { text: "min by (store) (voltbridge_store_up)", legend: "{{store}}" } },
        },
        {
          ...{ title: "In charge", ...YES },
          description: "Whether the bridge is in charge of its name; a standby is not.",
          queries: { promql: { text: "voltbridge_active", legend: "{{instance}}" } },
        },
        {
          ...{ title: "Stations", kind: "stat", unit: "short", decimals: 0 },
          description: "Number of stations: online, stale, offline.",
          queries: {
            promql: { text: "max by (availability) (voltbridge_devices)", legend: "{{availability}}" },
          },
        },
        {
          ...{ title: "Values lost", kind: "stat", unit: "short", decimals: 0, thresholds: BAD_ABOVE_0 },
          description: "Values dropped or set aside as dead letters in the range, of each queue.",
          queries: {
            promql: {
              ...{ legend: "{{queue}}", instant: true },
              text: "sum by (queue) (delta(voltbridge_queue_dropped_values[$__range])) + (sum by (queue) (delta(voltbridge_queue_dead_lettered_values[$__range])) or sum by (queue) (delta(voltbridge_queue_dropped_values[$__range])) * 0)",
            },
          },
        },
        {
          ...{ title: "Stations that report", kind: "stat", unit: "short", decimals: 0, interval: "5m" },
          description: "Number of stations with values in the latest period.",
          queries: {
            postgres: { text: sumOfMeans("stations", ofSites("stationLoad"), "1") },
            influxql: {
              text: `SELECT count("kw") FROM (SELECT last("station_load_kw") AS "kw" FROM "ev_station" WHERE ${INFLUX} GROUP BY time($__interval), "device" fill(none)) WHERE $timeFilter GROUP BY time($__interval) fill(none)`,
              legend: "stations",
            },
          },
        },
        {
          ...{ title: "Readings", kind: "stat", unit: "short", decimals: 0 },
          description: "Number of readings of stations in the range that are stored.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, 'readings' AS metric, count(*) AS value\n${ofSites("stationLoad")}`,
            },
            influxql: {
              text: `SELECT sum("n") FROM (SELECT count("station_load_kw") AS "n" FROM "ev_station" WHERE ${INFLUX} GROUP BY "device")`,
              legend: "readings",
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{
            title: "Readings by station",
            kind: "timeseries",
            unit: "short",
            stacked: true,
            interval: "5m",
          },
          description: "Number of readings in each period. Where the line falls, readings are missing.",
          queries: {
            postgres: { text: series(DEVICE, "count(*)", ofSites("stationLoad")) },
            influxql: {
              text: `SELECT count("station_load_kw") FROM "ev_station" WHERE ${INFLUX} GROUP BY time($__interval), "device" fill(none)`,
              legend: "$tag_device",
            },
          },
        },
        {
          ...{ title: "Longest gap by station", kind: "bargauge", unit: "dtdurations" },
          description: "Longest time between two values of a station's load in the range.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, ${DEVICE} AS metric, extract(epoch FROM max(gap)) AS value FROM (
  SELECT topic, time - lag(time) OVER (PARTITION BY topic ORDER BY time) AS gap
  ${ofSites("stationLoad").replaceAll("\n", "\n  ")}
) AS gaps
WHERE gap IS NOT NULL GROUP BY 2 ORDER BY 3 DESC`,
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Scrapes", kind: "timeseries", unit: "ops", stacked: true },
          description:
            "Readings of stations per second: ok, failed, or skipped because the one before was still running.",
          queries: {
            promql: {
              text: "sum by (result) (rate(voltbridge_scrapes_total[$__rate_interval]))",
              legend: "{{result}}",
            },
          },
        },
        {
          ...{ title: "Calls of networks", kind: "timeseries", unit: "reqps", stacked: true },
          description: "Calls of charging networks per second, by operation. Accounts have a limit of calls.",
          queries: {
            promql: {
              text: "sum by (operation) (rate(voltbridge_api_requests_total[$__rate_interval]))",
              legend: "{{operation}}",
            },
          },
        },
        {
          ...{ title: "Failing calls", kind: "timeseries", unit: "percentunit", max: 1 },
          description: "Share of the calls of each account that failed.",
          queries: {
            promql: {
              text: "sum by (account) (rate(voltbridge_api_errors_total[$__rate_interval])) / sum by (account) (rate(voltbridge_api_requests_total[$__rate_interval]))",
              legend: "{{account}}",
            },
          },
        },
        {
          ...{ title: "Duration of calls", kind: "timeseries", unit: "s" },
          description: "95 % of the calls took at most this long, by operation.",
          queries: {
            promql: {
              text: "histogram_quantile(0.95, sum by (le, operation) (rate(voltbridge_api_request_duration_seconds_bucket[$__rate_interval])))",
              legend: "{{operation}}",
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Waiting values", kind: "timeseries", unit: "short" },
          description: "Values on disk that wait for the broker (outbox) or a store.",
          queries: {
            promql: { text: "sum by (queue) (voltbridge_queue_waiting_values)", legend: "{{queue}}" },
          },
        },
        {
          ...{ title: "Age of waiting values", kind: "timeseries", unit: "s" },
          description: "Age of the oldest value that waits.",
          queries: { promql: { text: "max by (queue) (voltbridge_queue_lag_seconds)", legend: "{{queue}}" } },
        },
        {
          ...{ title: "MQTT messages", kind: "timeseries", unit: "ops" },
          description: "Messages per second: acknowledged by the broker, dropped, refused.",
          queries: {
            promql: {
              text: "sum by (result) (rate(voltbridge_mqtt_messages_total[$__rate_interval]))",
              legend: "{{result}}",
            },
          },
        },
        {
          ...{
            title: "Notices",
            kind: "timeseries",
            unit: "short",
            bars: true,
            stacked: true,
            interval: "1h",
          },
          description: "Notices to operators per hour, by kind (docs/mqtt.md lists them).",
          queries: {
            promql: {
              // The first notice of a kind begins its series: there is no earlier value to see an increase.
              text: "sum by (severity, kind) ((voltbridge_notices_total offset -1h unless voltbridge_notices_total) or increase(voltbridge_notices_total[1h] offset -1h))",
              legend: "{{severity}} {{kind}}",
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Processor", kind: "timeseries", unit: "percentunit" },
          description: "Share of one processor core that the bridge uses.",
          queries: {
            promql: {
              text: "rate(process_cpu_seconds_total[$__rate_interval]) and on (instance, job) voltbridge_build_info",
              legend: "{{instance}}",
            },
          },
        },
        {
          ...{ title: "Memory", kind: "timeseries", unit: "bytes" },
          description: "Resident memory of the bridge.",
          queries: {
            promql: {
              text: "process_resident_memory_bytes and on (instance, job) voltbridge_build_info",
              legend: "{{instance}}",
            },
          },
        },
        {
          ...{ title: "Delay of the event loop", kind: "timeseries", unit: "s" },
          description: "How late the bridge reacts: 99 % of the timers fired at most this late.",
          queries: {
            promql: {
              text: "histogram_quantile(0.99, sum by (le) (rate(voltbridge_event_loop_delay_seconds_bucket[$__rate_interval])))",
              legend: "99 %",
            },
          },
        },
        LAST_CONTACT,
        {
          ...{
            title: "Version",
            kind: "stat",
            unit: "none",
            values: { 1: { text: "running", color: "green" } },
          },
          description: "Name and version of each bridge, and its Node.",
          queries: {
            promql: {
              text: "max by (bridge, version, node, instance) (voltbridge_build_info)",
              legend: "{{bridge}} {{version}}, Node {{node}}, {{instance}}",
            },
          },
        },
      ],
    },
  ],
};
