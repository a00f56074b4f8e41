import { describe, expect, test } from "vitest";
import { floodedBridge } from "../helpers/flooded-bridge.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { rounds } from "./scale.ts";

describe.skipIf(!mosquittoInstalled)("a flood of commands that are refused, for a minute", () => {
  test.for([2000, 7500])("G11: %i a second", async (perSecond, { annotate }) => {
    const report = await floodedBridge(perSecond, rounds(60));
    const { sent, getsMs, gapsSeconds, answers, audit, memory } = report;
    await annotate(
      `${sent} refused at ${perSecond}/s: ${answers} answered, gets ${Math.round(Math.max(...getsMs))} ms at most, ` +
        `${Math.max(...gapsSeconds)} s between scrapes at most, memory ${JSON.stringify(memory)} MB`,
      "figure",
    );
    expect(Math.max(...gapsSeconds)).toBeLessThan(2.5);
    expect(audit.length).toBeLessThanOrEqual(11 * (1 + Math.ceil(rounds(60) / 60)));
    expect(memory.after - memory.before).toBeLessThan(150);
  });
});
