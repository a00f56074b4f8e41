import { statSync } from "node:fs";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import type { Sample, TopicMeta } from "../../src/historian/contract.ts";
import { SqliteBackend } from "../../src/historian/stores/sqlite/backend.ts";

export const POINTS = 1000;
export const START = Date.UTC(2026, 10, 21) * 1000;
const META: TopicMeta = { units: "kW", type: "float", tz: "UTC" };

type Order = "time first" | "topic first" | "device first";
/** Orders of the key that the bare loop tries; the historian's is `device first`. */
const KEYS: Record<Order, string> = {
  "time first": "time, topic_id",
  "topic first": "topic_id, time",
  "device first": "device_id, time, topic_id",
};

export interface Amount {
  readonly scrapes: number;
  readonly rounds: number;
}

interface Outcome {
  readonly rowsPerSecond: number;
  /** Milliseconds to read one topic's whole history. */
  readonly readMs: number;
  readonly bytesPerRow: number;
}

/** Rows per second, and what reading and size cost, of the historian and of bare loops. */
export async function compareIngest(
  folder: string,
  devices: number,
  { scrapes, rounds }: Amount,
): Promise<void> {
  const contestants: Record<string, (file: string) => Promise<Outcome>> = {
    historian: (file) => historian(file, devices, scrapes),
  };
  for (const order of Object.keys(KEYS) as Order[])
    contestants[`bare loop, ${order}`] = async (file) => bareLoop(file, devices, order, scrapes);
  const outcomes = new Map<string, Outcome[]>(Object.keys(contestants).map((name) => [name, []]));
  for (let round = 0; round < rounds; round++)
    for (const [name, run] of Object.entries(contestants))
      outcomes
        .get(name)
        ?.push(await run(join(folder, `${devices}-${round}-${name.replaceAll(/\W+/g, "-")}.sqlite`)));

  const peer = median(outcomes.get("bare loop, time first"), "rowsPerSecond");
  console.log(`\n${scrapes} batches of ${POINTS} points, ${devices} device(s) a batch, median of ${rounds}`);
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

/** Returns a scrape of all points; `scrape` may be negative for the time before. */
export function scrapeOf(devices: number, scrape: number): Sample[] {
  return Array.from({ length: POINTS }, (_, point) => ({
    topic: topicOf(devices, point),
    time: timeOf(scrape, deviceOf(devices, point)),
    value: loadOf(scrape, point),
    meta: META,
  }));
}

function loadOf(scrape: number, point: number): number {
  return (Math.abs(scrape * 7919 + point * 104_729) % 7200) / 1000;
}

function timeOf(scrape: number, device: number): number {
  return START + scrape * 60_000_000 + device * 20_000;
}

async function historian(file: string, devices: number, scrapes: number): Promise<Outcome> {
  const backend = new SqliteBackend({ file, durability: "full", readonly: false });
  await backend.open();
  let seconds = 0;
  for (let scrape = 0; scrape < scrapes; scrape++) {
    const batch = scrapeOf(devices, scrape);
    const begun = performance.now();
    await backend.write(batch);
    seconds += (performance.now() - begun) / 1000;
  }
  const request = { topic: topicOf(devices, 7), order: "FIRST_TO_LAST", skip: 0, limit: scrapes } as const;
  await backend.read({ ...request, limit: 1 });
  const begun = performance.now();
  const rows = await backend.read(request);
  const readMs = performance.now() - begun;
  if (rows.length !== scrapes) throw new Error(`read ${rows.length} rows instead of ${scrapes}`);
  await backend.close();
  return { rowsPerSecond: (scrapes * POINTS) / seconds, readMs, bytesPerRow: bytesPerRow(file, scrapes) };
}

export function bareLoop(file: string, devices: number, order: Order, scrapes: number): Outcome {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE sample (device_id INTEGER, time INTEGER, topic_id INTEGER, value REAL, PRIMARY KEY (${KEYS[order]})) WITHOUT ROWID`);
  const insert = db.prepare("INSERT INTO sample VALUES (?, ?, ?, ?)");
  let seconds = 0;
  for (let scrape = 0; scrape < scrapes; scrape++) {
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
  if (rows.length !== scrapes) throw new Error(`read ${rows.length} rows instead of ${scrapes}`);
  db.close();
  return { rowsPerSecond: (scrapes * POINTS) / seconds, readMs, bytesPerRow: bytesPerRow(file, scrapes) };
}

function bytesPerRow(file: string, scrapes: number): number {
  return statSync(file).size / (scrapes * POINTS);
}

function median(outcomes: readonly Outcome[] = [], of: keyof Outcome): number {
  const sorted = outcomes.map((outcome) => outcome[of]).sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}
