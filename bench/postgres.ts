/**
 * How fast the PostgreSQL historian takes scrapes, beside plain inserts of the same rows in the same run.
 *
 *   node bench/postgres.ts [scrapes] [rounds]
 *
 * The server is started by this script, with `fsync` on. One batch is one scrape of 1,000 points in one transaction. The
 * contestants write into tables of the same columns and key: COPY (psql's `\copy`, the rows made before) and INSERT with 1,000
 * rows of parameters. Rounds alternate; figures are medians. Trust the ratio, not the rates.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { performance } from "node:perf_hooks";
import pg from "pg";
import type { Sample, TopicMeta } from "../src/historian/contract.ts";
import { PostgresBackend } from "../src/historian/stores/postgres/backend.ts";
import { createLog } from "../src/log/log.ts";
import { POSTGRES_PASSWORD, POSTGRES_USER, Postgres } from "../test/helpers/postgres.ts";

const SCRAPES = Number(process.argv[2] ?? 200);
const ROUNDS = Number(process.argv[3] ?? 5);
const POINTS = 1000;
const START = Date.UTC(2026, 10, 21) * 1000;
const META: TopicMeta = { units: "kW", type: "float", tz: "UTC" };
const DATABASE = "voltbridge";
const TABLE = `(topic_id integer NOT NULL, time timestamptz NOT NULL, value double precision, json text,
  PRIMARY KEY (topic_id, time))`;

const server = await Postgres.run({ settings: ["fsync=on", "shared_buffers=256MB", "max_wal_size=4GB"] });
const login = { host: "127.0.0.1", port: server.port, user: POSTGRES_USER, password: POSTGRES_PASSWORD };
try {
  await server.sql(`CREATE DATABASE ${DATABASE}`);
  const contestants = { historian, "COPY by psql": copy, "INSERT of 1,000 rows": insert };
  const rates = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of Object.entries(contestants)) {
      await server.sql("CHECKPOINT");
      rates.get(name)?.push((SCRAPES * POINTS) / (await run(round)));
    }
  const peer = median(rates.get("COPY by psql"));
  console.log(`\n${SCRAPES} batches of ${POINTS} points, median of ${ROUNDS}`);
  console.table(
    Object.fromEntries(
      [...rates].map(([name, list]) => [
        name,
        { "rows/s": Math.round(median(list)), "ratio to COPY": Number((median(list) / peer).toFixed(2)) },
      ]),
    ),
  );
} finally {
  await server.dispose();
}

/** Seconds that the backend takes for all batches. */
async function historian(round: number): Promise<number> {
  const connection = { ...login, database: DATABASE, ssl: "disable" as const, table_prefix: "", timeout: 60 };
  const context = { readonly: false, log: createLog({ level: "silent" }) };
  const backend = new PostgresBackend({ ...connection, schema: `round_${round}` }, context);
  await backend.open();
  let seconds = 0;
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const samples = Array.from(
      { length: POINTS },
      (_, point): Sample => ({
        topic: `site/station-${point >> 5}/p${point}`,
        time: timeOf(scrape),
        value: loadOf(scrape, point),
        meta: META,
      }),
    );
    const begun = performance.now();
    await backend.write(samples);
    seconds += (performance.now() - begun) / 1000;
  }
  await backend.close();
  await check(`round_${round}.sample`);
  return seconds;
}

/** Seconds that psql takes to copy all batches, one transaction each, given to it as fast as it reads. */
async function copy(round: number): Promise<number> {
  const table = `copied_${round}`;
  await server.sql(`CREATE TABLE ${table} ${TABLE}`, DATABASE);
  const scrapes = Array.from({ length: SCRAPES }, (_, scrape) => {
    const time = new Date(timeOf(scrape) / 1000).toISOString();
    const rows = Array.from(
      { length: POINTS },
      (_, point) => `${point}\t${time}\t${loadOf(scrape, point)}\t\\N\n`,
    );
    return `COPY ${table} FROM STDIN;\n${rows.join("")}\\.\n`;
  });
  const args = ["-q", "-h", login.host, "-p", String(login.port), "-U", login.user, "-d", DATABASE];
  const psql = spawn("psql", [...args, "-v", "ON_ERROR_STOP=1"], {
    env: { ...process.env, PGPASSWORD: login.password },
    stdio: ["pipe", "inherit", "inherit"],
  });
  const begun = performance.now();
  psql.stdin.end(scrapes.join(""));
  const [code] = await once(psql, "exit");
  if (code !== 0) throw new Error(`psql ended with ${code}`);
  const seconds = (performance.now() - begun) / 1000;
  await check(table);
  return seconds;
}

/** Seconds that plain INSERT statements of pg take, each of one scrape. */
async function insert(round: number): Promise<number> {
  const table = `inserted_${round}`;
  await server.sql(`CREATE TABLE ${table} ${TABLE}`, DATABASE);
  const client = new pg.Client({ ...login, database: DATABASE });
  await client.connect();
  const places = Array.from({ length: POINTS }, (_, i) => `($${3 * i + 1}, $${3 * i + 2}, $${3 * i + 3})`);
  const text = `INSERT INTO ${table} (topic_id, time, value) VALUES ${places.join()}`;
  let seconds = 0;
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const time = new Date(timeOf(scrape) / 1000);
    const values = Array.from({ length: POINTS }, (_, point) => [point, time, loadOf(scrape, point)]).flat();
    const begun = performance.now();
    await client.query({ name: "insert", text, values });
    seconds += (performance.now() - begun) / 1000;
  }
  await client.end();
  await check(table);
  return seconds;
}

async function check(table: string): Promise<void> {
  const [row] = await server.sql(`SELECT count(*)::integer AS rows FROM ${table}`, DATABASE);
  if (row?.rows !== SCRAPES * POINTS) throw new Error(`${table} has ${row?.rows} rows`);
}

function loadOf(scrape: number, point: number): number {
  return ((scrape * 7919 + point * 104_729) % 7200) / 1000;
}

function timeOf(scrape: number): number {
  return START + scrape * 60_000_000;
}

function median(list: readonly number[] = []): number {
  return list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] ?? Number.NaN;
}
