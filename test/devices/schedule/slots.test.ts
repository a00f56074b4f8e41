import { afterEach, describe, expect, it } from "vitest";
import { readTime } from "../../../src/devices/schedule/slots.ts";

const zone = process.env.TZ;
afterEach(() => {
  if (zone === undefined) delete process.env.TZ;
  else process.env.TZ = zone;
});

const read = (text: unknown) => new Date(readTime(text)).toISOString();

describe("times of slots", () => {
  it.each([
    ["2026-11-21T08:00:00Z", "2026-11-21T08:00:00.000Z"],
    ["2026-11-21T08:00:00.123456+00:00", "2026-11-21T08:00:00.123Z"],
    ["2026-11-21 08:00:00+05:30", "2026-11-21T02:30:00.000Z"],
    ["2026-11-21 08:00 -0330", "2026-11-21T11:30:00.000Z"],
    ["2026-11-21T08:00-08", "2026-11-21T16:00:00.000Z"],
    ["2024-02-29T00:00:00z", "2024-02-29T00:00:00.000Z"],
  ])("%s", (text, expected) => {
    expect(read(text)).toBe(expected);
  });

  it.each<[unknown]>([
    [""],
    ["soon"],
    ["2026-02-30T08:00:00"],
    ["2026-11-21T24:00:00Z"],
    ["2026-11-21T08:60:00Z"],
    ["2026-11-21T"],
    ["21.11.2026 08:00"],
    [1_795_248_000],
    [null],
    [["2026-11-21T08:00:00Z"]],
  ])("%j is refused", (raw) => {
    expect(() => readTime(raw)).toThrow(/no (date and time|text of a date)/);
  });

  it.each([
    // Without a zone: the bridge's own, as in VOLTTRON.
    ["UTC", "2026-07-01T12:00:00", "2026-07-01T12:00:00.000Z"],
    ["Europe/Berlin", "2026-07-01T12:00:00", "2026-07-01T10:00:00.000Z"],
    ["Europe/Berlin", "2026-12-01", "2026-11-30T23:00:00.000Z"],
    ["America/St_Johns", "2026-07-01 12:00", "2026-07-01T14:30:00.000Z"],
    // Left out when clocks go forward: as much later.
    ["Europe/Berlin", "2026-03-29T02:30:00", "2026-03-29T01:30:00.000Z"],
    ["America/St_Johns", "2026-03-08T02:30:00", "2026-03-08T06:00:00.000Z"],
    // Twice when they go back: the first.
    ["Europe/Berlin", "2026-10-25T02:30:00", "2026-10-25T00:30:00.000Z"],
    ["America/St_Johns", "2026-11-01T01:30:00", "2026-11-01T04:00:00.000Z"],
    // One with a zone means the same everywhere.
    ["Europe/Berlin", "2026-10-25T02:30:00+01:00", "2026-10-25T01:30:00.000Z"],
  ])("D5: in %s, %s is %s", (tz, text, expected) => {
    process.env.TZ = tz;
    expect(read(text)).toBe(expected);
  });
});
