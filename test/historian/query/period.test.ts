import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Row } from "../../../src/historian/contract.ts";
import { rowsOf, sumUp } from "../../../src/historian/query/aggregate.ts";
import type { HistoryPart } from "../../../src/historian/query/parts.ts";
import { Calendar, type Period, parsePeriod } from "../../../src/historian/query/period.ts";
import { DAY, formatTime, parseTime } from "../../../src/historian/time.ts";
import { Zone } from "../../../src/time/zone.ts";

const at = (text: string): number => parseTime(text, new Date(0), "time");
const UTC = new Zone("UTC");
const short = (time: number): string => formatTime(time).slice(0, 19);
const startOf = (time: string, period: string): string =>
  short(new Calendar(parsePeriod(period), UTC).at(at(time)).start);

describe("periods", () => {
  it.each<[string, Period]>([
    ["1m", { count: 1, unit: "m" }],
    ["15m", { count: 15, unit: "m" }],
    ["60m", { count: 1, unit: "h" }],
    ["90m", { count: 90, unit: "m" }],
    ["48h", { count: 2, unit: "d" }],
    ["2880m", { count: 2, unit: "d" }],
    ["168h", { count: 1, unit: "w" }],
    ["14d", { count: 2, unit: "w" }],
    ["30d", { count: 30, unit: "d" }],
    ["12M", { count: 12, unit: "M" }],
    [" 1h ", { count: 1, unit: "h" }],
  ])("%j is normalised as VOLTTRON does", (text, expected) => {
    expect(parsePeriod(text)).toEqual(expected);
  });

  it.each(["", "h", "0h", "-1h", "1.5h", "1s", "1y", "1H", "1 h 2m", "99999M", "1e3m"])(
    "%j is refused",
    (text) => {
      expect(() => parsePeriod(text)).toThrow(/^agg_period: must be a number from 1 .*; found ".*"$/);
    },
  );

  it.each([
    ["2026-11-21T08:37:59.999999Z", "15m", "2026-11-21T08:30:00"],
    ["2026-11-21T08:45:00Z", "15m", "2026-11-21T08:45:00"],
    ["2026-11-21T08:37:59Z", "1d", "2026-11-21T00:00:00"],
    ["1969-12-31T23:59:59.999999Z", "1h", "1969-12-31T23:00:00"],
    // 2026-11-21 is a Saturday; VOLTTRON's weeks begin on Sunday.
    ["2026-11-21T23:59:59Z", "1w", "2026-11-15T00:00:00"],
    ["2026-11-22T00:00:00Z", "1w", "2026-11-22T00:00:00"],
    ["1960-01-01T00:00:00Z", "1w", "1959-12-27T00:00:00"],
    ["2026-01-31T23:59:59.999999Z", "1M", "2026-01-01T00:00:00"],
    ["2024-02-29T12:00:00Z", "1M", "2024-02-01T00:00:00"],
    ["2026-12-31T23:59:59.999999Z", "3M", "2026-10-01T00:00:00"],
    ["2026-11-21T00:00:00Z", "12M", "2026-01-01T00:00:00"],
    ["1969-12-31T23:59:59.999999Z", "1M", "1969-12-01T00:00:00"],
    ["1700-03-31T00:00:00Z", "1M", "1700-03-01T00:00:00"],
  ])("the period of %s, %s long, starts at %s", (time, period, expected) => {
    expect(startOf(time, period)).toBe(expected);
  });

  const periods = fc.record({
    count: fc.integer({ min: 1, max: 400 }),
    unit: fc.constantFrom<Period["unit"]>("m", "h", "d", "w", "M"),
  });
  const times = fc.integer({ min: at("1900-01-01"), max: at("2254-01-01") });

  it("property: periods cover time without gap or overlap", () => {
    fc.assert(
      fc.property(times, periods, (time, period) => {
        coversTime(new Calendar(period, UTC), time);
      }),
    );
  });

  it("property: so they do where clocks change, and begin where the clocks of the zone do", () => {
    const change = fc.constantFrom(
      ...ZONES.flatMap(([zone, ...changes]) => changes.map((time) => [zone, at(time)] as const)),
    );
    const near = fc.tuple(change, fc.integer({ min: -4 * DAY, max: 4 * DAY }));
    const zones = new Map(ZONES.map(([name]) => [name, new Zone(name)]));
    const lengths = fc.constantFrom(
      "1m",
      "10m",
      "15m",
      "20m",
      "30m",
      "1h",
      "2h",
      "4h",
      "7h",
      "1d",
      "2d",
      "1w",
      "1M",
    );
    fc.assert(
      fc.property(near, lengths, ([[name, time], shift], length) => {
        const zone = zones.get(name)!;
        const calendar = new Calendar(parsePeriod(length), zone);
        const span = coversTime(calendar, time + shift);
        // A period begins on a whole one of the clocks, unless they were set forward past it just then.
        const { count, unit } = calendar.period;
        const local = new Date(span.start / 1000 + zone.offset(span.start / 1000));
        const skipped = zone.offset(span.start / 1000) > zone.offset(span.start / 1000 - 1);
        if (!skipped && unit === "m") expect(local.getUTCMinutes() % count).toBe(0);
        if (!skipped && unit === "h" && 24 % count === 0) expect(local.getUTCHours() % count).toBe(0);
        if (!skipped && unit !== "m") expect(local.getUTCMinutes()).toBe(0);
        if (!skipped && unit !== "m" && unit !== "h") expect(local.getUTCHours()).toBe(0);
        if (!skipped && unit === "w") expect(local.getUTCDay()).toBe(0);
        if (!skipped && unit === "M") expect(local.getUTCDate()).toBe(1);
      }),
      { numRuns: 400 },
    );
  });

  it.each<[string, string, string, string, ...string[]]>([
    [
      "a day of 23 hours",
      "America/Los_Angeles",
      "2026-03-08T08:00:00",
      "1d",
      "2026-03-08T08:00:00",
      "2026-03-09T07:00:00",
    ],
    [
      "a day of 25 hours",
      "America/Los_Angeles",
      "2026-11-01T12:00:00",
      "1d",
      "2026-11-01T07:00:00",
      "2026-11-02T08:00:00",
    ],
    [
      "weeks from Sunday",
      "Europe/Berlin",
      "2026-03-28T22:59:59",
      "1w",
      "2026-03-21T23:00:00",
      "2026-03-28T23:00:00",
    ],
    ["months", "Europe/Berlin", "2026-03-31T21:59:59", "1M", "2026-02-28T23:00:00", "2026-03-31T22:00:00"],
    [
      "half-hour offsets",
      "Asia/Kolkata",
      "2026-11-21T18:29:59",
      "1d",
      "2026-11-20T18:30:00",
      "2026-11-21T18:30:00",
    ],
    [
      "hours of half-hour offsets",
      "Asia/Kolkata",
      "2026-11-21T18:29:59",
      "1h",
      "2026-11-21T17:30:00",
      "2026-11-21T18:30:00",
    ],
    [
      "a day without midnight",
      "America/Sao_Paulo",
      "2018-11-04T03:00:00",
      "1d",
      "2018-11-04T03:00:00",
      "2018-11-05T02:00:00",
    ],
    [
      "a day that is missing",
      "Pacific/Apia",
      "2011-12-30T09:59:59",
      "1d",
      "2011-12-29T10:00:00",
      "2011-12-30T10:00:00",
      "2011-12-31T10:00:00",
    ],
    [
      "the hour that comes twice",
      "America/Los_Angeles",
      "2026-11-01T08:00:00",
      "1h",
      "2026-11-01T08:00:00",
      "2026-11-01T09:00:00",
      "2026-11-01T10:00:00",
    ],
    [
      "hours that hold it",
      "America/Los_Angeles",
      "2026-11-01T07:30:00",
      "2h",
      "2026-11-01T07:00:00",
      "2026-11-01T10:00:00",
      "2026-11-01T12:00:00",
    ],
    [
      "hours that begin with it",
      "Europe/Berlin",
      "2026-10-25T00:00:00",
      "2h",
      "2026-10-25T00:00:00",
      "2026-10-25T03:00:00",
    ],
    [
      "hours shorter by what is skipped",
      "Europe/Berlin",
      "2026-03-29T00:00:00",
      "4h",
      "2026-03-28T23:00:00",
      "2026-03-29T02:00:00",
    ],
    [
      "half an hour twice",
      "Australia/Lord_Howe",
      "2026-04-04T14:45:00",
      "30m",
      "2026-04-04T14:30:00",
      "2026-04-04T15:00:00",
      "2026-04-04T15:30:00",
    ],
    [
      "an hour and a half",
      "Australia/Lord_Howe",
      "2026-04-04T15:15:00",
      "1h",
      "2026-04-04T14:00:00",
      "2026-04-04T15:30:00",
    ],
    [
      "half an hour skipped",
      "Australia/Lord_Howe",
      "2026-10-03T15:40:00",
      "1h",
      "2026-10-03T15:30:00",
      "2026-10-03T16:00:00",
    ],
    [
      "back across midnight",
      "America/St_Johns",
      "2010-11-07T03:00:00",
      "1d",
      "2010-11-07T02:30:00",
      "2010-11-08T03:30:00",
    ],
  ])("%s in %s: %s, %s", (_, zone, time, length, ...borders) => {
    const calendar = new Calendar(parsePeriod(length), new Zone(zone));
    const spans = [calendar.at(at(time))];
    while (spans.length < borders.length - 1) spans.push(calendar.beside(spans.at(-1)!, "FIRST_TO_LAST"));
    expect([short(spans[0]!.start), ...spans.map(({ end }) => short(end))]).toEqual(borders);
  });

  it("property: sums of periods add up to the sum of all, in either direction", async () => {
    const series = fc.array(fc.tuple(times, fc.integer({ min: -1000, max: 1000 })), { maxLength: 50 });
    await fc.assert(
      fc.asyncProperty(series, periods, async (rows, period) => {
        const ordered = rows.toSorted((a, b) => a[0] - b[0]);
        const forwards = await fold(ordered, period);
        expect(forwards.reduce((sum, [, value]) => sum + (value as number), 0)).toBe(
          rows.reduce((sum, [, value]) => sum + value, 0),
        );
        expect(await fold(ordered.toReversed(), period)).toEqual(forwards.toReversed());
      }),
    );
  });
});

