import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  alignedAt,
  nextAligned,
  nextScrape,
  scrapeOffset,
} from "../../../src/devices/scraping/scrape-times.ts";

const DAY = 86_400_000;
const at = (text: string) => Date.parse(text);
const times = fc.integer({ min: at("1969-01-01T00:00:00Z"), max: at("2100-01-01T00:00:00Z") });
const intervals = fc.oneof(
  fc.constantFrom(1000, 5000, 60_000, 3_600_000, DAY),
  fc.integer({ min: 1, max: 86_400 }).map((seconds) => seconds * 1000),
);

describe("scrape times", () => {
  it("D1: are aligned to multiples of the interval since midnight UTC, plus the offset", () => {
    const next = nextScrape(at("2026-11-21T08:00:12.345Z"), 60_000, 40);
    expect(new Date(next).toISOString()).toBe("2026-11-21T08:01:00.000Z");
    // The scrape of 08:00:00 is still to come for a device whose offset is 20 s.
    expect(new Date(nextScrape(at("2026-11-21T08:00:12Z"), 60_000, 20_000)).toISOString()).toBe(
      "2026-11-21T08:00:00.000Z",
    );
  });

  it("D1: an interval that does not divide a day begins afresh at midnight UTC", () => {
    const interval = 7 * 3_600_000;
    expect(nextAligned(at("2026-11-21T14:00:00Z"), interval)).toBe(at("2026-11-21T21:00:00Z"));
    expect(nextAligned(at("2026-11-21T21:00:00Z"), interval)).toBe(at("2026-11-22T00:00:00Z"));
    expect(alignedAt(at("2026-11-22T06:59:59Z"), interval)).toBe(at("2026-11-22T00:00:00Z"));
  });

  it("D1: the offset is slot × spacing + group × group offset, folded into the interval", () => {
    const place = { intervalSeconds: 60, slot: 7, group: 2, spacingSeconds: 0.02, groupOffsetSeconds: 1.5 };
    expect(scrapeOffset(place)).toBe(3140);
    expect(scrapeOffset({ ...place, slot: 3010, group: 0 })).toBe(200);
    expect(scrapeOffset({ ...place, slot: 0, group: 0 })).toBe(0);
  });

  it("D1: the next scrape is after now, at most an interval away, and none is left out", () => {
    fc.assert(
      fc.property(times, intervals, fc.nat(), (now, interval, seed) => {
        const offset = seed % interval;
        const aligned = nextScrape(now, interval, offset);
        expect(aligned + offset).toBeGreaterThan(now);
        expect(aligned + offset - now).toBeLessThanOrEqual(interval);
        expect(alignedAt(aligned, interval)).toBe(aligned);
        // The one before is not after now.
        expect(alignedAt(aligned - 1, interval) + offset).toBeLessThanOrEqual(now);
      }),
    );
  });

  it("D1: from one to the next, times rise by the interval, or less at midnight only", () => {
    fc.assert(
      fc.property(times, intervals, (now, interval) => {
        const aligned = alignedAt(now, interval);
        expect(aligned).toBeLessThanOrEqual(now);
        const next = nextAligned(aligned, interval);
        expect(next).toBeGreaterThan(aligned);
        if (next - aligned !== interval) expect(Number.isInteger(next / DAY)).toBe(true);
        expect(nextScrape(aligned, interval, 0)).toBe(next);
      }),
    );
  });
});
