import fc from "fast-check";
import { expect, test } from "vitest";
import type { Rollup } from "../../../../../src/historian/contract.ts";
import { RollupFold } from "../../../../../src/historian/rollup.ts";
import { decodeHours, encodeHours } from "../../../../../src/historian/stores/sqlite/days/hours.ts";
import { DAY, HOUR } from "../../../../../src/historian/time.ts";
import type { PointValue } from "../../../../../src/points/index.ts";
import { MIDNIGHT, THE_DAY } from "./rows.ts";

function rollupsOf(rows: readonly (readonly [offset: number, value: PointValue])[]): Rollup[] {
  const folds = Array.from({ length: 24 }, (_, hour) => new RollupFold(MIDNIGHT + hour * HOUR));
  for (const [offset, value] of rows) folds[Math.floor(offset / HOUR)]!.add([MIDNIGHT + offset, value]);
  return folds.flatMap((fold) => fold.rollup() ?? []);
}

const perMinute = (
  valueAt: (minute: number) => PointValue,
  offsetAt = (minute: number) => minute * 60_000_000,
) => rollupsOf(Array.from({ length: 1440 }, (_, minute) => [offsetAt(minute), valueAt(minute)] as const));

test("rollups of any values come back to the bit", () => {
  const value = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.integer({ min: -2000, max: 9000 }).map((number) => number / 1000),
    fc.jsonValue().map((json) => JSON.parse(JSON.stringify(json)) as PointValue),
    fc.string({ unit: "binary" }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(DAY - 1), value), { maxLength: 80 }), (rows) => {
      const hours = rollupsOf(
        rows.map(([offset, one]) => [offset, typeof one === "number" ? one + 0 : one] as const),
      );
      expect(decodeHours(THE_DAY, encodeHours(THE_DAY, hours))).toStrictEqual(hours);
    }),
    { numRuns: 300 },
  );
});

test.each<[string, Rollup[], number]>([
  ["no value", [], 4],
  ["a constant", perMinute(() => 7.2), 40],
  ["a constant text", perMinute(() => "AVAILABLE"), 40],
  ["a switch", perMinute((minute) => minute % 480 < 170), 160],
  [
    "a noisy load, jittering",
    perMinute(
      (minute) => Math.round(6200 + ((minute * 7919) % 800)) / 1000,
      (minute) => minute * 60_000_000 + ((minute * 104_729) % 400) * 1000,
    ),
    400,
  ],
  ["sums that lose digits", perMinute((minute) => (minute % 2 ? 0.1 : -0.3) * 1e17), 1700],
  ["numbers and text", perMinute((minute) => (minute % 100 === 0 ? "NaN" : minute)), 400],
])("%s is small and comes back", (_, hours, maximum) => {
  const bytes = encodeHours(THE_DAY, hours);
  expect(decodeHours(THE_DAY, bytes)).toStrictEqual(hours);
  expect(bytes.length).toBeLessThanOrEqual(maximum);
});

test("bytes of another version, or cut off, are refused", () => {
  const bytes = encodeHours(
    THE_DAY,
    perMinute((minute) => minute / 8),
  );
  expect(() => decodeHours(THE_DAY, Uint8Array.of(9))).toThrow(/version 9, expected 1/);
  expect(() => decodeHours(THE_DAY, bytes.subarray(0, -1))).toThrow(/end early/);
});
