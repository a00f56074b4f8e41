import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { devicePathFault, levelFault, pointNameFault } from "../../src/points/index.ts";

describe("A24: names that a topic can carry", () => {
  test.each(["load", "Status.TimeStamp", "station 1", "⚡", "x".repeat(255), "50 % ß"])("%j", (name) => {
    expect(pointNameFault(name)).toBeUndefined();
  });

  test.each([
    ["", "is empty"],
    [" a", "begins or ends with a space"],
    ["a ", "begins or ends with a space"],
    ["a+b", 'holds "+"'],
    ["a#", 'holds "#"'],
    ["a/b", 'holds "/"'],
    ["$SYS", 'begins with "$"'],
    ["a\u0000", "holds a control character"],
    ["a\u009bb", "holds a control character"],
    ["\ud83d", "holds half a character"],
    ["x".repeat(256), "is 256 bytes long"],
    ["ü".repeat(128), "is 256 bytes long"],
    ["x".repeat(70_000), "is 70000 bytes long"],
  ])("not %j", (name, why) => {
    expect(levelFault(name)).toContain(why);
    expect(pointNameFault(name)).toContain(why);
    if (name !== "a/b") expect(devicePathFault(name)).toBeDefined();
  });

  test.each(["all", "availability", "quality", "observedAt"])(
    "not %j for a point: the bridge's own topics use it",
    (name) => {
      expect(pointNameFault(name)).toBeDefined();
      expect(levelFault(name)).toBeUndefined();
    },
  );

  test("a device's path is levels, and may not begin as topics of another meaning do", () => {
    expect(devicePathFault("pnnl/garage/station-1")).toBeUndefined();
    expect(devicePathFault("garage/all")).toBeUndefined();
    for (const path of [
      "/a",
      "a/",
      "a//b",
      "all/a",
      "actuators/get/a",
      "$SYS/a",
      "a/#",
      Array(100).fill("0123456789").join("/") + "/".repeat(30),
    ])
      expect(devicePathFault(path), path).toBeDefined();
    expect(devicePathFault(Array(110).fill("0123456789").join("/"))).toContain("at most 1024");
  });

  test("no accepted name can break a topic", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (name) => {
        if (levelFault(name) !== undefined) return;
        expect(name).not.toMatch(/[+#/\0]/);
        expect(Buffer.from(name).toString()).toBe(name);
      }),
    );
  });
});
