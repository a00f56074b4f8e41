import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { RollupFold } from "../../src/historian/rollup.ts";
import { writeDayFile } from "../../src/historian/stores/sqlite/days/day-file-writer.ts";
import { DAY, HOUR } from "../../src/historian/time.ts";
import type { PointValue } from "../../src/points/index.ts";
import { MIDNIGHT, THE_DAY, temporaryFolder } from "../historian/stores/sqlite/days/rows.ts";

const example = fileURLToPath(new URL("../../examples/read-history", import.meta.url));
const run = promisify(execFile);

/** After `npm install` in the example's folder: DuckDB's 70 MB are no dependency of the project. */
const isInstalled = existsSync(`${example}/node_modules/@duckdb/node-api`);

test.skipIf(!isInstalled)("DuckDB answers from day files as from the samples themselves", async () => {
  using folder = temporaryFolder();
  const [load, state] = ["site/s1/portLoad_1", "site/s1/networkStatus"];
  const means = new Map<string, RollupFold>();
  const meta = { units: "kW", type: "float", tz: "UTC" } as const;
  for (let day = 0; day < 3; day++) {
    const start = MIDNIGHT + day * DAY;
    const times = Float64Array.from({ length: 1440 }, (_, minute) => start + minute * 60_000_000 + minute);
    const loads = [...times].map((_, minute) => (minute % 97 === 0 ? null : ((minute * 7919) % 7200) / 1000));
    // Offline for two hours across midnight, and once for a minute.
    const states = [...times].map((_, minute): PointValue => {
      const isOffline = (day === 0 && minute >= 1380) || (day === 1 && (minute < 60 || minute === 700));
      return isOffline ? "UNREACHABLE" : "REACHABLE";
    });
    for (const [minute, time] of times.entries()) {
      const hour = Math.floor(time / HOUR) * HOUR;
      const name = new Date(hour / 1000).toISOString();
      if (!means.has(name)) means.set(name, new RollupFold(hour));
      means.get(name)!.add([time, loads[minute]!]);
    }
    mkdirSync(folder.path("2026/11"), { recursive: true });
    const blocks = [
      { topic: { name: state, meta }, times, values: states },
      { topic: { name: load, meta }, times, values: loads },
    ];
    // The second day was written again: only the newer file counts.
    if (day === 1) writeDayFile(folder.path("2026/11/22.parquet"), THE_DAY + 1, []);
    writeDayFile(folder.path(`2026/11/${21 + day}${day === 1 ? "-2" : ""}.parquet`), THE_DAY + day, blocks);
  }
  const args = [folder.path("."), "--load", load, "--state", state, "--json"];
  const { stdout } = await run(process.execPath, [`${example}/read-history.mjs`, ...args]);
  const answers = JSON.parse(stdout);
  const expected = [...means].map(([hour, fold]): [string, number] => [hour, fold.mean()!]);
  expect(answers.hourlyMeans).toEqual(expected.map(([hour, mean]) => [hour, expect.closeTo(mean, 5)]));
  const energy = expected.reduce((sum, [, mean]) => sum + mean, 0);
  expect(answers.monthlyEnergy).toEqual([["2026-11", expect.closeTo(energy, 4)]]);
  expect(answers.longestOffline).toEqual({
    from: new Date(MIDNIGHT / 1000 + 1380 * 60_000 + 1).toISOString(),
    minutes: expect.closeTo(120, 3),
  });
});
