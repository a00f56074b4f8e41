/**
 * How fast the SQLite historian takes scrapes, beside a bare node:sqlite insert loop of the same rows in the same run.
 *
 *   node bench/historian.ts [scrapes] [rounds]
 *   node bench/historian.ts --spool [scrapes] [rounds]
 *
 * One batch is one scrape of 1,000 points, durable (WAL, synchronous = FULL), from one device or from 25 devices with 40
 * points each. Rounds of the contestants alternate; figures are medians. Trust the ratio, not the rates.
 *
 * With --spool: the way through the spool, from the acceptance of the first scrape to the last one's being in the store, each scrape
 * durable on its own before the next; the same where all may share commits; and how fast what waits is drained.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import type { Sample, TopicMeta } from "../src/historian/contract.ts";
import { openArchive } from "../src/historian/index.ts";
import { SqliteBackend } from "../src/historian/stores/sqlite/backend.ts";
import { createLog } from "../src/log/log.ts";
import { SETTINGS } from "../test/historian/settings.ts";

const [, , ...args] = process.argv;
const THROUGH_SPOOL = args[0] === "--spool";
if (THROUGH_SPOOL) args.shift();
const SCRAPES = Number(args[0] ?? 1000);
const ROUNDS = Number(args[1] ?? 5);
const POINTS = 1000;
const START = Date.UTC(2026, 10, 21) * 1000;
const META: TopicMeta = { units: "kW", type: "float", tz: "UTC" };

type Order = "time first" | "topic first" | "device first";
/** Orders of the key that the bare loop tries; the historian's is `device first`. */
const KEYS: Record<Order, string> = {
  "time first": "time, topic_id",
  "topic first": "topic_id, time",
  "device first": "device_id, time, topic_id",
};

interface Outcome {
  readonly rowsPerSecond: number;
  /** Milliseconds to read one topic's whole history. */
  readonly readMs: number;
  readonly bytesPerRow: number;
}

const folder = mkdtempSync(join(tmpdir(), "voltbridge-bench-"));
try {
  if (THROUGH_SPOOL) await compareSpool();
  else for (const devices of [1, 25]) await compare(devices);
} finally {
  rmSync(folder, { recursive: true });
}

async function compare(devices: number): Promise<void> {
  const contestants: Record<string, (file: string) => Promise<Outcome>> = {
    historian: (file) => historian(file, devices),
  };
  for (const order of Object.keys(KEYS) as Order[])
    contestants[`bare loop, ${order}`] = async (file) => bareLoop(file, devices, order);
  const outcomes = new Map<string, Outcome[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of Object.entries(contestants))
      outcomes
        .get(name)
        ?.push(await run(join(folder, `${devices}-${round}-${name.replaceAll(/\W+/g, "-")}.sqlite`)));

  const peer = median(outcomes.get("bare loop, time first"), "rowsPerSecond");
  console.log(`\n${SCRAPES} batches of ${POINTS} points, ${devices} device(s) a batch, median of ${ROUNDS}`);
  console.table(
    Object.fromEntries(
      [...outcomes].map(([name, list]) => [
        name,
        {
          "rows/s": Math.round(median(list, "rowsPerSecond")),
          "ratio to bare loop, time first": Number((median(list, "rowsPerSecond") / peer).toFixed(2)),
          "read one topic, ms": Number(median(list, "readMs").toFixed(1)),
          "bytes/row": Number(median(list, "bytesPerRow").toFixed(1)),
        },
      ]),
    ),
  );
}

function topicOf(devices: number, point: number): string {
  return `site/station-${deviceOf(devices, point)}/p${point}`;
}

/** The points of one device come one after the other, as scrapes do. */
function deviceOf(devices: number, point: number): number {
  return Math.floor((point * devices) / POINTS);
}

function loadOf(scrape: number, point: number): number {
  return ((scrape * 7919 + point * 104_729) % 7200) / 1000;
}

function timeOf(scrape: number, device: number): number {
  return START + scrape * 60_000_000 + device * 20_000;
}

/** Rows per second. */
async function compareSpool(): Promise<void> {
  const contestants: Record<string, (folder: string) => Promise<number>> = {
    "bare loop, time first": async (path) => bareLoop(`${path}.sqlite`, 1, "time first").rowsPerSecond,
    "through the spool, one after the other": (path) => throughSpool(path, "one by one"),
    "through the spool, many at once": (path) => throughSpool(path, "at once"),
    "drained: what waited": (path) => throughSpool(path, "drain"),
  };
  const rates = new Map<string, number[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < ROUNDS; round++)
    for (const [name, run] of Object.entries(contestants))
      rates.get(name)?.push(await run(join(folder, `${round}-${name.replaceAll(/\W+/g, "-")}`)));
  const middle = (list: readonly number[]) =>
    list.toSorted((a, b) => a - b)[Math.floor(list.length / 2)] as number;
  const peer = middle(rates.get("bare loop, time first") ?? []);
  console.log(`\n${SCRAPES} scrapes of ${POINTS} points, median of ${ROUNDS}`);
  console.table(
    Object.fromEntries(
      [...rates].map(([name, list]) => [
        name,
        {
          "rows/s": Math.round(middle(list)),
          "ratio to bare loop": Number((middle(list) / peer).toFixed(2)),
          "a million in, s": Number((1e6 / middle(list)).toFixed(1)),
        },
      ]),
    ),
  );
}

