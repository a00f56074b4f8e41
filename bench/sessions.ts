/**
 * How fast sessions are synced into SQLite, beside a bare node:sqlite loop that inserts the same rows, in the same run.
 *
 *   node bench/sessions.ts [sessions]
 *
 * The sessions come over HTTP, 100 a page, from a service in a thread of its own that makes its pages as fast as they can be made
 * (bench/sessions/source.ts): the simulator looks up each page among all sessions, and would measure itself. The way is that of
 * `voltbridge sessions sync`: calls, XML, checks, stations, ports, drivers, sessions, and how far it has come, page by page.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
import { ChargePointClient } from "../src/drivers/chargepoint/api/index.ts";
import {
  columnsOf,
  ddl,
  openSessionDatabase,
  SessionReader,
  sqliteDialect,
  syncSessions,
} from "../src/sessions/index.ts";

const COUNT = Number(process.argv[2] ?? 1_000_000);
const folder = mkdtempSync(join(tmpdir(), "voltbridge-bench-"));
const seconds = (since: number) => (performance.now() - since) / 1000;
const megabytes = (bytes: number) => Math.round(bytes / 1024 / 1024);

try {
  const synced = await sync();
  const bare = loop();
  console.log(`bare loop    ${Math.round(bare).toLocaleString("en")} sessions/s`);
  console.log(`ratio        ${(synced / bare).toFixed(2)}`);
} finally {
  rmSync(folder, { recursive: true });
}

async function sync(): Promise<number> {
  const source = new Worker(new URL("./sessions/source.ts", import.meta.url), {
    workerData: { count: COUNT },
  });
  const port = await new Promise<number>((resolve) => source.once("message", resolve));
  const client = new ChargePointClient({
    ...{ endpoint: `http://127.0.0.1:${port}/webservices`, username: "bench", password: "bench" },
  });
  const database = await openSessionDatabase({
    ...{ backend: "sqlite", connection: {}, dataFolder: folder, readonly: false },
  });
  const begun = performance.now();
  const cpu = process.cpuUsage();
  let shown = 0;
  await syncSessions({
    account: { key: "bench", label: "bench", client },
    database,
    kind: "backfill",
    from: new Date("2026-01-01T00:00:00Z"),
    to: new Date(Date.UTC(2026, 0, 1) + COUNT * 10_000),
    ...{ personalData: true, payments: false, intervals: false, nameplates: false, announceSince: null },
    signal: new AbortController().signal,
    onProgress({ phase, count }) {
      if (phase !== "sessions" || count < shown + COUNT / 10) return;
      shown = count;
      const { rss, heapUsed } = process.memoryUsage();
      console.log(
        `${count.toLocaleString("en").padStart(9)} sessions after ${seconds(begun).toFixed(0)} s, memory ${megabytes(rss)} MB, heap ${megabytes(heapUsed)} MB`,
      );
    },
  });
  const took = seconds(begun);
  const { user, system } = process.cpuUsage(cpu);
  const stored = await new SessionReader(database).count("session");
  if (stored !== COUNT) throw new Error(`${stored} sessions stored, ${COUNT} expected`);
  await database.close();
  await client.close();
  await source.terminate();
  // Of all threads, the source's among them: what a busy machine does not change.
  console.log(`processor    ${Math.round((user + system) / COUNT)} µs each, the source's share included`);
  const size = statSync(join(folder, "sessions.sqlite")).size;
  const rate = COUNT / took;
  console.log(
    `sync         ${Math.round(rate).toLocaleString("en")} sessions/s, ${Math.round(size / COUNT)} bytes each`,
  );
  return rate;
}

/** Inserts the same columns of as many sessions into the same table, 100 in a transaction. */
function loop(): number {
  const db = new DatabaseSync(join(folder, "bare.sqlite"));
  db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = normal");
  db.exec(ddl(sqliteDialect));
  const columns = columnsOf("session");
  const insert = db.prepare(
    `INSERT INTO session (${columns.map(([name]) => name).join(", ")}) VALUES (${columns.map(() => "?").join(", ")})`,
  );
  db.exec("PRAGMA foreign_keys = off");
  const begun = performance.now();
  for (let index = 0; index < COUNT; index++) {
    if (index % 100 === 0) db.exec("BEGIN");
    const start = new Date(Date.UTC(2026, 0, 1) + index * 10_000).toISOString().slice(0, 19);
    const given: Record<string, string | number> = {
      ...{ session_id: 910_000_001 + index, account: "bench", station_id: `1:${100_000 + (index % 200)}` },
      ...{ port_number: "1", user_id: String(index % 5000), started_at: `${start}Z`, ended_at: `${start}Z` },
      ...{
        energy_kwh: 12.5,
        charging_seconds: 3310,
        connected_seconds: 3600,
        ended_by: "Plug Out at Vehicle",
      },
      ...{ credential_id: `CNCP${index % 5000}`, vehicle_make: "Nissan", vehicle_model: "Leaf" },
      ...{ vehicle_model_year: "2024", revision: 1, changed_at: `${start}Z` },
    };
    insert.run(...columns.map(([name]) => given[name] ?? null));
    if (index % 100 === 99) db.exec("COMMIT");
  }
  if (db.isTransaction) db.exec("COMMIT");
  db.close();
  return COUNT / seconds(begun);
}
