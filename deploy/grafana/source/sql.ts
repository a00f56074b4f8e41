/** Parts of queries of the historian's view `history` (docs/historian.md) by the names that points have in the included registries. */
import type { Variable } from "./panel.ts";

/** Longest time for which a value holds where the next one is missing. */
const LONGEST_HOLD = "interval '1 hour'";

/** One value for each series, for the whole range. */
export const AT_END = "$__timeTo()::timestamptz AS time";

export const DEVICE = "regexp_replace(topic, '/[^/]*$', '')";
/** `campus/garage/s1 port 2` of `campus/garage/s1/portLoad_2`. */
export const DEVICE_PORT = "regexp_replace(topic, '^(.*)/[^/]*_([^/_]+)$', '\\1 port \\2')";
const SITE = "regexp_replace(topic, '[^/]+/[^/]+$', '')";

/** Codes of states in the dashboards: the words of the networks for them are those of src/points/ports.ts. */
export const STATE = `CASE
    WHEN upper(text) = 'AVAILABLE' THEN 1
    WHEN upper(text) IN ('INUSE', 'CHARGING') THEN 2
    WHEN upper(text) IN ('FAULTED', 'NONOPERATIONAL', 'OUTOFORDER') THEN 3
    WHEN upper(text) = 'UNREACHABLE' THEN 4
    ELSE 5
  END`;

/** Rows of a point of the sites, or the stations, that are chosen, in the range of the dashboard. `point`: a regular expression. */
export function ofSites(point: string): string {
  return `FROM $history_schema.history
WHERE topic ~* '/${point}$' AND ${SITE} IN (\${site:sqlstring}) AND $__timeFilter(time)`;
}

export function ofStation(point: string): string {
  return `FROM $history_schema.history
WHERE topic ~* '/${point}$' AND ${DEVICE} IN (\${station:sqlstring}) AND $__timeFilter(time)`;
}

export function ofPorts(point: string): string {
  return `${ofStation(`${point}_[^/_]+`)}
  AND substring(topic FROM '_([^/_]+)$') IN (\${port:sqlstring})`;
}

/** One series for each name, of the means (or what else) of each period. */
export function series(name: string, value: string, rows: string): string {
  return `SELECT $__timeGroupAlias(time, $__interval), ${name} AS metric, ${value} AS value
${rows}
GROUP BY 1, 2 ORDER BY 1, 2`;
}

/** The sum, over all topics, of each topic's mean in each period. */
export function sumOfMeans(name: string, rows: string, mean = "avg(value)"): string {
  return `SELECT time, '${name}' AS metric, sum(value) AS value FROM (
  SELECT $__timeGroupAlias(time, $__interval), topic, ${mean} AS value
  ${rows.replaceAll("\n", "\n  ")}
  GROUP BY 1, topic
) AS each
GROUP BY 1 ORDER BY 1`;
}

/** kWh of loads in kW: each value holds until the next one of its topic, at most an hour. */
export function kilowattHours(columns: string, rows: string, ending = ""): string {
  return `SELECT ${columns}, sum(value * extract(epoch FROM least(until, time + ${LONGEST_HOLD}) - time)) / 3600 AS value FROM (
  SELECT time, topic, value, coalesce(lead(time) OVER (PARTITION BY topic ORDER BY time), time) AS until
  ${rows.replaceAll("\n", "\n  ")}
) AS held${ending}`;
}

/** Seconds for which ports had a vehicle that drew nothing. */
export function idleSeconds(rows: string, name: string): string {
  return `SELECT ${AT_END}, ${name} AS metric,
  coalesce(sum(extract(epoch FROM least(until, time + ${LONGEST_HOLD}) - time)) FILTER (WHERE state = 2 AND kw = 0), 0) AS value
FROM (
  SELECT device_port, time, kw, state, coalesce(lead(time) OVER (PARTITION BY device_port ORDER BY time), time) AS until FROM (
    SELECT ${DEVICE_PORT} AS device_port, time, max(value) AS kw, min(CASE WHEN text IS NOT NULL THEN ${STATE.replaceAll("\n", "\n    ")} END) AS state
    ${rows.replaceAll("\n", "\n    ")}
    GROUP BY 1, time
  ) AS scrape
) AS held
GROUP BY 2 ORDER BY 2`;
}

/** Share of the time, from the first value to the last, for which a condition held. */
export function shareOfTime(name: string, condition: string, rows: string): string {
  return `SELECT ${AT_END}, ${name} AS metric,
  sum(extract(epoch FROM held) * holds::integer) / nullif(sum(extract(epoch FROM held)), 0) AS value
FROM (
  SELECT topic, ${condition} AS holds,
    least(coalesce(lead(time) OVER (PARTITION BY topic ORDER BY time), time) - time, ${LONGEST_HOLD}) AS held
  ${rows.replaceAll("\n", "\n  ")}
) AS each
GROUP BY 2 ORDER BY 2`;
}

export const HISTORY_SCHEMA: Variable = {
  ...{ name: "history_schema", label: "Schema of the history", kind: "constant", text: "voltbridge" },
  description: "historian.connection.schema of the bridge",
};

export const SESSIONS_SCHEMA: Variable = {
  ...{ name: "sessions_schema", label: "Schema of the sessions", kind: "constant", text: "charging" },
  description: "sessions.connection.schema of the bridge",
};

export const TIME_ZONE: Variable = {
  ...{ name: "timezone", label: "Time zone of days", kind: "textbox", text: "UTC" },
  description: "Such as America/Los_Angeles: days, weeks and months begin at its midnight",
};
