// Answers questions from the files of closed days with DuckDB, without a bridge: see docs/historian-format.md.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { DuckDBInstance, listValue } from "@duckdb/node-api";

const USAGE = `Usage: node read-history.mjs <folder> --load <topic> --state <topic> [--offline <text>] [--json]
  folder     the history folder of a bridge, e.g. data/history
  --load     a topic in kW, e.g. campus/garage/station-1/portLoad_1
  --state    a topic with text, e.g. campus/garage/station-1/networkStatus
  --offline  the text that means offline (default: UNREACHABLE)`;

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    load: { type: "string" },
    state: { type: "string" },
    offline: { type: "string", default: "UNREACHABLE" },
    json: { type: "boolean", default: false },
  },
});
const [folder] = positionals;
if (!folder || !options.load || !options.state) {
  console.error(USAGE);
  process.exit(2);
}

/** Returns the file of each day. A day that was written again has a number: `21-2.parquet` counts instead of `21.parquet`. */
function dayFiles(root) {
  const newest = new Map();
  for (const path of readdirSync(root, { recursive: true, encoding: "utf8" })) {
    const [, day, number = "1"] = /^(.*\d\d)(?:-(\d+))?\.parquet$/.exec(path) ?? [];
    if (day && Number(number) > (newest.get(day)?.number ?? 0))
      newest.set(day, { number: Number(number), path: join(root, path) });
  }
  return [...newest.values()].map(({ path }) => path).sort();
}

const files = dayFiles(folder);
if (files.length === 0) {
  console.error(`no day files (<year>/<month>/<day>.parquet) in ${folder}`);
  process.exit(1);
}
const connection = await (await DuckDBInstance.create(":memory:")).connect();
const rowsOf = async (sql, values) => (await connection.runAndReadAll(sql, values)).getRowObjectsJS();

// Periods are cut at whole hours and months in UTC. Numbers are in `value`; rows with `json` as well are true or false.
const hours = await rowsOf(
  `SELECT epoch_us(time) // 3600000000 AS hour, avg(value) AS mean
     FROM read_parquet($files) WHERE lower(topic) = lower($topic) AND value IS NOT NULL GROUP BY hour ORDER BY hour`,
  { files: listValue(files), topic: options.load },
);
const means = hours.map(({ hour, mean }) => ({ start: new Date(Number(hour) * 3_600_000), mean }));

// An hour at a mean of 1 kW is 1 kWh.
const months = new Map();
for (const { start, mean } of means) {
  const month = start.toISOString().slice(0, 7);
  months.set(month, (months.get(month) ?? 0) + mean);
}

// From the first sample that says offline to the first that does not.
const [longest] = await rowsOf(
  `WITH state AS (
     SELECT epoch_us(time) AS time, text IS NOT DISTINCT FROM $offline AS offline
       FROM read_parquet($files) WHERE lower(topic) = lower($topic)),
   change AS (
     SELECT time, offline FROM state
       QUALIFY offline IS DISTINCT FROM lag(offline) OVER (ORDER BY time)),
   period AS (
     SELECT time, offline, coalesce(lead(time) OVER (ORDER BY time), (SELECT max(time) FROM state)) AS until FROM change)
   SELECT time, until FROM period WHERE offline ORDER BY until - time DESC, time LIMIT 1`,
  { files: listValue(files), topic: options.state, offline: options.offline },
);
const answers = {
  hourlyMeans: means.map(({ start, mean }) => [start.toISOString(), round(mean)]),
  monthlyEnergy: [...months].map(([month, kwh]) => [month, round(kwh)]),
  longestOffline: longest && {
    from: new Date(Number(longest.time) / 1000).toISOString(),
    minutes: round(Number(longest.until - longest.time) / 60_000_000),
  },
};
if (options.json) console.log(JSON.stringify(answers));
else {
  console.log(`${options.load}, mean of each hour`);
  for (const [start, mean] of answers.hourlyMeans) console.log(`  ${start.slice(0, 16)}Z  ${mean} kW`);
  console.log("energy of each month");
  for (const [month, kwh] of answers.monthlyEnergy) console.log(`  ${month}  ${kwh} kWh`);
  const { from, minutes } = answers.longestOffline ?? {};
  console.log(`longest time offline: ${from ? `${minutes} minutes from ${from}` : "never offline"}`);
}

/** Sums of doubles differ in their last digits by the order of their terms. */
function round(number) {
  return Math.round(number * 1e6) / 1e6;
}
