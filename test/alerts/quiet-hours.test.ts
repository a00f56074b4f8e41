import { describe, expect, test } from "vitest";
import { quietHours } from "../../src/alerts/quiet-hours.ts";
import { WEEKDAYS } from "../../src/config/index.ts";

const settings = (more: object = {}) => ({
  from: "22:00",
  to: "06:00",
  timeZone: "Europe/Berlin",
  days: [...WEEKDAYS],
  except: ["critical" as const],
  ...more,
});
const at = (text: string) => Date.parse(text);

describe("quiet hours", () => {
  test("pass midnight, by the clocks of their zone", () => {
    const isQuiet = quietHours(settings());
    expect(isQuiet(at("2026-12-01T20:59:59Z"))).toBe(false);
    expect(isQuiet(at("2026-12-01T21:00:00Z"))).toBe(true);
    expect(isQuiet(at("2026-12-01T23:30:00Z"))).toBe(true);
    expect(isQuiet(at("2026-12-02T04:59:59Z"))).toBe(true);
    expect(isQuiet(at("2026-12-02T05:00:00Z"))).toBe(false);
    expect(isQuiet(at("2026-07-01T20:00:00Z"))).toBe(true);
    expect(quietHours(undefined)(at("2026-12-01T23:30:00Z"))).toBe(false);
  });

  test("begin on their days only", () => {
    // 2026-12-04 is a Friday.
    const isQuiet = quietHours(settings({ days: ["friday"], timeZone: "UTC" }));
    expect(isQuiet(at("2026-12-03T23:00:00Z"))).toBe(false);
    expect(isQuiet(at("2026-12-04T03:00:00Z"))).toBe(false);
    expect(isQuiet(at("2026-12-04T23:00:00Z"))).toBe(true);
    expect(isQuiet(at("2026-12-05T05:59:00Z"))).toBe(true);
    expect(isQuiet(at("2026-12-05T22:30:00Z"))).toBe(false);
  });

  test("have the hours of the clocks when these are changed", () => {
    // Set forward on 2026-03-29 at 2:00, which no clock shows: five hours and a half of quiet, and one of a time that is left out.
    const night = quietHours(settings({ from: "23:30", to: "06:00" }));
    const minutes = (from: string, hours: number, isQuiet: (at: number) => boolean) =>
      [...Array(hours * 60).keys()].filter((minute) => isQuiet(at(from) + minute * 60_000)).length;
    expect(minutes("2026-03-28T20:00:00Z", 12, night)).toBe(5.5 * 60);
    const gap = quietHours(settings({ from: "02:15", to: "02:45" }));
    expect(minutes("2026-03-28T20:00:00Z", 12, gap)).toBe(0);
    // Set back on 2026-10-25 at 3:00: the hour from 2 to 3 comes twice.
    expect(minutes("2026-10-24T20:00:00Z", 12, night)).toBe(7.5 * 60);
    expect(minutes("2026-10-24T20:00:00Z", 12, gap)).toBe(60);
  });
});
