import type { Dashboard, Language, Variable } from "./panel.ts";
import { increaseOfPorts } from "./promql.ts";
import { INFLUX, PROM } from "./sites.ts";
import { AT_END, SESSIONS_SCHEMA, TIME_ZONE } from "./sql.ts";
import { SITES } from "./variables.ts";

const VARIABLES: Readonly<Record<Language, readonly Variable[]>> = {
  ...SITES,
  postgres: [
    SESSIONS_SCHEMA,
    {
      ...{ name: "station", label: "Station", kind: "query", multi: true },
      text: "SELECT coalesce(name, station_id) AS __text, station_id AS __value FROM $sessions_schema.station WHERE EXISTS (SELECT FROM $sessions_schema.session WHERE session.station_id = station.station_id)",
    },
    TIME_ZONE,
  ],
  influxql: [...SITES.influxql, TIME_ZONE],
};

const ENERGY = "voltbridge_port_energy_joules_total";

const STATIONS = "station_id IN (${station:sqlstring})";
/** Sessions that started in the range. */
const SESSIONS = `FROM $sessions_schema.session WHERE ${STATIONS} AND $__timeFilter(started_at)`;
const PAYMENTS = `FROM $sessions_schema.payment WHERE ${STATIONS} AND $__timeFilter(reported_at)`;
/** Seconds of a session, or what there was of it, within the range. */
const SECONDS_IN_RANGE =
  "extract(epoch FROM least(coalesce(ended_at, $__timeTo()::timestamptz), $__timeTo()::timestamptz) - greatest(started_at, $__timeFrom()::timestamptz))";

const atEnd = (name: string, value: string, rows = SESSIONS) =>
  `SELECT ${AT_END}, ${name} AS metric, ${value} AS value\n${rows}`;

const perPeriod = (period: string, name: string, value: string, rows = SESSIONS, time = "started_at") =>
  `SELECT date_trunc('${period}', ${time}, '$timezone') AS time, ${name} AS metric, ${value} AS value
${rows}
GROUP BY 1, 2 ORDER BY 1, 2`;

const energyPer = (days: string) => ({
  influxql: {
    text: `SELECT sum("kwh") FROM (SELECT integral("station_load_kw", 1h) AS "kwh" FROM "ev_station" WHERE ${INFLUX} GROUP BY time(${days}), "device" tz('$timezone')) WHERE $timeFilter GROUP BY time(${days}) fill(none) tz('$timezone')`,
    legend: "energy",
  },
  promql: {
    text: `${increaseOfPorts(ENERGY, PROM, `[${days}] offset -${days}`)} / 3600000`,
    legend: "energy",
  },
});

const BARS = { kind: "timeseries", bars: true, stacked: true } as const;

