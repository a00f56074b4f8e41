/**
 * Time of a fleet report from SQLite: reading, counting, and each format.
 *
 *   node bench/report.ts [stations] [sessions of each] [rounds]
 *
 * The reference, in the same rounds: the same stations and sessions read row by row, as a script would read them. Trust the
 * ratio, not the milliseconds. CPU is the whole process's, threads included.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  COMMON_COLUMNS,
  csv,
  fleetReport,
  json,
  PARTS,
  page,
  sheetsOf,
  sqlFleet,
  summaryOf,
  workbook,
} from "../src/reports/index.ts";
import { openSessionDatabase, type SessionDatabase, SessionReader } from "../src/sessions/index.ts";
import { Zone } from "../src/time/zone.ts";

const STATIONS = Number(process.argv[2] ?? 10_000);
const SESSIONS = Number(process.argv[3] ?? 30);
const ROUNDS = Number(process.argv[4] ?? 5);
const UTC = new Zone("UTC");
const NOW = new Date("2026-11-21T00:00:00Z");
const DAYS = 30;
const period = { from: new Date(NOW.getTime() - DAYS * 86_400_000), to: NOW, zone: UTC };
const options = { source: "bench", columns: COMMON_COLUMNS, period, now: NOW, parity: false, unseenDays: 7 };

const folder = mkdtempSync(join(tmpdir(), "voltbridge-bench-report-"));
const place = { backend: "sqlite", connection: { path: "sessions.sqlite" }, dataFolder: folder } as const;
try {
  const filled = await openSessionDatabase({ ...place, readonly: false });
  await fill(filled);
  await filled.close();
  const database = await openSessionDatabase({ ...place, readonly: true });
  const rounds: Record<string, number>[] = [];
  for (let round = 0; round < ROUNDS; round++) rounds.push(await measure(database));
  await database.close();
  const names = Object.keys(rounds[0]!).filter((name) => !name.endsWith(", CPU"));
  const median = (name: string) => rounds.map((round) => round[name]!).sort((a, b) => a - b)[ROUNDS >> 1]!;
  const steps = ["read", "count", "xlsx"];
  const total = (end: string) => steps.reduce((sum, name) => sum + median(`${name}${end}`), 0);
  console.log(`${STATIONS} stations, ${STATIONS * SESSIONS} sessions, median of ${ROUNDS} rounds`);
  const row = (name: string) => ({
    ms: Math.round(median(name)),
    "CPU ms": Math.round(median(`${name}, CPU`)),
  });
  console.table(Object.fromEntries(names.map((name) => [name, row(name)])));
  const seconds = (ms: number) => `${(ms / 1000).toFixed(2)} s`;
  console.log(
    `a workbook: ${seconds(total(""))}, ${seconds(total(", CPU"))} of CPU (goal on an idle machine: below 5 s); ${(total("") / median("row by row")).toFixed(2)} of the time of reading row by row`,
  );
} finally {
  rmSync(folder, { recursive: true, force: true });
}

async function measure(database: SessionDatabase): Promise<Record<string, number>> {
  const took: Record<string, number> = {};
  const time = async <T>(name: string, what: () => T | Promise<T>): Promise<T> => {
    const start = performance.now();
    const cpu = process.cpuUsage();
    const result = await what();
    took[name] = performance.now() - start;
    const { user, system } = process.cpuUsage(cpu);
    took[`${name}, CPU`] = (user + system) / 1000;
    return result;
  };
  const rows = await time("row by row", async () => {
    const reader = new SessionReader(database);
    let count = (await reader.all("station")).length;
    for await (const _ of reader.rows("session", period)) count++;
    return count;
  });
  const data = await time("read", () => sqlFleet(database, { period, now: NOW, parts: new Set(PARTS) }));
  const counted = data.usage!.days.reduce((sum, { sessions }) => sum + sessions, 0);
  if (rows !== data.stations.length + counted) throw new Error("the two ways to read do not agree");
  const [report, sheets] = await time("count", () => {
    const made = fleetReport(data, options);
    return [made, sheetsOf(made)] as const;
  });
  await time("xlsx", () => workbook(sheets, { zone: UTC, summary: summaryOf(report) }));
  await time("csv", () => sheets.map((sheet) => [...csv(sheet)].join("")));
  await time("json", () => json(report, sheets));
  await time("html", () => page(report, sheets));
  return took;
}

async function fill(database: SessionDatabase): Promise<void> {
  const run = (sql: string) => database.write([{ sql, rows: [[]] }]);
  const numbers = (to: number) =>
    `WITH RECURSIVE number(n) AS (SELECT 0 UNION ALL SELECT n + 1 FROM number WHERE n < ${to - 1})`;
  const time = (seconds: string) =>
    `strftime('%Y-%m-%dT%H:%M:%SZ', ${period.from.getTime() / 1000} + ${seconds}, 'unixepoch')`;
  await run(
    `INSERT INTO station (station_id, name, model, network_status, activated_at, listed_at) ${numbers(STATIONS)}
     SELECT '1:' || n, 'SITE / STATION ' || n, 'MODEL ' || (n % 17), CASE n % 29 WHEN 0 THEN 'UNREACHABLE' ELSE 'REACHABLE' END,
       '2021-02-03T08:00:00Z', '2026-11-20T00:00:00Z' FROM number`,
  );
  await run(
    `INSERT INTO port (station_id, port_number, connector, level) SELECT station_id, p, 'J1772', 'L2' FROM station,
       (SELECT '1' AS p UNION ALL SELECT '2')`,
  );
  const spread = `((n * 7919 + s * 104729) % ${DAYS * 86_400 - 20_000})`;
  await run(
    `INSERT INTO session (session_id, account, station_id, port_number, started_at, ended_at, energy_kwh, charging_seconds,
       connected_seconds, revision, changed_at) ${numbers(STATIONS)}, session_of(s) AS (
       SELECT 0 UNION ALL SELECT s + 1 FROM session_of WHERE s < ${SESSIONS - 1})
     SELECT n * ${SESSIONS} + s, 'bench', '1:' || n, CAST(1 + s % 2 AS TEXT), ${time(spread)},
       ${time(`${spread} + 7200`)}, 12.25, 5400, 7200, 1, '2026-11-20T00:00:00Z' FROM number, session_of`,
  );
  await run(
    `INSERT INTO alarm (station_id, occurred_at, type, port_number) SELECT station_id, '2026-11-10T00:00:00Z', 'GFCI', '1' FROM station`,
  );
}
