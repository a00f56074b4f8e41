import { execFile } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { openHistorian } from "../../src/historian/index.ts";
import { RollupFold } from "../../src/historian/rollup.ts";
import { writeDayFile } from "../../src/historian/stores/sqlite/days/day-file-writer.ts";
import { DAY, HOUR } from "../../src/historian/time.ts";
import { createLog } from "../../src/log/log.ts";
import type { PointValue } from "../../src/points/index.ts";
import { SETTINGS } from "../historian/settings.ts";
import { MIDNIGHT, THE_DAY, temporaryFolder } from "../historian/stores/sqlite/days/rows.ts";
import { SmallStore } from "../historian/stores/sqlite/days/small-store.ts";

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

test.skipIf(!isInstalled)(
  "DuckDB and the historian answer alike from a store whose days were closed",
  async () => {
    using store = new SmallStore();
    const [load, state] = ["site/s1/portLoad_1", "site/s1/networkStatus"];
    for (let day = 0; day < 12; day++)
      store.write(
        ...Array.from({ length: 288 }, (_, n) => {
          const time = MIDNIGHT + day * DAY + n * 300_000_000 + (n % 400) * 1000;
          return [load, time, n % 50 === 0 ? null : ((n * 7919 + day) % 7200) / 1000] as const;
        }),
        ...Array.from({ length: 288 }, (_, n) => {
          return [
            state,
            MIDNIGHT + day * DAY + n * 300_000_000,
            n > 200 ? "UNREACHABLE" : 'say "é"',
          ] as const;
        }),
      );
    store.closeDays(THE_DAY + 12);
    // Late and corrected ones, with which two days are written again.
    for (let n = 0; n < 20; n++)
      store.write([load, MIDNIGHT + n * 7_000_001, n / 3], [load, MIDNIGHT + 3 * DAY + n * 300_000_000, n]);
    store.closeDays(THE_DAY + 12, true);
    expect(store.filesThere()).toContain("2026/11/21-2.parquet");

    const historian = await openHistorian(SETTINGS, store.place, {
      readonly: true,
      log: createLog({ level: "silent" }),
    });
    try {
      const ask = async (query: object) => Object.values((await historian.query(query)).values)[0]!;
      const duck = await duckDb(store.reader.days().map(({ path }) => join(store.folder, path!)));
      const utc = `strftime(make_timestamp(epoch_us(time)), '%Y-%m-%dT%H:%M:%S.%f+00:00')`;
      for (const [topic, column] of [
        [load, "value"],
        [state, "text"],
      ] as const)
        expect(await ask({ topic })).toEqual(
          await duck(`SELECT ${utc}, ${column} FROM file WHERE topic = '${topic}' ORDER BY time`),
        );
      const range = { topic: load, start: "2026-11-21T00:00:00Z", end: "2026-12-03T00:00:00Z" };
      const means = await duck(
        `SELECT avg(value) FROM file WHERE topic = '${load}' AND value IS NOT NULL
         GROUP BY epoch_us(time) // 3600000000 ORDER BY epoch_us(time) // 3600000000`,
      );
      const hourly = await ask({ ...range, aggType: "avg", aggPeriod: "1h" });
      expect(hourly.map(([, mean]) => [mean])).toEqual(
        means.map(([mean]) => [expect.closeTo(Number(mean), 9)]),
      );
      const months = await duck(
        `SELECT sum(value), count(value) FROM file WHERE topic = '${load}'
         GROUP BY month(make_timestamp(epoch_us(time))) ORDER BY min(time)`,
      );
      for (const [at, aggType] of ["sum", "count"].entries()) {
        const monthly = await ask({ ...range, aggType, aggPeriod: "1M" });
        expect(monthly.map(([, value]) => value)).toEqual(
          months.map((month) => expect.closeTo(Number(month[at]), 6)),
        );
      }
    } finally {
      await historian.close();
    }
  },
);

/** Returns a function that asks DuckDB about files, as the table `file`. */
async function duckDb(files: readonly string[]): Promise<(sql: string) => Promise<unknown[][]>> {
  const { DuckDBInstance } = createRequire(`${example}/package.json`)("@duckdb/node-api");
  const connection = await (await DuckDBInstance.create(":memory:")).connect();
  const list = files.map((file) => `'${file}'`).join(", ");
  await connection.run(`CREATE VIEW file AS SELECT * FROM read_parquet([${list}])`);
  return async (sql) => (await connection.runAndReadAll(sql)).getRowsJS();
}
