import { afterEach, beforeEach, expect, test } from "vitest";
import { mayHaveBeenTaken } from "../../../src/drivers/errors.ts";
import { openRig, type Rig } from "./rig.ts";

const signal = AbortSignal.timeout(60_000);
let rig: Rig;

beforeEach(async () => {
  rig = await openRig();
  rig.simulator.world.plugIn(rig.stationID, "1", { kw: 6.6 });
});
afterEach(() => rig.close());

test("C1: a service that is away fails the whole scrape, though sessions of a minute ago are still known", async () => {
  await rig.device.scrapeAll(signal);
  await rig.simulator.close();
  await expect(rig.device.scrapeAll(signal)).rejects.toThrow(/the connection to http:.* failed/);
});

test.each(["N/A", "1,5", "12 kW"])(
  "a number that is none (%s) is null, and said once for each point",
  async (text) => {
    rig.simulator.trouble.begin({
      operation: "getLoad",
      effect: { kind: "element", name: "portLoad", becomes: "text", text },
    });
    for (let round = 0; round < 3; round++) {
      const { values, failures } = await rig.device.scrapeAll(signal);
      expect([values.get("portLoad_1"), values.get("portLoad_2"), failures.size]).toEqual([null, null, 0]);
    }
    const said = rig.logLines.filter((line) => line.includes("the service sent"));
    expect(said).toEqual([
      expect.stringMatching(
        /point "portLoad_1" of device site\/s1 is null: .* its Type expects a number \(test.csv:\d+\)/,
      ),
      expect.stringMatching(/point "portLoad_2" of device site\/s1 is null/),
    ]);
    for (const line of said) expect(line).toContain(text);
  },
);

test("179 names the port of this bridge's own that is in the way, or says that it is somebody else's shed", async () => {
  await rig.device.setPoint("percentShed_1", 40, { signal });
  await expect(rig.device.setPoint("allowedLoad", 5, { signal })).rejects.toMatchObject({
    code: "179",
    message: expect.stringContaining("port 1 is limited in the other mode by this bridge: revert that first"),
  });
  const stranger = rig.another({ stationID: rig.simulator.stationIDs[1]! });
  const station = rig.simulator.world.findStation(rig.simulator.stationIDs[1]!)!;
  rig.simulator.world.shedStation(station, { mode: "percent", value: 40, minutes: 0 } as never);
  await expect(stranger.setPoint("allowedLoad", 5, { signal })).rejects.toMatchObject({
    code: "179",
    message: expect.stringContaining("not by this bridge"),
  });
});

test("E13: a write that was sent and never answered may have been taken", async () => {
  rig.simulator.trouble.begin({ operation: "shedLoad", effect: { kind: "status", status: 504 } });
  const error = await rig.device.setPoint("allowedLoad_1", 3, { signal }).catch((reason: unknown) => reason);
  expect(mayHaveBeenTaken(error)).toBe(true);
  await rig.simulator.close();
  const unsent = await rig.device.setPoint("allowedLoad_1", 3, { signal }).catch((reason: unknown) => reason);
  expect(mayHaveBeenTaken(unsent)).toBe(false);
});
