import { expect, test } from "vitest";
import { matches } from "../../src/points/index.ts";

test("filters match as in MQTT", () => {
  for (const [filter, topic] of [
    ...[
      ["a/b", "a/b"],
      ["a/+", "a/b"],
      ["a/#", "a/b/c"],
      ["a/#", "a"],
      ["+/+", "/b"],
      ["#", "a/b"],
    ],
  ] as const)
    expect(matches(filter!, topic!), `${filter} ${topic}`).toBe(true);
  for (const [filter, topic] of [
    ["a/b", "a/c"],
    ["a/+", "a"],
    ["a/+", "a/b/c"],
    ["a", "a/b"],
  ] as const)
    expect(matches(filter, topic), `${filter} ${topic}`).toBe(false);
});
