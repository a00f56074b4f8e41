import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { HistorianBackend, Sample } from "../../../src/historian/contract.ts";
import { readPlot } from "../../../src/historian/query/plot.ts";
import { SqliteBackend } from "../../../src/historian/stores/sqlite/backend.ts";

const SECOND = 1_000_000;
const START = Date.UTC(2026, 0, 1) * 1000;
const meta = { units: "kW", type: "float", tz: "UTC" } as const;

describe("a plot", () => {
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-plot-"));
  let backend: HistorianBackend;
  /** The same store, whose rows are thinned by the caller. */
  let plain: HistorianBackend;
  beforeAll(async () => {
    backend = new SqliteBackend({ file: join(folder, "h.sqlite"), durability: "normal", readonly: false });
    plain = { read: (...request) => backend.read(...request) } as HistorianBackend;
    const samples: Sample[] = [];
    for (let i = 0; i < 5000; i++) {
      const time = START + i * 10 * SECOND;
      if (i < 1000 || i >= 1500) samples.push({ topic: "a/s/load", time, value: (i * 7919) % 1009, meta });
      samples.push({ topic: "a/s/state", time, value: i % 600 < 300 ? "INUSE" : "AVAILABLE", meta });
      if (i % 100 === 0) samples.push({ topic: "a/s/sparse", time, value: i === 2000 ? null : i, meta });
    }
    await backend.write(samples);
  });
  afterAll(async () => {
    await backend.close();
    rmSync(folder, { recursive: true, force: true });
  });

  test.each(["a/s/load", "a/s/state", "a/s/sparse"])(
    "of %s is the same in the store's thread and outside",
    async (topic) => {
      for (const points of [10, 100, 4000, 10_000]) {
        const rows = await readPlot(backend, topic, { points });
        expect(rows).toEqual(await readPlot(plain, topic, { points }));
        expect(rows.map(([time]) => time)).toEqual(rows.map(([time]) => time).toSorted((a, b) => a - b));
      }
    },
  );

  test("keeps first, last and extremes; a gap is one null where the next value was due", async () => {
    const rows = await readPlot(backend, "a/s/load", { points: 100 });
    const numbers = rows.flatMap(([, value]) => (typeof value === "number" ? [value] : []));
    expect(rows.length).toBeLessThanOrEqual(110);
    expect([Math.min(...numbers), Math.max(...numbers)]).toEqual([0, 1008]);
    expect(rows.filter(([, value]) => value === null)).toEqual([[START + 1000 * 10 * SECOND, null]]);
    expect(rows[0]).toEqual([START, 0]);
    expect(rows.at(-1)![0]).toBe(START + 4999 * 10 * SECOND);
  });

  test("few values come whole; an unknown topic and an empty range have none", async () => {
    expect(await readPlot(backend, "a/s/sparse", { points: 100 })).toHaveLength(50);
    expect(await readPlot(backend, "a/s/none", { points: 100 })).toEqual([]);
    expect(await readPlot(backend, "a/s/load", { start: START - 10, end: START, points: 100 })).toEqual([]);
  });
});
