import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ContentEffect } from "../../../../src/simulator/trouble/effect.ts";
import { type Fleet, openFleet } from "./fleet.ts";

const STATIONS = 500;
const SPOILT = 321;
/** Every fifth station has an alarm, the spoilt one among them. */
const alarmOf = (n: number) => (n % 5 === SPOILT % 5 ? "GFCI Trip" : null);

let fleet: Fleet;

/** Stations that fill a page and a group. */
beforeAll(async () => {
  fleet = await openFleet(STATIONS, {
    simulator: { stationsPerSite: STATIONS, model: "CT4021-GW1" },
    config: { calls_per_minute: 10_000 },
  });
  const { world, stationIDs } = fleet.simulator;
  for (const [n, id] of stationIDs.entries()) {
    if (alarmOf(n) !== null) world.raiseAlarm(id, "GFCI Trip", "1");
    world.plugIn(id, "1", { kw: 3.3, needKwh: 500 });
  }
  await fleet.round();
});
afterAll(() => fleet.close());

describe.each<[how: string, effect: ContentEffect]>([
  ["malformed", { kind: "element", name: "portNumber", becomes: "text", text: "<&>" }],
  ["without its station", { kind: "element", name: "stationID", becomes: "absent" }],
  ["one with an empty identifier", { kind: "element", name: "stationID", becomes: "empty" }],
  ["that of a station that nobody asked for", { kind: "otherStation", shown: "1:999999" }],
])("C9: one record in a page of 500 is %s", (_how, effect) => {
  test.each(["getStationStatus", "getLoad", "getAlarms"])(
    "%s: only its station is spoilt",
    async (operation) => {
      const stationID = fleet.simulator.stationIDs[SPOILT]!;
      const trouble = fleet.simulator.trouble.add({ operation, stationID, effect });
      fleet.called();
      const readings = await fleet.round();
      const calls = Object.values(fleet.called()).reduce((sum, n) => sum + n);
      expect(fleet.simulator.trouble.begun[0]!.hits).toBeGreaterThan(0);
      fleet.simulator.trouble.end(trouble.id);
      expect(calls).toBeLessThan(12);
      const others = readings.flatMap(({ values, failures }, n) => {
        if (n === SPOILT) return [];
        const { network, load, alarm } = Object.fromEntries(values);
        const sound = network === "REACHABLE" && load === 3.3 && alarm === alarmOf(n) && failures.size === 0;
        return sound ? [] : [{ n, network, load, alarm, failures: [...failures.keys()] }];
      });
      expect(others).toEqual([]);

      const after = (await fleet.round())[SPOILT]!;
      expect(Object.fromEntries(after.values)).toMatchObject({
        network: "REACHABLE",
        load: 3.3,
        alarm: alarmOf(SPOILT),
      });
      expect([...after.failures.keys()]).toEqual([]);
    },
  );
});

test("a group that fails: its stations are read one by one, no more at a time than the account may", async () => {
  const delay = { kind: "delay", seconds: 0.02 } as const;
  fleet.simulator.trouble.begin({ operation: "getLoad", effect: delay });
  fleet.simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "125" }, times: 1 });
  fleet.called();
  const began = performance.now();
  const readings = await fleet.round();
  const seconds = (performance.now() - began) / 1000;
  fleet.simulator.trouble.end();
  expect(readings.filter(({ values }) => values.get("load") === 3.3)).toHaveLength(STATIONS);
  expect(fleet.called().getLoad).toBe(1 + STATIONS);
  // Eight places, one of them kept for writes: with more at a time it would have been done sooner.
  expect(seconds).toBeGreaterThan((STATIONS / 7) * 0.02);
});

test("rights that change while it runs are followed: what is refused fails alone, what is granted is read", async () => {
  const some = [0, 1, 2].map((n) => fleet.devices[n]!);
  const round = () => Promise.all(some.map((device) => device.scrapeAll(AbortSignal.timeout(20_000))));
  const refused = { operation: "getStationStatus", effect: { kind: "code", code: "131" } } as const;
  const trouble = fleet.simulator.trouble.add(refused);
  for (const { values, failures } of await round()) {
    expect([...failures.keys()]).toEqual(["network"]);
    expect(values.get("load")).toBe(3.3);
  }
  fleet.simulator.trouble.end(trouble.id);
  for (const { values } of await round()) expect(values.get("network")).toBe("REACHABLE");

  const { world, stationIDs } = fleet.simulator;
  world.remove(stationIDs[1]!);
  const [before, gone, after] = await Promise.allSettled(
    some.map((device) => device.scrapeAll(AbortSignal.timeout(20_000))),
  );
  for (const kept of [before, after])
    expect(kept).toMatchObject({ status: "fulfilled", value: { failures: new Map() } });
  const failures = gone?.status === "fulfilled" ? [...gone.value.failures.keys()] : ["all"];
  expect(failures).toEqual(
    expect.arrayContaining(failures[0] === "all" ? ["all"] : ["network", "load", "limit"]),
  );
  world.add(stationIDs[1]!);
  for (const { failures } of await round()) expect([...failures]).toEqual([]);
});
