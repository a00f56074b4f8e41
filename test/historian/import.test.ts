import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { CsvSource } from "../../src/historian/import/csv-source.ts";
import { type ImportOptions, importFile } from "../../src/historian/import/import-file.ts";
import { ParquetSource } from "../../src/historian/import/parquet-source.ts";
import type { Position, Source, SourceBatch } from "../../src/historian/import/source.ts";
import { VolttronSource } from "../../src/historian/import/volttron-source.ts";
import { EXPORTS, HistorianError, type Sample } from "../../src/historian/index.ts";
import { formatTime } from "../../src/historian/time.ts";

const NOON = Date.UTC(2026, 10, 21, 12) * 1000;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "voltbridge-import-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const VALUES = Array.from({ length: 23 }, (_, i) => (i % 5 === 0 ? `\ufeffline\r\n${i} ⚡` : i / 10));

async function exported(format: "csv" | "parquet"): Promise<string> {
  const pages = async function* () {
    const topic = { name: "a/p", meta: { units: "kW", type: "float", tz: "UTC" } } as const;
    yield { topic, rows: [] };
    yield { topic, rows: VALUES.map((value, i): [string, string | number] => [formatTime(NOON + i), value]) };
  };
  const pieces: Uint8Array[] = [];
  for await (const piece of EXPORTS[format](pages())) pieces.push(Buffer.from(piece as string));
  const file = join(folder, `a.${format}`);
  writeFileSync(file, Buffer.concat(pieces));
  return file;
}

function volttron(): string {
  const file = join(folder, "v.sqlite");
  const db = new DatabaseSync(file);
  db.exec(`CREATE TABLE data (ts timestamp NOT NULL, topic_id INTEGER NOT NULL, value_string TEXT NOT NULL, UNIQUE(topic_id, ts));
    CREATE TABLE topics (topic_id INTEGER PRIMARY KEY, topic_name TEXT NOT NULL, metadata TEXT, UNIQUE(topic_name));
    INSERT INTO topics VALUES (1, 'a/p', NULL)`);
  const insert = db.prepare("INSERT INTO data VALUES (?, 1, ?)");
  for (const [i, value] of VALUES.entries()) insert.run(formatTime(NOON + i), JSON.stringify(value));
  db.exec("DELETE FROM data WHERE rowid IN (3, 4)");
  db.close();
  return file;
}

async function batchesOf(source: Source, position?: Position): Promise<SourceBatch[]> {
  const batches: SourceBatch[] = [];
  const options = { size: 4, wants: () => true, reject: () => expect.unreachable() };
  for await (const batch of source.read({ ...options, ...(position && { position }) })) batches.push(batch);
  return batches;
}

describe("a source goes on where it ended", () => {
  test.each<[string, () => Promise<Source>, number]>([
    ["CSV", async () => new CsvSource(await exported("csv")), VALUES.length],
    ["Parquet", async () => new ParquetSource(await exported("parquet")), VALUES.length],
    ["VOLTTRON", async () => new VolttronSource(volttron()), VALUES.length - 2],
  ])("%s: after each batch come exactly the rows that are left", async (_, make, count) => {
    const source = await make();
    const batches = await batchesOf(source);
    const values = (some: readonly SourceBatch[]) =>
      some.flatMap(({ rows }) => rows.map((row) => [row.time, row.value]));
    const all = values(batches);
    expect(all).toHaveLength(count);
    expect(all).toEqual(
      VALUES.map((value, i) => [NOON + i, value]).filter(([time]) => all.some((row) => row[0] === time)),
    );
    expect(batches.at(-1)!.share).toBe(1);
    for (const [i, { position }] of batches.entries())
      expect(values(await batchesOf(source, JSON.parse(JSON.stringify(position))))).toEqual(
        values(batches.slice(i + 1)),
      );
  });
});

describe("a store that is busy, or rejects", () => {
  test("is tried again; what it rejects is left out and named", async () => {
    const stored: Sample[] = [];
    let calls = 0;
    const waits: string[] = [];
    const backend = {
      async write(samples: readonly Sample[]) {
        calls += 1;
        if (calls === 1) throw new HistorianError("retry", "another process is writing to it");
        if (samples.length === VALUES.length)
          throw new HistorianError("reject", "some", { rejected: new Map([[2, "too odd"]]) });
        stored.push(...samples);
      },
    } as unknown as NonNullable<ImportOptions["into"]>["backend"];
    const saved: unknown[] = [];
    const checkpoint = {
      load: async () => undefined,
      save: async (progress: unknown) => void saved.push(progress),
    } as unknown as NonNullable<ImportOptions["into"]>["checkpoint"];
    const report = await importFile(await exported("parquet"), {
      ...{ into: { backend, checkpoint }, topics: [], rename: (topic) => topic, ignoreUnits: false },
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onWait: (reason) => waits.push(reason),
    });
    expect(waits).toEqual(["another process is writing to it"]);
    expect(stored).toHaveLength(VALUES.length - 1);
    expect(report).toMatchObject({
      values: VALUES.length - 1,
      rejected: [{ reason: "too odd", rows: 1, at: "a/p" }],
    });
    expect(saved.at(-1)).toMatchObject({ complete: true });
  });
});
