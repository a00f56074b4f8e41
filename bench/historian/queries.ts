import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { Sample, TopicMeta } from "../../src/historian/contract.ts";
import { DAY } from "../../src/historian/time.ts";
import type { PointValue } from "../../src/points/index.ts";
import { percentile } from "../percentile.ts";
import { ASKERS, DUCKDB_FILE, QUESTIONS, type Question, type QuestionName } from "./askers.ts";
import { findDuckDb } from "./duckdb.ts";
import { MINUTE, MINUTES_A_DAY, START } from "./garage.ts";
import { fill, openOwn, VolttronFile } from "./stores.ts";

const DEVICES = 10;
const POINTS = 23;
/** Points whose values are noisy numbers; of the others half are texts and half are constant. */
const LOADS = 8;
const BATCH_MINUTES = 30;
const ALL_DAYS = 30;
const WARM_ROUNDS = 200;
const COLD_ROUNDS = 5;
const PURPOSE = "history of a bench";

/**
 * Times of two queries in our store, VOLTTRON's tables and DuckDB, on the same samples: warm, and cold, in a new process each after the
 * page cache was dropped. The samples of a folder that has them already are used again.
 */
export async function compareQueries(folder: string, days = ALL_DAYS): Promise<void> {
  await prepare(folder, days);
  const results = new Map<string, Record<string, string | number>>();
  for (const [asker, open] of Object.entries(ASKERS)) {
    const opened = await open(folder);
    if (!opened) {
      console.log(`${asker}: left out; run "npm install" in examples/read-history`);
      continue;
    }
    const result: Record<string, string | number> = {};
    for (const name of Object.keys(QUESTIONS) as QuestionName[]) {
      const times: number[] = [];
      for (let round = -20; round < WARM_ROUNDS; round++) {
        const question = questionOf(name, round + 20, days);
        const begun = performance.now();
        const rows = await opened.ask(name, question);
        if (round >= 0) times.push(performance.now() - begun);
        const expected = name === "24 h of one topic" ? MINUTES_A_DAY : 24 * days;
        if (rows !== expected) throw new Error(`${asker}: ${rows} rows instead of ${expected}`);
      }
      result[`${name}, warm ms`] = Number(percentile(times, 0.5).toFixed(2));
      result[`p95 ms${name.startsWith("24") ? "" : " "}`] = Number(percentile(times, 0.95).toFixed(2));
    }
    await opened.close();
    results.set(asker, result);
  }
  const how = dropCaches()
    ? "the page cache dropped before each"
    : "the page cache NOT dropped (not permitted)";
  for (const [asker, result] of results)
    for (const name of Object.keys(QUESTIONS) as QuestionName[]) {
      const rounds = Array.from({ length: COLD_ROUNDS }, (_, round) =>
        cold(folder, asker, name, round * 7 + 3, days),
      );
      const middle = (of: keyof Cold) =>
        Number(
          percentile(
            rounds.map((one) => one[of]),
            0.5,
          ).toFixed(1),
        );
      result[`${name}, cold ms`] = middle("askMs");
      result["open, cold ms"] = middle("openMs");
    }
  const topics = DEVICES * POINTS;
  console.log(
    `\n${topics * days * MINUTES_A_DAY} samples (${topics} topics, ${days} days), medians of ${WARM_ROUNDS} warm and ${COLD_ROUNDS} cold; cold: opened and asked in a new process, ${how}`,
  );
  console.table(Object.fromEntries(results));
}

/**
 * For a process of its own: prints how long the store takes to open, and then the first question, in milliseconds, each after the page cache
 * was dropped.
 */
async function askOnce(
  folder: string,
  asker: string,
  name: QuestionName,
  round: number,
  days: number,
): Promise<void> {
  const begun = performance.now();
  const opened = (await ASKERS[asker]!(folder))!;
  const openMs = performance.now() - begun;
  dropCaches();
  const asked = performance.now();
  await opened.ask(name, questionOf(name, round, days));
  console.log(JSON.stringify({ openMs, askMs: performance.now() - asked }));
  await opened.close();
}

interface Cold {
  readonly openMs: number;
  readonly askMs: number;
}

function cold(folder: string, asker: string, name: QuestionName, round: number, days: number): Cold {
  dropCaches();
  const args = ["--ask", asker, "--question", name, "--folder", folder, "--round", String(round)];
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [import.meta.filename, ...args, "--days", String(days)],
    { encoding: "utf8" },
  );
  if (status !== 0) throw new Error(`${asker}: ${stderr}`);
  return JSON.parse(stdout);
}

/** Returns whether the system's cache of files was dropped. */
function dropCaches(): boolean {
  spawnSync("sync");
  try {
    writeFileSync("/proc/sys/vm/drop_caches", "3");
    return true;
  } catch {
    return false;
  }
}

/** Another topic and day in each round. */
function questionOf(name: QuestionName, round: number, days: number): Question {
  const load = (round * 37) % (DEVICES * LOADS);
  const topic = `site/station-${load % DEVICES}/p${Math.floor(load / DEVICES)}`;
  const start = name === "24 h of one topic" ? START + ((round * 11) % days) * DAY : START;
  return { topic, start, end: start + Math.min(QUESTIONS[name], days * DAY) };
}

async function prepare(folder: string, days: number): Promise<void> {
  const done = join(folder, PURPOSE);
  if (existsSync(done)) return;
  mkdirSync(folder, { recursive: true });
  const stores = [openOwn(folder), await VolttronFile.create(folder)];
  await fill(stores, days, batchesOf, START);
  for (const store of stores) await store.close();
  const duck = findDuckDb();
  if (duck) {
    const connection = await (await duck.DuckDBInstance.create(join(folder, DUCKDB_FILE))).connect();
    await connection.run(
      `CREATE TABLE sample AS SELECT topic, time, value, text FROM read_parquet('${folder}/history/**/*.parquet')
         ORDER BY time, topic`,
    );
    await connection.run("CHECKPOINT");
    connection.closeSync();
  }
  writeFileSync(done, "");
}

function* batchesOf(day: number): Generator<Sample[]> {
  const meta: TopicMeta = { units: "kW", type: "float", tz: "UTC" };
  for (let minute = 0; minute < MINUTES_A_DAY; minute += BATCH_MINUTES) {
    const samples: Sample[] = [];
    for (let at = day * MINUTES_A_DAY + minute; at < day * MINUTES_A_DAY + minute + BATCH_MINUTES; at++)
      for (let device = 0; device < DEVICES; device++) {
        const time = START + at * MINUTE + ((at * 7919 + device * 104_729) % 400) * 1000;
        for (let point = 0; point < POINTS; point++)
          samples.push({
            topic: `site/station-${device}/p${point}`,
            time,
            value: sampleValue(at, device, point),
            meta,
          });
      }
    yield samples;
  }
}

function sampleValue(minute: number, device: number, point: number): PointValue {
  if (point < LOADS) return ((minute * 7919 + device * 1231 + point * 104_729) % 7200) / 1000;
  if (point % 2 === 0) return point / 10;
  return Math.floor((minute + device * 53) / (90 + point)) % 2 === 0 ? "AVAILABLE" : "INUSE";
}

if (import.meta.main) {
  const text = { type: "string", default: "" } as const;
  const { values } = parseArgs({
    options: { ask: text, question: text, folder: text, round: text, days: text },
  });
  await askOnce(
    values.folder,
    values.ask,
    values.question as QuestionName,
    Number(values.round),
    Number(values.days),
  );
}
