import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { QueryError } from "../../src/historian/errors.ts";
import { formatTime, parseTime } from "../../src/historian/time.ts";

const NOW = new Date("2026-11-21T12:00:00.250Z");
const parse = (text: string | Date): string => formatTime(parseTime(text, NOW, "start"));

describe("times", () => {
  it.each([
    ["2026-11-21", "2026-11-21T00:00:00.000000+00:00"],
    ["2026-11-21T08:30", "2026-11-21T08:30:00.000000+00:00"],
    ["2026-11-21 08:30:15", "2026-11-21T08:30:15.000000+00:00"],
    ["2026-11-21T08:30:15.1", "2026-11-21T08:30:15.100000+00:00"],
    ["2026-11-21T08:30:15.123456Z", "2026-11-21T08:30:15.123456+00:00"],
    ["2026-11-21T08:30:15.123456789Z", "2026-11-21T08:30:15.123456+00:00"],
    ["2026-11-21T08:30:15+05:30", "2026-11-21T03:00:15.000000+00:00"],
    ["2026-11-21T08:30:15-0330", "2026-11-21T12:00:15.000000+00:00"],
    ["2026-11-21T08:30:15-03", "2026-11-21T11:30:15.000000+00:00"],
    ["1700-12-31T23:59:59.999999Z", "1700-12-31T23:59:59.999999+00:00"],
    ["0050-01-01", "1684-07-28T00:12:25.259009+00:00"],
    ["9999-12-31", "2255-06-05T23:47:34.740991+00:00"],
    ["now +99999999999999999999d", "2255-06-05T23:47:34.740991+00:00"],
    ["2024-02-29", "2024-02-29T00:00:00.000000+00:00"],
    ["now", "2026-11-21T12:00:00.250000+00:00"],
    ["now -1d -1h -20m", "2026-11-20T10:40:00.250000+00:00"],
    ["now-1d-1h-20m", "2026-11-20T10:40:00.250000+00:00"],
    ["-1h", "2026-11-21T11:00:00.250000+00:00"],
    ["-1.5h", "2026-11-21T10:30:00.250000+00:00"],
    ["now -1.5h", "2026-11-21T10:30:00.250000+00:00"],
    ["+0.1s", "2026-11-21T12:00:00.350000+00:00"],
    ["NOW - 2 weeks + 30 s", "2026-11-07T12:00:30.250000+00:00"],
  ])("%s is %s", (text, expected) => {
    expect(parse(text)).toBe(expected);
  });

  it.each([
    "",
    "yesterday",
    "12:00",
    "2026-02-30",
    "2025-02-29",
    "2026-13-01",
    "2026-11-21T24:00:00Z",
    "2026-11-21T08:61",
    "2026-11-21Z",
    "now -1 fortnight",
    "now 1d",
    "1h",
    "-h",
    "now -.5h",
    "now -1.h",
    "1795248000",
  ])("%j is refused with what was expected", (text) => {
    expect(() => parse(text)).toThrow(QueryError);
    expect(() => parse(text)).toThrow(/^start: must be a time, found ".*"; expected 2026-11-21T08:00:00Z/);
  });

  it("an invalid Date is refused", () => {
    expect(() => parse(new Date("x"))).toThrow(QueryError);
  });

  it("property: every microsecond from 1700 to 2254 comes back from its text", () => {
    const [first, last] = [parseTime("1700-01-01", NOW, "t"), parseTime("2254-12-31", NOW, "t")];
    fc.assert(
      fc.property(fc.integer({ min: first, max: last }), (time) => {
        expect(parseTime(formatTime(time), NOW, "t")).toBe(time);
      }),
    );
  });

  it("property: texts sort as their times do", () => {
    const times = fc.integer({ min: 0, max: 8e15 });
    fc.assert(
      fc.property(times, times, (a, b) => {
        expect(formatTime(a) < formatTime(b)).toBe(a < b);
      }),
    );
  });
});
