import { mkdirSync } from "node:fs";
import { performance } from "node:perf_hooks";
import { Historian } from "../../src/historian/query/historian.ts";
import type { HistoryQuery } from "../../src/historian/query/query.ts";
import { DAY } from "../../src/historian/time.ts";
import { percentile } from "../percentile.ts";
import { Garage, MINUTES_A_DAY, START } from "./garage.ts";
import { closeBefore, FILE, fill, openOwn, sizesOf } from "./stores.ts";

/** What dashboards show, unless all points are wanted: writing those of a year takes an hour. */
const SHOWN =
  /^(stationLoad|networkStatus|anyPortFree|shedState|alarmType|(portLoad|Status|session_Energy)_[12])$/;
const BATCH_MINUTES = 60;
const ROUNDS = 7;
const STATION = "campus/garage/station-3";
const LOAD = `${STATION}/portLoad_1`;
const ZONE = "America/Los_Angeles";

/** Size of a year of the garage, and times of ten queries that a dashboard would ask. The newest day stays in SQLite. */
export async function showYear(folder: string, days: number, all: boolean): Promise<void> {
  mkdirSync(folder, { recursive: true });
  const garage = await Garage.open((point) => all || SHOWN.test(point));
  const store = openOwn(folder);
  const count = await fill([store], days, () => batches(garage, MINUTES_A_DAY), START);
  await closeBefore(store, START + days * DAY, true);
  for (const samples of batches(garage, MINUTES_A_DAY)) await store.write(samples);
  await store.close();

  const { used, files, onDisk } = sizesOf(folder, FILE);
  const mb = (bytes: number) => `${(bytes / 1e6).toPrecision(3)} MB`;
  console.log(
    `\n${days} days, ${garage.topics.length} topics, ${count} samples in ${mb(files)} of files (${(files / count).toPrecision(3)} bytes a sample); SQLite file with one more day ${mb(onDisk)}, ${mb(used)} in use`,
  );
  const historian = new Historian(openOwn(folder, { readonly: true }));
  const now = START + (days + 1) * DAY;
  const results: Record<string, { rows: number; "first, ms": number; "warm, ms": number }> = {};
  for (const [name, ask] of Object.entries(questions(historian, now))) {
    const times: number[] = [];
    let rows = 0;
    for (let round = 0; round <= ROUNDS; round++) {
      const begun = performance.now();
      const { values } = await ask();
      times.push(performance.now() - begun);
      rows = Object.values(values).reduce((sum, list) => sum + list.length, 0);
    }
    const [first, ...warm] = times as [number, ...number[]];
    const rounded = (ms: number) => Number(ms.toPrecision(3));
    results[name] = { rows, "first, ms": rounded(first), "warm, ms": rounded(percentile(warm, 0.5)) };
  }
  console.table(results);
  await historian.close();
}

function questions(historian: Historian, now: number): Record<string, () => ReturnType<Historian["query"]>> {
  const before = (days: number) => ({ start: at(now - days * DAY), end: at(now) });
  const ask = (query: HistoryQuery) => () => historian.query(query);
  return {
    "last value of all ports": ask({
      pattern: "/portLoad_\\d$",
      count: 1,
      order: "LAST_TO_FIRST",
    }),
    "load curve of today": ask({ topic: LOAD, ...before(1) }),
    "hourly means of a month": ask({ topic: LOAD, ...before(30), aggType: "avg", aggPeriod: "1h" }),
    "largest energy reading of each day of a year": ask({
      topic: `${STATION}/session_Energy_1`,
      ...{ ...before(365), aggType: "max", aggPeriod: "1d", tz: ZONE },
    }),
    "monthly maxima of a year, local time": ask({
      topic: `${STATION}/stationLoad`,
      ...{ ...before(365), aggType: "max", aggPeriod: "1M", tz: ZONE },
    }),
    "sum of all ports by 15 minutes, a week": ask({
      pattern: "/portLoad_\\d$",
      ...{ ...before(7), aggType: "avg", aggPeriod: "15m", together: "sum" },
    }),
    "states of a day": ask({ topic: `${STATION}/Status_1`, ...before(2), end: at(now - DAY) }),
    "count of samples of each month": ask({
      topic: LOAD,
      ...{ ...before(365), aggType: "count", aggPeriod: "1M" },
    }),
    "plot of a year, 1000 points": () => historian.plot({ topic: LOAD, ...before(365), points: 1000 }),
    "newest 100 of a topic": ask({ topic: LOAD, order: "LAST_TO_FIRST", count: 100 }),
  };
}

function at(time: number): Date {
  return new Date(time / 1000);
}

function* batches(garage: Garage, minutes: number) {
  for (let minute = 0; minute < minutes; minute += BATCH_MINUTES) yield garage.take(BATCH_MINUTES);
}