async function throughSpool(path: string, how: "one by one" | "at once" | "drain"): Promise<number> {
  const open = (cacheOnlyEnabled: boolean) =>
    openArchive({ ...SETTINGS, cacheOnlyEnabled }, path, {
      log: createLog({ level: "silent" }),
      onNotice: () => {},
    });
  const names = Array.from({ length: POINTS }, (_, point) => topicOf(1, point));
  const scrapes = Array.from({ length: SCRAPES }, (_, scrape) =>
    names.map(
      (topic, point): Sample => ({
        topic,
        time: timeOf(scrape, 0),
        value: loadOf(scrape, point),
        meta: META,
      }),
    ),
  );
  let archive = await open(how === "drain");
  let begun = performance.now();
  if (how === "one by one") for (const samples of scrapes) await archive.accept(samples, "site");
  else await Promise.all(scrapes.map((samples) => archive.accept(samples, "site")));
  if (how === "drain") {
    await archive.stop();
    begun = performance.now();
    archive = await open(false);
  }
  while (archive.counters.delivered < SCRAPES * POINTS) await delay(5);
  const seconds = (performance.now() - begun) / 1000;
  await archive.stop();
  return (SCRAPES * POINTS) / seconds;
}

async function historian(file: string, devices: number): Promise<Outcome> {
  const topics = Array.from({ length: POINTS }, (_, point) => topicOf(devices, point));
  const backend = new SqliteBackend({ file, durability: "full", readonly: false });
  await backend.open();
  let seconds = 0;
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const batch = topics.map(
      (topic, point): Sample => ({
        topic,
        time: timeOf(scrape, deviceOf(devices, point)),
        value: loadOf(scrape, point),
        meta: META,
      }),
    );
    const begun = performance.now();
    await backend.write(batch);
    seconds += (performance.now() - begun) / 1000;
  }
  const request = { topic: topicOf(devices, 7), order: "FIRST_TO_LAST", skip: 0, limit: SCRAPES } as const;
  await backend.read({ ...request, limit: 1 });
  const begun = performance.now();
  const rows = await backend.read(request);
  const readMs = performance.now() - begun;
  if (rows.length !== SCRAPES) throw new Error(`read ${rows.length} rows instead of ${SCRAPES}`);
  await backend.close();
  return { rowsPerSecond: (SCRAPES * POINTS) / seconds, readMs, bytesPerRow: bytesPerRow(file) };
}

function bareLoop(file: string, devices: number, order: Order): Outcome {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE sample (device_id INTEGER, time INTEGER, topic_id INTEGER, value REAL, PRIMARY KEY (${KEYS[order]})) WITHOUT ROWID`);
  const insert = db.prepare("INSERT INTO sample VALUES (?, ?, ?, ?)");
  let seconds = 0;
  for (let scrape = 0; scrape < SCRAPES; scrape++) {
    const begun = performance.now();
    db.exec("BEGIN");
    for (let point = 0; point < POINTS; point++)
      insert.run(
        deviceOf(devices, point),
        timeOf(scrape, deviceOf(devices, point)),
        point,
        loadOf(scrape, point),
      );
    db.exec("COMMIT");
    seconds += (performance.now() - begun) / 1000;
  }
  const where =
    order === "device first"
      ? "device_id = 0 AND topic_id = 7 AND :devices > 0"
      : "topic_id = 7 AND :devices > 0";
  const begun = performance.now();
  const rows = db.prepare(`SELECT time, value FROM sample WHERE ${where} ORDER BY time`).all({ devices });
  const readMs = performance.now() - begun;
  if (rows.length !== SCRAPES) throw new Error(`read ${rows.length} rows instead of ${SCRAPES}`);
  db.close();
  return { rowsPerSecond: (SCRAPES * POINTS) / seconds, readMs, bytesPerRow: bytesPerRow(file) };
}

function bytesPerRow(file: string): number {
  return statSync(file).size / (SCRAPES * POINTS);
}

function median(outcomes: readonly Outcome[] = [], of: keyof Outcome): number {
  const sorted = outcomes.map((outcome) => outcome[of]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
