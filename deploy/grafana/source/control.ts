import type { Dashboard, Language, Variable } from "./panel.ts";
import { eachPort } from "./promql.ts";
import { INFLUX, PROM } from "./sites.ts";
import { AT_END, DEVICE_PORT, ofSites, series, sumOfMeans } from "./sql.ts";
import { LIMITED } from "./states.ts";
import { SITES } from "./variables.ts";

const VARIABLES: Readonly<Record<Language, readonly Variable[]>> = {
  ...SITES,
  promql: [
    ...SITES.promql,
    {
      ...{ name: "group", label: "Limit group", kind: "query", multi: true, all: ".*" },
      text: "label_values(voltbridge_site_power_watts, group)",
    },
  ],
};

const BY_PORT = 'GROUP BY time($__interval), "device", "port" fill(none)';
const PORT_ALIAS = "$tag_device port $tag_port";
const ofGroup = (what: string) => `max by (group) (voltbridge_site_${what}_watts{group=~"$group"})`;
const LEGEND = "{{device}} port {{port}}";

/** The audit of writes; what a bridge asked for is in `text` as JSON. */
const WRITES = `FROM $history_schema.history
WHERE topic LIKE 'actuators/write/%' AND regexp_replace(topic, '^actuators/write/(.*/|)[^/]+/[^/]+$', '\\1') IN (\${site:sqlstring})
  AND $__timeFilter(time) AND text IS NOT NULL`;
const STATUS = "text::json ->> 'status'";

export const control: Dashboard = {
  ...{ id: "control", title: "control", from: "24h", variables: VARIABLES },
  description: "Limits: the load of groups against them, which ports are limited, and who wrote what.",
  rows: [
    {
      height: 4,
      panels: [
        {
          ...{ title: "Limited ports", kind: "stat", unit: "short", decimals: 0, interval: "5m" },
          description: "Number of ports with a limit in force.",
          queries: {
            postgres: { text: sumOfMeans("ports", ofSites("shedState_[^/_]+"), "max(value)") },
            influxql: {
              text: `SELECT sum("limited") FROM (SELECT max("shed_state") AS "limited" FROM "ev_port" WHERE ${INFLUX} ${BY_PORT}) WHERE $timeFilter GROUP BY time($__interval) fill(none)`,
              legend: "ports",
            },
            promql: { text: `sum(${eachPort("voltbridge_port_limited", PROM)})`, legend: "ports" },
          },
        },
        {
          ...{ title: "Peak load against limit", kind: "stat", unit: "percentunit", decimals: 1 },
          description: "Highest load of each limit group in the range, as a share of its limit then.",
          thresholds: [
            { from: null, color: "green" },
            { from: 1.001, color: "red" },
          ],
          queries: {
            promql: {
              ...{ legend: "{{group}}", instant: true },
              text: `max_over_time((${ofGroup("power")} / ${ofGroup("limit")})[$__range:1m])`,
            },
          },
        },
        {
          ...{ title: "Commands", kind: "stat", unit: "short", decimals: 0 },
          description: "Commands in the range by how they ended, those of limits included.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, ${STATUS} AS metric, count(*) AS value
${WRITES}
GROUP BY 2 ORDER BY 2`,
            },
            promql: {
              ...{ legend: "{{status}}", instant: true },
              text: "sum by (status) (increase(voltbridge_writes_total[$__range]))",
            },
          },
        },
        {
          ...{ title: "Renewals of limits", kind: "stat", unit: "short", decimals: 0 },
          description: "Renewals before the lease of a limit ended, in the range.",
          queries: {
            promql: {
              ...{ legend: "{{result}}", instant: true },
              text: "sum by (result) (increase(voltbridge_limit_renewals_total[$__range]))",
            },
          },
        },
      ],
    },
    {
      height: 9,
      panels: [
        {
          ...{ title: "Load of limit groups", kind: "timeseries", unit: "kwatt", limits: true },
          description:
            "Load of each group, the most that it could draw with the limits in force, and (dashed) its limit. Needs limits in the bridge config.",
          queries: {
            promql: [
              { text: `${ofGroup("power")} / 1000`, legend: "{{group}}" },
              { text: `${ofGroup("possible_power")} / 1000`, legend: "{{group}} possible" },
              { text: `${ofGroup("limit")} / 1000`, legend: "{{group}} limit" },
            ],
          },
        },
        {
          ...{ title: "Limits in force", kind: "timeseries", unit: "kwatt", interval: "5m" },
          description: "Limit of each port while one is in force.",
          queries: {
            postgres: {
              text: series(DEVICE_PORT, "min(value)", `${ofSites("allowedLoad_[^/_]+")} AND value > 0`),
            },
            influxql: {
              text: `SELECT min("allowed_load_kw") FROM "ev_port" WHERE ${INFLUX} AND "shed_state" = 1 ${BY_PORT}`,
              legend: PORT_ALIAS,
            },
            promql: { text: `${eachPort("voltbridge_port_limit_watts", PROM)} / 1000`, legend: LEGEND },
          },
        },
      ],
    },
    {
      height: 10,
      panels: [
        {
          ...{ title: "Limited over time", kind: "state-timeline", unit: "none", interval: "5m" },
          description: "When a limit was in force at each port.",
          values: LIMITED,
          queries: {
            postgres: { text: series(DEVICE_PORT, "max(value)", ofSites("shedState_[^/_]+")) },
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
      height: 9,
      panels: [
        {
          ...{
            title: "Commands per hour",
            kind: "timeseries",
            unit: "short",
            bars: true,
            stacked: true,
            interval: "1h",
          },
          description: "By how they ended.",
          queries: {
            postgres: {
              text: `SELECT date_trunc('hour', time) AS time, ${STATUS} AS metric, count(*) AS value
${WRITES}
GROUP BY 1, 2 ORDER BY 1, 2`,
            },
            promql: {
              text: "sum by (status) (increase(voltbridge_writes_total[1h] offset -1h))",
              legend: "{{status}}",
            },
          },
        },
        {
          ...{ title: "Latest commands", kind: "table", unit: "none" },
          description: "The last hundred of the range: what was written, by whom, and how it ended.",
          columns: { Time: "dateTimeAsIso" },
          queries: {
            postgres: {
              table: true,
              text: `SELECT time AS "Time", substring(topic FROM 17) AS "Point", text::json ->> 'requested' AS "Requested",
  text::json ->> 'requester' AS "By", text::json ->> 'via' AS "Via", ${STATUS} AS "Result", text::json ->> 'text' AS "Message"
${WRITES}
ORDER BY time DESC LIMIT 100`,
            },
          },
        },
      ],
    },
  ],
};
