import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Row } from "../../../src/historian/contract.ts";
import { Historian } from "../../../src/historian/query/historian.ts";
import { Calendar, parsePeriod } from "../../../src/historian/query/period.ts";
import type { HistoryQuery } from "../../../src/historian/query/query.ts";
import { volttronHistorian } from "../../../src/historian/query/volttron-api.ts";
import { DAY, formatTime, HOUR, MINUTE, parseTime } from "../../../src/historian/time.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { Zone } from "../../../src/time/zone.ts";
import { RolledUpStore } from "./rolled-up-store.ts";

const at = (text: string): number => parseTime(text, new Date(0), "time");
const NOW = new Date("2026-11-30T12:00:00Z");
/** Over the end of summer time of both halves of the earth. */
const FROM = at("2026-10-20");
const TO = at("2026-11-10");
const iso = (time: number): string => new Date(time / 1000).toISOString();

async function rowsOf(store: RolledUpStore, query: HistoryQuery): Promise<[string, PointValue][]> {
  const { values } = await new Historian(store, { now: () => NOW }).query({ topic: "a/b", ...query });
  expect(Object.keys(values)).toHaveLength(1);
  return Object.values(values)[0]!.map(([time, value]) => [time.slice(0, 16), value]);
}

const value = fc.oneof(
  { weight: 8, arbitrary: fc.integer({ min: -50_000, max: 50_000 }).map((n) => n / 1000) },
  { weight: 1, arbitrary: fc.constantFrom(null, true, false, "text", { a: 1 }) },
);
const series = fc.uniqueArray(fc.tuple(fc.integer({ min: FROM, max: TO - 1 }), value), {
  selector: ([time]) => time,
  maxLength: 200,
});
const whole = fc.integer({ min: 0, max: 40 });
const question = fc.record(
  {
    aggType: fc.constantFrom("AVG", "MIN", "MAX", "SUM", "COUNT", "FIRST", "LAST"),
    aggPeriod: fc.constantFrom("15m", "1h", "90m", "4h", "1d", "1w", "1M"),
    order: fc.constantFrom("FIRST_TO_LAST", "LAST_TO_FIRST"),
    start: fc.integer({ min: FROM - DAY, max: TO }).map(iso),
    end: fc.integer({ min: TO, max: TO + DAY }).map(iso),
    tz: fc.constantFrom("America/Los_Angeles", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin"),
    skip: whole,
    count: whole,
    minCount: fc.integer({ min: 1, max: 4 }),
  },
  { requiredKeys: ["aggType", "aggPeriod"] },
);

describe("aggregates", () => {
  test("property: with rollups of any days they are the same as from the values alone", async () => {
    const days = fc.func(fc.boolean());
    await fc.assert(
      fc.asyncProperty(
        series,
        question,
        days,
        fc.constantFrom(undefined, 3),
        async (rows, query, isRolledUp, size) => {
          const window = size && query.aggPeriod.replace(/\d+/, (count) => String(Number(count) * size));
          const asked = { ...query, window };
          const fromRollups = await rowsOf(new RolledUpStore({ "a/b": rows }, isRolledUp), asked);
          expect(fromRollups).toEqual(await rowsOf(new RolledUpStore({ "a/b": rows }), asked));
        },
      ),
      { numRuns: 150 },
    );
  });

  test("property: skip, count and order choose among the same rows", async () => {
    await fc.assert(
      fc.asyncProperty(series, question, fc.boolean(), async (rows, query, rolls) => {
        const store = new RolledUpStore({ "a/b": rows }, () => true);
        const window = rolls
          ? query.aggPeriod.replace(/\d+/, (count) => String(Number(count) * 4))
          : undefined;
        const { skip = 0, count = Infinity, order, ...rest } = { ...query, window };
        // Without an end a window ends with the last value, in either order.
        const all = await rowsOf(store, rest);
        const ordered = order === "LAST_TO_FIRST" ? all.toReversed() : all;
        expect(await rowsOf(store, { ...query, window })).toEqual(ordered.slice(skip, skip + count));
      }),
      { numRuns: 100 },
    );
  });

  test("property: a window holds the values of its periods, those before the range included", async () => {
    await fc.assert(
      fc.asyncProperty(series, question, fc.integer({ min: 1, max: 30 }), async (rows, query, size) => {
        const { aggPeriod, tz = "UTC", start, end } = query;
        const calendar = new Calendar(parsePeriod(aggPeriod), new Zone(tz));
        const window = aggPeriod.replace(/\d+/, (count) => String(Number(count) * size));
        const found = await rowsOf(new RolledUpStore({ "a/b": rows }, () => true), {
          ...{ topic: "a/b", aggType: "COUNT", aggPeriod, tz, window, start, end },
        });
        const expected: [string, number][] = [];
        const times = rows.filter(([, one]) => one !== null).map(([time]) => time);
        if (times.length === 0) {
          expect(found).toEqual([]);
          return;
        }
        const from = start === undefined ? Math.min(...times) : at(start);
        const to = end === undefined ? calendar.at(Math.max(...times)).end + 1 : at(end);
        let span = calendar.at(from - 1);
        for (; span.end < to; span = calendar.at(span.end)) {
          let first = span;
          for (let i = 1; i < size; i++) first = calendar.at(first.start - 1);
          const count = times.filter((time) => time >= first.start && time < span.end).length;
          if (span.end >= from && count > 0) expected.push([formatTime(span.end).slice(0, 16), count]);
        }
        expect(found).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });

  const minutes = (days: number): Row[] =>
    Array.from({ length: days * 1440 }, (_, i) => [TO - (i + 1) * MINUTE, i % 10] as const);

  test("the newest rows do not cost a year, and rolled up days no values", async () => {
    const tens = minutes(400).filter((_, i) => i % 10 === 0);
    for (const [order, isRolledUp] of [
      ["LAST_TO_FIRST", () => false],
      ["FIRST_TO_LAST", () => false],
      ["LAST_TO_FIRST", undefined],
    ] as const) {
      const store = new RolledUpStore({ "a/b": tens }, isRolledUp);
      expect(await rowsOf(store, { aggType: "AVG", aggPeriod: "1d", order, count: 3 })).toHaveLength(3);
      expect(store.rowsRead).toBeLessThan(2500);
      expect(store.asked.every(({ start, end }) => end - start <= 31 * DAY)).toBe(true);
    }
    const store = new RolledUpStore({ "a/b": tens }, () => true);
    const days = await rowsOf(store, { aggType: "AVG", aggPeriod: "1d" });
    expect(days).toHaveLength(400);
    expect(store.rowsRead).toBeLessThan(20);
    expect(store.asked.length).toBeLessThan(5);
  });

  test("days that do not begin with an hour of UTC are read at their borders alone", async () => {
    const store = new RolledUpStore({ "a/b": minutes(30) }, () => true);
    const range = { start: iso(TO - 29 * DAY), end: iso(TO) };
    const days = await rowsOf(store, { aggType: "SUM", aggPeriod: "1d", tz: "Asia/Kolkata", ...range });
    expect(days.slice(1, 3)).toEqual([
      ["2026-10-12T18:30", 6480],
      ["2026-10-13T18:30", 6480],
    ]);
    expect(store.rowsRead).toBe(29 * 60);
  });

  test("days, weeks and months of a zone, whose times without a zone are local", async () => {
    const store = new RolledUpStore({ "a/b": minutes(40) });
    const tz = "America/Los_Angeles";
    const days = { aggType: "COUNT", aggPeriod: "1d", tz, start: "2026-10-31", end: "2026-11-03" };
    expect(await rowsOf(store, days)).toEqual([
      ["2026-10-31T07:00", 1440],
      ["2026-11-01T07:00", 1500],
      ["2026-11-02T08:00", 1440],
    ]);
    expect(await rowsOf(store, { ...days, end: "2026-11-02T00:00Z" })).toEqual([
      ["2026-10-31T07:00", 1440],
      ["2026-11-01T07:00", 1020],
    ]);
    expect(await rowsOf(store, { ...days, aggPeriod: "1M", start: "2026-10-01", end: undefined })).toEqual([
      ["2026-10-01T07:00", 31 * 1440],
      ["2026-11-01T07:00", 9 * 1440 - 420],
    ]);
  });

  test("several topics together: the load of a site is the sum of the means of its ports", async () => {
    const store = new RolledUpStore(
      {
        "s/1/load": [
          [FROM, 1.1],
          [FROM + MINUTE, 3.1],
          [FROM + HOUR, 5],
        ],
        "s/2/load": [
          [FROM + 5 * MINUTE, 0.3],
          [FROM + 2 * HOUR, true],
        ],
        "s/2/current": [[FROM, 16]],
      },
      undefined,
      { "s/2/current": "A" },
    );
    const historian = new Historian(store, { now: () => NOW });
    const ask = async (query: HistoryQuery) =>
      await historian.query({ pattern: "load", aggType: "AVG", aggPeriod: "1h", ...query });
    expect(await ask({ together: "sum" })).toEqual({
      values: {
        "sum of 2 topics": [
          [formatTime(FROM), 2.4],
          [formatTime(FROM + HOUR), 5],
          [formatTime(FROM + 2 * HOUR), 1],
        ],
      },
      metadata: { "sum of 2 topics": { units: "kW", type: "float", tz: "UTC" } },
    });
    const values = async (query: HistoryQuery) =>
      Object.values((await ask(query)).values)[0]!.map(([, one]) => one);
    expect(await values({ together: "MAX", order: "LAST_TO_FIRST" })).toEqual([1, 5, 2.1]);
    expect(await values({ together: "AVG" })).toEqual([1.2, 5, 1]);
    expect(await values({ together: "COUNT" })).toEqual([2, 1, 1]);
    expect(await values({ together: "SUM", skip: 1, count: 1 })).toEqual([5]);
    expect(await values({ together: "SUM", minCount: 2 })).toEqual([2.1]);
    expect((await ask({ pattern: "none", together: "SUM" })).values).toEqual({});
    await expect(ask({ pattern: "s/", together: "SUM" })).rejects.toThrow(
      /^together: topics of different units cannot be combined: s\/.* is in .*A/,
    );
    expect(await values({ pattern: "s/", together: "COUNT" })).toEqual([3, 1, 1]);
    const call = volttronHistorian(historian, "1.0.0").query;
    const theirs = { topic: ["s/1/load", "s/2/load"], agg_type: "avg", agg_period: "1h", together: "sum" };
    expect(await call({ ...theirs, count: 1, min_count: 1 })).toEqual({
      values: [[formatTime(FROM), 2.4]],
      metadata: { units: "kW", type: "float", tz: "UTC" },
    });
  });

  test("what cannot be is refused, with what can", async () => {
    const store = new RolledUpStore({ "a/b": [] });
    const refused = async (query: HistoryQuery) =>
      await rowsOf(store, query).then(
        () => "",
        (error: Error) => error.message,
      );
    const hourly = { aggType: "AVG", aggPeriod: "1h" };
    expect(await refused({ tz: "America/Los_Angels" })).toBe(
      'tz: unknown time zone "America/Los_Angels"; did you mean "America/Los_Angeles"?',
    );
    expect(await refused({ ...hourly, window: "90m" })).toBe(
      'window: must be a whole number of periods of 1h, at most 10000, e.g. 2h; found "90m"',
    );
    expect(await refused({ ...hourly, window: "1M" })).toContain("window: must be a whole number");
    expect(await refused({ ...hourly, window: "x" })).toContain("window: must be a number from 1");
    expect(await refused({ window: "1h" })).toBe("window: requires agg_type and agg_period");
    expect(await refused({ together: "SUM" })).toBe("together: requires agg_type and agg_period");
    expect(await refused({ ...hourly, together: "LAST" })).toContain("together: must be one of SUM, AVG");
    expect(await refused({ ...hourly, minCount: -1 })).toContain("min_count: must be a whole number");
    expect(await refused({ fill: "linear" })).toBe('fill: must be previous; found "linear"');
    expect(await refused({ ...hourly, aggType: "SUM", fill: "previous" })).toContain("fill: cannot be used");
  });

  test("get_aggregate_topics lists what a store has rolled up, in VOLTTRON's tuples", async () => {
    const kept = async (store: RolledUpStore, maxRows = 100) =>
      await volttronHistorian(new Historian(store, { maxRows }), "1.0.0").get_aggregate_topics();
    const values = { "a/b": [], "a/c": [], "_voltbridge/x/run": [] };
    expect(await kept(new RolledUpStore(values))).toEqual([]);
    const list = await kept(new RolledUpStore(values, () => true));
    expect(list).toHaveLength(14);
    expect(list[0]).toEqual(["a/b", "avg", "1h", ["a/b"]]);
    await expect(kept(new RolledUpStore(values, () => true), 10)).rejects.toThrow("more than 10 in all");
  });
});

describe("values that hold until the next one", () => {
  const rows: [number, PointValue][] = [
    [FROM - HOUR, 4],
    [FROM + 30 * MINUTE, 8],
    [FROM + 90 * MINUTE, null],
    [FROM + 150 * MINUTE, 2],
    [FROM + 12 * HOUR, 6],
  ];
  const store = () => new RolledUpStore({ "a/b": rows }, () => true);
  const fill = "previous";
  const range = { start: iso(FROM), end: iso(FROM + DAY) };
  const hour = (hours: number, ...rest: PointValue[]) => [iso(FROM + hours * HOUR).slice(0, 16), ...rest];

  test("a raw query begins with the value that held then", async () => {
    const filled = [hour(0, 4), ...rows.slice(1).map(([time, one]) => [iso(time).slice(0, 16), one])];
    expect(await rowsOf(store(), { fill, ...range })).toEqual(filled);
    expect(await rowsOf(store(), { fill, ...range, order: "LAST_TO_FIRST" })).toEqual(filled.toReversed());
    expect(await rowsOf(store(), { fill, ...range, skip: 1, count: 1 })).toEqual([filled[1]]);
    expect(await rowsOf(store(), { fill, start: iso(FROM + HOUR), end: iso(FROM + 61 * MINUTE) })).toEqual([
      hour(1, 8),
    ]);
    // A value of that very time, none, one that is too old, and null.
    expect(await rowsOf(store(), { fill, start: iso(FROM - HOUR), count: 1 })).toEqual([hour(-1, 4)]);
    expect(await rowsOf(store(), { fill, start: iso(FROM - 2 * HOUR), count: 1 })).toEqual([hour(-1, 4)]);
    expect(await rowsOf(store(), { fill, start: iso(FROM + 5 * HOUR), count: 1 })).toEqual([hour(12, 6)]);
    expect(await rowsOf(store(), { fill, start: iso(FROM + 2 * HOUR), count: 1 })).toEqual([hour(2.5, 2)]);
  });

  test("a mean weighs each value by the time it held; a null and two hours end it", async () => {
    const asked = { fill, ...range, aggPeriod: "1h" };
    const mean = [hour(0, 6), hour(1, 8), hour(2, 2), hour(3, 2), hour(4, 2), hour(12, 6), hour(13, 6)];
    expect(await rowsOf(store(), { ...asked, aggType: "AVG" })).toEqual(mean);
    expect(await rowsOf(store(), { ...asked, aggType: "AVG", order: "LAST_TO_FIRST", count: 2 })).toEqual(
      mean.toReversed().slice(0, 2),
    );
    expect((await rowsOf(store(), { ...asked, aggType: "FIRST" })).slice(0, 3)).toEqual([
      ...[hour(0, 4), hour(1, 8), hour(2, 2)],
    ]);
    expect((await rowsOf(store(), { ...asked, aggType: "MAX", aggPeriod: "1d" }))[0]).toEqual(hour(0, 8));
    // 4 for half an hour, 8 for one, 2 for two, 6 for two.
    expect(await rowsOf(store(), { ...asked, aggType: "AVG", aggPeriod: "1d" })).toEqual([
      hour(0, Number((26 / 5.5).toPrecision(12))),
    ]);
    expect((await rowsOf(store(), { ...asked, aggType: "AVG", window: "2h" })).slice(0, 3)).toEqual([
      ...[hour(0, 4), hour(1, 5), hour(2, Number((20 / 3).toPrecision(12)))],
    ]);
  });

  test("nothing holds beyond now", async () => {
    const historian = new Historian(store(), { now: () => new Date((FROM + 12.5 * HOUR) / 1000) });
    const { values } = await historian.query({
      topic: "a/b",
      fill,
      ...range,
      aggType: "AVG",
      aggPeriod: "15m",
    });
    expect(values["a/b"]!.map(([time]) => time.slice(11, 16)).slice(-2)).toEqual(["12:00", "12:15"]);
  });

  test("property: order, and the means of all periods, agree with each other", async () => {
    await fc.assert(
      fc.asyncProperty(series, question, async (some, { aggPeriod, start, end, tz }) => {
        const one = new RolledUpStore({ "a/b": some });
        for (const aggType of ["AVG", "FIRST", "LAST", "MIN"]) {
          const asked = { aggType, aggPeriod, start, end, tz, fill };
          const forwards = await rowsOf(one, asked);
          expect(await rowsOf(one, { ...asked, order: "LAST_TO_FIRST" })).toEqual(forwards.toReversed());
        }
      }),
      { numRuns: 30 },
    );
  });
});