/** Zones, and times near changes of their clocks. */
const ZONES = [
  ["America/Los_Angeles", "2026-03-08T10:00Z", "2026-11-01T09:00Z", "1883-11-18T20:00Z"],
  ["Europe/Berlin", "2026-03-29T01:00Z", "2026-10-25T01:00Z", "1947-05-11T01:00Z"],
  ["America/Sao_Paulo", "2018-11-04T03:00Z", "2018-02-18T02:00Z"],
  ["Pacific/Apia", "2011-12-30T10:00Z", "2012-03-31T14:00Z"],
  ["Australia/Lord_Howe", "2026-04-04T15:00Z", "2026-10-03T15:30Z"],
  ["America/St_Johns", "2010-11-07T02:31Z", "2010-03-14T03:31Z"],
  ["America/Havana", "2026-11-01T05:00Z", "2026-03-08T05:00Z"],
  ["America/Juneau", "1867-10-18T23:00Z"],
  ["Asia/Kolkata", "2026-06-01T00:00Z"],
  ["Africa/Monrovia", "1972-01-07T00:44:30Z"],
] as const;

/** Expects that a time lies in a period, which is the same from any time in it, and that the neighbours begin and end with it. */
function coversTime(calendar: Calendar, time: number): { start: number; end: number } {
  const span = calendar.at(time);
  expect(span.start).toBeLessThanOrEqual(time);
  expect(span.end).toBeGreaterThan(time);
  const before = calendar.at(span.start - 1);
  expect(before.end).toBe(span.start);
  const after = calendar.at(span.end);
  expect(after.start).toBe(span.end);
  for (const inside of [span.start, span.end - 1, span.start + Math.floor((span.end - span.start) / 2)]) {
    if (!Number.isSafeInteger(inside)) continue;
    calendar.at(at("2000-06-15"));
    expect(calendar.at(inside)).toEqual(span);
  }
  return span;
}

async function fold(rows: readonly Row[], period: Period): Promise<Row[]> {
  async function* parts(): AsyncGenerator<HistoryPart> {
    for (let i = 0; i < rows.length; i += 7) yield { rows: rows.slice(i, i + 7) };
  }
  const calendar = new Calendar(period, UTC);
  const all: Row[] = [];
  for await (const page of sumUp(parts(), calendar))
    all.push(...rowsOf(page, { type: "SUM", calendar, minCount: 1 }));
  return all;
}
