import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Row } from "../../../src/historian/contract.ts";
import { aggregate } from "../../../src/historian/query/aggregate.ts";
import { type Period, parsePeriod, periodStart } from "../../../src/historian/query/period.ts";
import { formatTime, parseTime } from "../../../src/historian/time.ts";

const at = (text: string): number => parseTime(text, new Date(0), "time");
const startOf = (time: string, period: string): string =>
  formatTime(periodStart(at(time), parsePeriod(period))).slice(0, 19);

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
        const start = periodStart(time, period);
        expect(start).toBeLessThanOrEqual(time);
        expect(periodStart(start, period)).toBe(start);
        expect(periodStart(start - 1, period)).toBeLessThan(start);
      }),
    );
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

async function fold(rows: readonly Row[], period: Period): Promise<Row[]> {
  async function* pages(): AsyncGenerator<readonly Row[]> {
    for (let i = 0; i < rows.length; i += 7) yield rows.slice(i, i + 7);
  }
  const all: Row[] = [];
  for await (const page of aggregate(pages(), "SUM", period)) all.push(...page);
  return all;
}