export const sessions: Dashboard = {
  ...{ id: "sessions", title: "sessions and energy", from: "7d", variables: VARIABLES },
  description: "Charging sessions, energy, revenue and how stations are used, by the records of the network.",
  rows: [
    {
      height: 4,
      panels: [
        {
          ...{ title: "Sessions", kind: "stat", unit: "short", decimals: 0 },
          description: "Number of sessions that started in the range.",
          queries: {
            postgres: { text: atEnd("'sessions'", "count(*)") },
            promql: {
              ...{ legend: "sessions", instant: true },
              text: increaseOfPorts("voltbridge_port_sessions_total", PROM, "[$__range]"),
            },
          },
        },
        {
          ...{ title: "Under way", kind: "stat", unit: "short", decimals: 0 },
          description: "Number of sessions under way now.",
          queries: {
            postgres: {
              text: atEnd(
                "'sessions'",
                "count(*)",
                `FROM $sessions_schema.session WHERE ${STATIONS} AND ended_at IS NULL`,
              ),
            },
            promql: { text: "max(voltbridge_sessions_in_progress)", legend: "sessions" },
          },
        },
        {
          ...{ title: "Energy", kind: "stat", unit: "kwatth", decimals: 1 },
          description:
            "PostgreSQL: of the sessions that started in the range, by the meters. Prometheus: by the lifetime energy of the ports. InfluxDB: by the loads of the stations.",
          queries: {
            postgres: { text: atEnd("'energy'", "coalesce(sum(energy_kwh), 0)") },
            influxql: {
              text: `SELECT sum("kwh") FROM (SELECT integral("station_load_kw", 1h) AS "kwh" FROM "ev_station" WHERE ${INFLUX} GROUP BY "device")`,
              legend: "energy",
            },
            promql: {
              ...{ legend: "energy", instant: true },
              text: `${increaseOfPorts(ENERGY, PROM, "[$__range]")} / 3600000`,
            },
          },
        },
        {
          ...{ title: "Revenue", kind: "stat", unit: "currency", decimals: 2 },
          description:
            "Paid to the organisation for what was reported in the range, by currency. Needs the payments of the account's plan.",
          queries: {
            postgres: {
              text: `${atEnd("currency", "sum(net_revenue_amount)", PAYMENTS)} AND currency IS NOT NULL\nGROUP BY 2 ORDER BY 2`,
            },
          },
        },
        {
          ...{ title: "Energy of a session", kind: "stat", unit: "kwatth", decimals: 1 },
          description: "Mean energy of the sessions that are over.",
          queries: {
            postgres: { text: `${atEnd("'mean'", "avg(energy_kwh)")} AND ended_at IS NOT NULL` },
          },
        },
        {
          ...{ title: "Time at the port", kind: "stat", unit: "dtdurations" },
          description: "Mean time for which vehicles were plugged in, of the sessions that are over.",
          queries: {
            postgres: { text: `${atEnd("'mean'", "avg(connected_seconds)")} AND ended_at IS NOT NULL` },
          },
        },
        {
          ...{ title: "Successful", kind: "stat", unit: "percentunit", decimals: 1, max: 1 },
          description: "Share of the sessions that are over which delivered 0.1 kWh or more.",
          thresholds: [
            { from: null, color: "red" },
            { from: 0.9, color: "yellow" },
            { from: 0.97, color: "green" },
          ],
          queries: {
            postgres: {
              text: `${atEnd("'successful'", "avg((energy_kwh >= 0.1)::integer)")} AND ended_at IS NOT NULL`,
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Energy per day", ...BARS, unit: "kwatth", range: "30d", interval: "1d" },
          description: "Thirty days, whatever the range. A session counts on the day of its start.",
          queries: {
            postgres: { text: perPeriod("day", "'energy'", "sum(energy_kwh)") },
            ...energyPer("1d"),
          },
        },
        {
          ...{ title: "Sessions per day", ...BARS, unit: "short", decimals: 0, range: "30d", interval: "1d" },
          description: "Thirty days, whatever the range.",
          queries: {
            postgres: { text: perPeriod("day", "'sessions'", "count(*)") },
            promql: {
              text: increaseOfPorts("voltbridge_port_sessions_total", PROM, "[1d] offset -1d"),
              legend: "sessions",
            },
          },
        },
        {
          ...{
            title: "Revenue per day",
            ...BARS,
            unit: "currency",
            decimals: 2,
            range: "30d",
            interval: "1d",
          },
          description: "Thirty days, whatever the range; by currency.",
          queries: {
            postgres: {
              text: perPeriod(
                "day",
                "currency",
                "sum(net_revenue_amount)",
                `${PAYMENTS} AND currency IS NOT NULL`,
                "reported_at",
              ),
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "Energy per week", ...BARS, unit: "kwatth", range: "26w", interval: "7d" },
          description:
            "Half a year, whatever the range; weeks begin on Mondays, in InfluxDB and Prometheus on Thursdays.",
          queries: {
            postgres: { text: perPeriod("week", "'energy'", "sum(energy_kwh)") },
            ...energyPer("7d"),
          },
        },
        {
          ...{ title: "Energy per month", ...BARS, unit: "kwatth", range: "2y", interval: "1d" },
          description: "Two years, whatever the range.",
          queries: { postgres: { text: perPeriod("month", "'energy'", "sum(energy_kwh)") } },
        },
      ],
    },
    {
      height: 9,
      panels: [
        {
          ...{ title: "Energy by station", kind: "bargauge", unit: "kwatth", decimals: 1 },
          description: "In the range; where from is as in Energy.",
          queries: {
            postgres: {
              text: `${atEnd(
                "coalesce(max(station.name), station_id)",
                "sum(energy_kwh)",
                SESSIONS.replace(" WHERE ", " JOIN $sessions_schema.station USING (station_id) WHERE "),
              )}\nGROUP BY station_id ORDER BY 3 DESC`,
            },
            influxql: {
              text: `SELECT integral("station_load_kw", 1h) FROM "ev_station" WHERE ${INFLUX} GROUP BY "device"`,
              legend: "$tag_device",
            },
            promql: {
              ...{ legend: "{{device}}", instant: true },
              text: `${increaseOfPorts(ENERGY, PROM, "[$__range]", " by (device)")} / 3600000`,
            },
          },
        },
        {
          ...{ title: "Utilisation by station", kind: "bargauge", unit: "percentunit", max: 1, decimals: 0 },
          description: "Share of the range in which the ports of the station had a session.",
          queries: {
            postgres: {
              text: `SELECT ${AT_END}, coalesce(max(station.name), station_id) AS metric,
  sum(${SECONDS_IN_RANGE}) / max(greatest(station.port_count, 1)) / extract(epoch FROM $__timeTo()::timestamptz - $__timeFrom()::timestamptz) AS value
FROM $sessions_schema.session JOIN $sessions_schema.station USING (station_id)
WHERE ${STATIONS} AND started_at < $__timeTo()::timestamptz AND (ended_at IS NULL OR ended_at > $__timeFrom()::timestamptz)
GROUP BY station_id ORDER BY 3 DESC`,
            },
          },
        },
        {
          ...{ title: "Idle time by station", kind: "bargauge", unit: "dtdurations" },
          description:
            "Time for which vehicles stayed although nothing was charged, of the sessions of the range.",
          queries: {
            postgres: {
              text: `${atEnd(
                "coalesce(max(station.name), station_id)",
                "sum(connected_seconds - charging_seconds)",
                SESSIONS.replace(" WHERE ", " JOIN $sessions_schema.station USING (station_id) WHERE "),
              )}\nGROUP BY station_id ORDER BY 3 DESC`,
            },
          },
        },
      ],
    },
    {
      height: 10,
      panels: [
        {
          ...{ title: "Latest sessions", kind: "table", unit: "none" },
          description: "The last hundred that started in the range.",
          columns: {
            Started: "dateTimeAsIso",
            Ended: "dateTimeAsIso",
            Energy: "kwatth",
            "At the port": "dtdurations",
            Charging: "dtdurations",
          },
          queries: {
            postgres: {
              table: true,
              text: `SELECT started_at AS "Started", ended_at AS "Ended", coalesce(name, station_id) AS "Station", port_number AS "Port",
  energy_kwh AS "Energy", connected_seconds AS "At the port", charging_seconds AS "Charging", ended_by AS "Ended by"
${SESSIONS.replace(" WHERE ", " JOIN $sessions_schema.station USING (station_id) WHERE ")}
ORDER BY started_at DESC LIMIT 100`,
            },
          },
        },
      ],
    },
    {
      height: 8,
      panels: [
        {
          ...{ title: "How sessions end", kind: "table", unit: "none" },
          description: "Sessions of the range by what ended them.",
          columns: { Energy: "kwatth" },
          queries: {
            postgres: {
              table: true,
              text: `SELECT coalesce(ended_by, 'not said') AS "Ended by", count(*) AS "Sessions", sum(energy_kwh) AS "Energy"
${SESSIONS} AND ended_at IS NOT NULL
GROUP BY 1 ORDER BY 2 DESC`,
            },
          },
        },
        {
          ...{ title: "Alarms", kind: "table", unit: "none" },
          description: "Alarms of the range by type and station, with the latest time.",
          columns: { Latest: "dateTimeAsIso" },
          queries: {
            postgres: {
              table: true,
              text: `SELECT type AS "Alarm", coalesce(name, station_id) AS "Station", count(*) AS "Number", max(occurred_at) AS "Latest"
FROM $sessions_schema.alarm JOIN $sessions_schema.station USING (station_id)
WHERE ${STATIONS} AND $__timeFilter(occurred_at)
GROUP BY 1, 2 ORDER BY 4 DESC`,
            },
          },
        },
      ],
    },
  ],
};
