import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { convertValue, metadataType, type PointType } from "../../src/points/index.ts";

const TYPES: PointType[] = [
  "boolean",
  "integer",
  "float",
  "string",
  "datetime",
  "date",
  "time",
  "dictionary",
];

describe("converting a value to a point's type", () => {
  test.each(TYPES)("nothing stays nothing: %s", (type) => {
    for (const raw of [null, undefined, ""])
      expect(convertValue(raw, type)).toEqual({ ok: true, value: null });
  });

  test.each<[unknown, PointType, unknown]>([
    [0, "integer", 0],
    ["0", "integer", 0],
    [" 42 ", "integer", 42],
    ["5.0", "integer", 5],
    ["-1e3", "float", -1000],
    [".5", "float", 0.5],
    ["+7", "float", 7],
    [0, "boolean", false],
    [false, "boolean", false],
    ["ON", "boolean", true],
    ["no", "boolean", false],
    ["02134", "string", "02134"],
    [1.5, "string", "1.5"],
    [false, "string", "false"],
    ["2026-11-21T08:00:00Z", "datetime", "2026-11-21T08:00:00Z"],
    ["2026-11-21 08:00", "datetime", "2026-11-21T08:00:00Z"],
    ["2026-11-21T08:00:00.25+01:00", "datetime", "2026-11-21T07:00:00.250Z"],
    ["2026-11-21t08:00:00z", "datetime", "2026-11-21T08:00:00Z"],
    ["2026-11-21T08:00:00-0800", "datetime", "2026-11-21T16:00:00Z"],
    ["2024-02-29", "date", "2024-02-29"],
    ["23:59:59.9", "time", "23:59:59.9"],
    [{ a: 1 }, "dictionary", { a: 1 }],
  ])("%j as %s is %j", (raw, type, value) => {
    expect(convertValue(raw, type)).toEqual({ ok: true, value });
  });

  test.each<[unknown, PointType]>([
    ["abc", "integer"],
    ["1.5", "integer"],
    [true, "integer"],
    ["0x10", "integer"],
    ["9007199254740993", "integer"],
    ["1,5", "float"],
    ["1e309", "float"],
    [Number.NaN, "float"],
    [Number.POSITIVE_INFINITY, "float"],
    ["Infinity", "float"],
    [" ", "float"],
    [[1], "float"],
    [2, "boolean"],
    ["maybe", "boolean"],
    [{}, "string"],
    ["2026-02-30T00:00:00Z", "datetime"],
    ["2026-13-01", "datetime"],
    ["2026-11-21T25:00:00Z", "datetime"],
    ["yesterday", "datetime"],
    [1_700_000_000, "datetime"],
    ["2025-02-29", "date"],
    ["21.11.2026", "date"],
    ["24:00", "time"],
    ["8:00", "time"],
    ["{}", "dictionary"],
    [[], "dictionary"],
  ])("%j as %s is refused, and what was expected is told", (raw, type) => {
    const result = convertValue(raw, type);
    expect(result.ok).toBe(false);
    expect(!result.ok && result.expected).toMatch(/^(a|an|true|text)\b/);
  });

  test("what was converted once converts to itself", () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...TYPES),
        fc.oneof(fc.jsonValue(), fc.date({ noInvalidDate: true }).map(String)),
        (type, raw) => {
          const first = convertValue(raw, type);
          if (first.ok) expect(convertValue(first.value, type)).toEqual(first);
        },
      ),
    );
  });

  test("every time is the same moment in UTC", () => {
    const moments = fc.date({
      min: new Date("1970-01-01"),
      max: new Date("2200-01-01"),
      noInvalidDate: true,
    });
    fc.assert(
      fc.property(moments, (moment) => {
        const result = convertValue(moment.toISOString(), "datetime");
        expect(result.ok && new Date(result.value as string).getTime()).toBe(moment.getTime());
      }),
    );
  });
});

test("metadata knows six words", () => {
  expect(TYPES.map(metadataType)).toEqual([
    "boolean",
    "integer",
    "float",
    "string",
    "datetime",
    "string",
    "string",
    "dictionary",
  ]);
});
