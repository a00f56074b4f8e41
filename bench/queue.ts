/**
 * How fast the queue on disk takes records and lets them go, beside a bare node:sqlite loop in the same run.
 *
 *   node bench/queue.ts [records] [rounds] [records of the backlog]
 *
 * Durable on both sides (WAL, synchronous = FULL), records of 1 kB, 1,000 to a commit: appended, read back and settled. The bare
 * loop inserts the same rows one by one, a thousand to a transaction, reads and deletes them: no counters, no checksum, no
 * limit, and no thread of its own. Rounds alternate; figures are medians. Trust the ratio, not the rates.
 * Then 2,000 records a second for ten seconds, one append a record, and what that costs; then a backlog drained.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as sleep } from "node:timers/promises";
import { createLog } from "../src/log/log.ts";
import { type NewRecord, openQueue, type Queue } from "../src/queue/index.ts";

const RECORDS = Number(process.argv[2] ?? 50_000);
const ROUNDS = Number(process.argv[3] ?? 5);
const BACKLOG = Number(process.argv[4] ?? 1_000_000);
const AT_ONCE = 1000;
const log = createLog({ level: "warn" });
const folder = mkdtempSync(join(tmpdir(), "voltbridge-bench-"));

interface Outcome {
  readonly appended: number;
  readonly settled: number;
}

try {
  await compare();
  await steady();
  await drain();
} finally {
  rmSync(folder, { recursive: true });
}

function records(count: number, bytes: number): NewRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    text: `{"n":${i}}`.padEnd(bytes, "abcdefg"),
    samples: 40,
    key: `campus/garage/station-${i % 50}`,
    time: Date.UTC(2026, 10, 21) + i,
  }));
}

async function compare(): Promise<void> {
  const batch = records(AT_ONCE, 1000);
  const ours: Outcome[] = [];
  const bare: Outcome[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ours.push(await queueRound(join(folder, `queue-${round}.sqlite`), batch));
    bare.push(bareRound(join(folder, `bare-${round}.sqlite`), batch));
  }
  console.log(`\n${RECORDS} records of 1 kB, ${AT_ONCE} to a commit, durable, median of ${ROUNDS}`);
  const row = (list: readonly Outcome[]) => ({
    "appended/s": Math.round(median(list.map(({ appended }) => appended))),
    "read and settled/s": Math.round(median(list.map(({ settled }) => settled))),
  });
  const [queue, loop] = [row(ours), row(bare)];
  console.table({
    queue,
    "bare loop": loop,
    ratio: {
      "appended/s": ratio(queue["appended/s"], loop["appended/s"]),
      "read and settled/s": ratio(queue["read and settled/s"], loop["read and settled/s"]),
    },
  });
}

async function queueRound(file: string, batch: readonly NewRecord[]): Promise<Outcome> {
  const queue = await openQueue({ file, log });
  const appending = performance.now();
  // Two under way: while one is committed, the next one comes.
  let last: Promise<unknown> = Promise.resolve();
  for (let done = 0; done < RECORDS; done += AT_ONCE) {
    const next = queue.append(batch);
    await last;
    last = next;
  }
  await last;
  const settling = performance.now();
  await settleAll(queue);
  const end = performance.now();
  await queue.close();
  return { appended: rate(RECORDS, settling - appending), settled: rate(RECORDS, end - settling) };
}

/** Reads and settles until nothing waits, the next page while the last one is settled. Gives the number of records. */
async function settleAll(queue: Queue): Promise<number> {
  let after = 0;
  let count = 0;
  let last: Promise<unknown> = Promise.resolve();
  for (;;) {
    const page = await queue.read({ after, count: AT_ONCE });
    await last;
    if (page.length === 0) return count;
    after = page.at(-1)?.id ?? after;
    count += page.length;
    last = queue.settle(page.map(({ id, samples }) => ({ id, delivered: samples })));
  }
}

