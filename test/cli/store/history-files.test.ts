import { rmSync, truncateSync, writeFileSync } from "node:fs";
import { afterEach, beforeEach, expect, onTestFinished, test } from "vitest";
import { DataLock } from "../../../src/devices/index.ts";
import { openHistorian } from "../../../src/historian/index.ts";
import { DAY } from "../../../src/historian/time.ts";
import { createLog } from "../../../src/log/log.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { SETTINGS } from "../../historian/settings.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const MIDNIGHT = Date.UTC(2026, 10, 21) * 1000;
const SECOND = 1_000_000;
const log = createLog({ level: "silent" });
const meta = { units: "kW", type: "float", tz: "UTC" } as const;

let place: Workplace;
beforeEach(() => {
  place = new Workplace({ "configs/bridge.json": { data: "../data" } });
});
afterEach(() => place.remove());

const history = (...args: string[]) => cli(["history", ...args, "--config", place.at("configs/bridge.json")]);
const file = (path: string) => place.at(`data/history/2026/11/${path}.parquet`);

async function fill(...values: readonly (readonly [time: number, value: PointValue])[]): Promise<void> {
  const { backend } = await openHistorian(SETTINGS, place.at("data"), { log });
  await backend.write(values.map(([time, value]) => ({ topic: "site/s1/load", time, value, meta })));
  await backend.close();
}

/** Three days of 2000 values, of which compact closes all. */
async function filled(): Promise<void> {
  for (let day = 0; day < 3; day++)
    await fill(
      ...Array.from({ length: 2000 }, (_, n): [number, number] => [MIDNIGHT + day * DAY + n * SECOND, n % 9]),
    );
}

async function answer(start: string, end: string) {
  const { stdout } = await history("query", "site/s1/load", "--start", start, "--end", end, "--json");
  return JSON.parse(stdout).values["site/s1/load"] ?? [];
}

test("compact closes days, merges late values and gives space back; verify finds nothing wrong", async () => {
  await filled();
  const closed = JSON.parse((await history("compact", "--json")).stdout);
  expect(closed).toMatchObject({ before: { days: 0, bytes: 0 }, after: { days: 3 }, failed: [] });
  expect(closed.after.recentBytes).toBeLessThan(closed.before.recentBytes / 2);
  await fill([MIDNIGHT + 1, -1], [MIDNIGHT, -2]);
  const merged = await history("compact");
  expect(merged.code).toBe(0);
  expect(merged.stdout).toMatch(/^ +closed days +their files +recent days\n.*\nbefore +3 .*\nafter +3 /);
  expect((await history("verify")).stdout).toMatch(/^3 closed days with 6001 values in \d+ kB: 0 faults\n$/);
  expect(await answer("2026-11-21T00:00:00Z", "2026-11-21T00:00:02Z")).toEqual([
    ["2026-11-21T00:00:00.000000+00:00", -2],
    ["2026-11-21T00:00:00.000001+00:00", -1],
    ["2026-11-21T00:00:01.000000+00:00", 1],
  ]);
});

test("B17: verify names damaged days and files that are not of the store; compact names what it cannot merge", async () => {
  await filled();
  await history("compact");
  truncateSync(file("21"), 500);
  rmSync(file("22"));
  writeFileSync(file("30"), "");
  const { code, stdout, stderr } = await history("verify");
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /voltbridge: the days with faults are left out of answers; restore .* a backup, .*\n$/,
  );
  expect(stdout).toMatch(/^2026-11-21: .*damaged/m);
  expect(stdout).toMatch(/^2026-11-22: .*missing/m);
  expect(stdout).toContain(`${file("30")} is not part of the history`);
  expect(stdout).toMatch(/3 closed days with 6,?000 values .*: 2 faults\n$/);
  const json = await history("verify", "--json");
  expect(json.code).toBe(1);
  expect(JSON.parse(json.stdout)).toMatchObject({
    ...{ days: 3, values: 6000, others: [file("30")] },
    faults: [
      { path: file("21"), day: "2026-11-21", fault: expect.stringContaining("damaged") },
      { path: file("22"), day: "2026-11-22", fault: expect.stringContaining("missing") },
    ],
  });
  await fill([MIDNIGHT + 1, -1], [MIDNIGHT + 2 * DAY + 1, -3]);
  const compact = await history("compact", "--json");
  expect(compact.code).toBe(1);
  expect(JSON.parse(compact.stdout).failed).toEqual([expect.stringContaining("damaged")]);
  expect(await answer("2026-11-21T00:00:00Z", "2026-11-24T00:00:00Z")).toHaveLength(1 + 2001);
});

test("compact is refused beside a running bridge, verify is not", async () => {
  await fill([MIDNIGHT, 1]);
  const lock = DataLock.take(place.at("data"));
  onTestFinished(() => lock.release());
  expect(await history("compact")).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/A running bridge closes days and merges late values by itself/),
  });
  expect((await history("verify")).code).toBe(0);
});
