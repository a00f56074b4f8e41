import { describe, expect, test } from "vitest";
import { floodedBridge } from "../helpers/flooded-bridge.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";

describe.skipIf(!mosquittoInstalled)("a flood of commands that are refused", () => {
  test("G11: 2,000 a second: scrapes on time, get answers, ten lines and rows and one with the number of the rest", async () => {
    const { sent, getsMs, gapsSeconds, answers, audit, logLines, memory } = await floodedBridge(2000, 3);
    expect(sent).toBe(6000);
    expect(getsMs.length).toBeGreaterThan(0);
    expect(Math.max(...gapsSeconds)).toBeLessThan(2.5);
    expect(audit).toHaveLength(11);
    expect(audit.filter(({ count }) => count !== undefined)).toHaveLength(1);
    expect(answers).toBeGreaterThan(100);
    expect(logLines).toBeLessThan(25);
    expect(memory.most - memory.before).toBeLessThan(150);
  });
});