function bareRound(file: string, batch: readonly NewRecord[]): Outcome {
  const db = new DatabaseSync(file);
  db.exec(`PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    CREATE TABLE record (id INTEGER PRIMARY KEY, time INTEGER, samples INTEGER, key TEXT, text TEXT)`);
  const insert = db.prepare("INSERT INTO record (time, samples, key, text) VALUES (?, ?, ?, ?)");
  const appending = performance.now();
  for (let done = 0; done < RECORDS; done += AT_ONCE) {
    db.exec("BEGIN");
    for (const { time, samples, key, text } of batch) insert.run(time, samples, key, text);
    db.exec("COMMIT");
  }
  const settling = performance.now();
  const read = db.prepare(`SELECT * FROM record WHERE id > ? ORDER BY id LIMIT ${AT_ONCE}`);
  const remove = db.prepare("DELETE FROM record WHERE id = ?");
  for (let after = 0; ; ) {
    const page = read.all(after);
    if (page.length === 0) break;
    db.exec("BEGIN");
    for (const { id } of page) remove.run(id as number);
    db.exec("COMMIT");
    after = page.at(-1)?.id as number;
  }
  const end = performance.now();
  db.close();
  return { appended: rate(RECORDS, settling - appending), settled: rate(RECORDS, end - settling) };
}

async function steady(): Promise<void> {
  const queue = await openQueue({ file: join(folder, "steady.sqlite"), log });
  const batch = records(20, 1000);
  const delay = monitorEventLoopDelay({ resolution: 5 });
  const latencies: number[] = [];
  const waiting: Promise<void>[] = [];
  const cpu = process.cpuUsage();
  delay.enable();
  const start = performance.now();
  for (let tick = 0; tick < 1000; tick++) {
    for (const one of batch) {
      const asked = performance.now();
      waiting.push(
        queue.append([one]).then(async (accepted) => {
          latencies.push(performance.now() - asked);
          await queue.settle(accepted.map(({ id, samples }) => ({ id, delivered: samples })));
        }),
      );
    }
    await sleep(Math.max(0, start + (tick + 1) * 10 - performance.now()));
  }
  await Promise.all(waiting);
  const seconds = (performance.now() - start) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  delay.disable();
  await queue.close();
  latencies.sort((a, b) => a - b);
  console.log(
    `\n2,000 records of 1 kB a second, one append and one settlement each, for ${seconds.toFixed(1)} s`,
  );
  console.table({
    "accepted after, ms": {
      median: round(latencies[latencies.length >> 1]),
      p99: round(latencies[Math.floor(latencies.length * 0.99)]),
    },
    "event loop, ms": {
      median: round(delay.percentile(50) / 1e6 - 5),
      p99: round(delay.percentile(99) / 1e6 - 5),
    },
    "CPU, cores": { median: round((user + system) / 1e6 / seconds) },
  });
}

async function drain(): Promise<void> {
  const file = join(folder, "backlog.sqlite");
  let queue = await openQueue({ file, log });
  const batch = records(AT_ONCE, 200);
  for (let done = 0; done < BACKLOG; done += AT_ONCE) await queue.append(batch);
  await queue.close();
  const size = statSync(file).size;
  const opening = performance.now();
  queue = await openQueue({ file, log });
  const opened = performance.now();
  const count = await settleAll(queue);
  const seconds = (performance.now() - opened) / 1000;
  await queue.close();
  console.log(
    `\na backlog of ${count} records of 200 bytes (${Math.round(size / 1e6)} MB): opened in ${round((opened - opening) / 1000)} s, drained in ${round(seconds)} s, ${rate(count, seconds * 1000).toFixed(0)}/s`,
  );
}

function rate(count: number, ms: number): number {
  return (count / ms) * 1000;
}

function ratio(one: number, other: number): number {
  return Number((one / other).toFixed(2));
}

function round(value = Number.NaN): number {
  return Number(value.toFixed(2));
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}
