import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { closest } from "../../../src/config/index.ts";

describe("did you mean", () => {
  test.each([
    ["driver_typ", "driver_type"],
    ["stationId", "stationID"],
    ["heartbeat_point", "heart_beat_point"],
    ["intervall", "interval"],
    ["itnerval", "interval"],
    ["Timezone", "timezone"],
    ["reg", undefined],
    ["regist", "registry_config"],
    ["colour", undefined],
    ["", undefined],
  ])("%j → %j", (word, meant) => {
    const known = ["driver_type", "stationID", "heart_beat_point", "interval", "timezone", "registry_config"];
    expect(closest(word, known)).toBe(meant);
  });

  test("the nearest wins, the first of equals", () => {
    expect(closest("floats", ["flat", "float", "gloats"])).toBe("float");
    expect(closest("aac", ["aab", "aad"])).toBe("aab");
  });

  test("one mistake in a word of five letters or more is always found", () => {
    const letters = fc.stringMatching(/^[a-z]{5,20}$/);
    fc.assert(
      fc.property(letters, fc.nat(), fc.constantFrom("", "x", "xy"), (word, at, put) => {
        const i = at % word.length;
        const misspelt = word.slice(0, i) + put + word.slice(i + 1);
        fc.pre(misspelt !== word);
        expect(closest(misspelt, ["0123456789", word])).toBe(word);
      }),
    );
  });

  test("a very long word costs no time", () => {
    const start = performance.now();
    closest(
      "x".repeat(1e6),
      Array.from({ length: 1000 }, (_, i) => "y".repeat(90 + (i % 20))),
    );
    expect(performance.now() - start).toBeLessThan(2_000);
  });
});
