import { afterEach, expect, test } from "vitest";
import { type Fleet, openFleet } from "./fleet.ts";

const signal = AbortSignal.timeout(60_000);
let fleet: Fleet;
afterEach(() => fleet.close());

test("C4: a hundred stations are read in a handful of calls, each with its own values", async () => {
  fleet = await openFleet(100);
  const { world, stationIDs } = fleet.simulator;
  world.plugIn(stationIDs[7]!, "1", { kw: 3.3 });
  world.raiseAlarm(stationIDs[9]!, "GFCI Trip", "1");
  const readings = await fleet.round();
  expect(readings.flatMap(({ failures }) => [...failures])).toEqual([]);
  expect(readings.map(({ values }) => values.get("load")).filter(Boolean)).toEqual([3.3]);
  expect(readings[7]!.values.get("load")).toBe(3.3);
  expect(readings.map(({ values }) => values.get("alarm")).filter(Boolean)).toEqual(["GFCI Trip"]);
  expect(readings[9]!.values.get("alarm")).toBe("GFCI Trip");
  const first = fleet.called();
  expect(first).toMatchObject({ getStationStatus: 1, getStations: 1, getAlarms: 1 });

  await fleet.round();
  const steady = fleet.called();
  expect(Object.keys(steady).sort()).toEqual(["getAlarms", "getLoad", "getStationStatus"]);
  expect(steady).toMatchObject({ getStationStatus: 1, getAlarms: 1, getLoad: first.getLoad });
  expect(steady.getLoad).toBeLessThanOrEqual(20);
});

test("scrapes one after another are one round: the first fetches for all, and each gets news every time", async () => {
  fleet = await openFleet(20);
  for (const device of fleet.devices) await device.scrapeAll(signal);
  expect(fleet.called().getStationStatus).toBe(1);
  fleet.simulator.world.plugIn(fleet.simulator.stationIDs[19]!, "1", { kw: 3.3 });
  let last: unknown;
  for (const device of fleet.devices) last = (await device.scrapeAll(signal)).values.get("load");
  expect(fleet.called().getStationStatus).toBe(1);
  expect(last).toBe(3.3);
});

test("C4: one station makes a call for each operation and two for sessions, and three in a steady round", async () => {
  fleet = await openFleet(1);
  await fleet.round();
  expect(Object.values(fleet.called()).reduce((sum, n) => sum + n)).toBe(7);
  await fleet.round();
  expect(fleet.called()).toEqual({ getStationStatus: 1, getLoad: 1, getAlarms: 1 });
});

test("C8: a station that the account does not see fails alone in a page of many", async () => {
  fleet = await openFleet(5);
  const stranger = fleet.device("1:999999");
  const [strange, ...known] = await Promise.all([
    stranger.scrapeAll(signal),
    ...fleet.devices.map((device) => device.scrapeAll(signal)),
  ]);
  expect(strange.failures.get("network")?.message).toContain("getStationStatus has no station 1:999999");
  expect(strange.failures.get("model")?.message).toContain("the account sees no such station");
  expect(known.flatMap(({ failures }) => [...failures])).toEqual([]);
});

test("a station for which the service refuses the whole page fails alone, and spoils no page after that", async () => {
  fleet = await openFleet(30);
  const misspelt = fleet.device("1:1x");
  const all = [...fleet.devices, misspelt];
  const round = () => Promise.all(all.map((device) => device.scrapeAll(signal).catch(() => null)));
  const readings = await round();
  expect(readings.slice(0, 30).flatMap((reading) => [...(reading?.failures ?? ["lost"])])).toEqual([]);
  fleet.called();
  await round();
  expect(fleet.called().getStationStatus).toBe(1);
});

test("E14: what is read after a write is never a page's older answer", async () => {
  fleet = await openFleet(10);
  await fleet.round();
  const device = fleet.devices[3]!;
  const under = fleet.round();
  await device.setPoint("limit", 2.5, { signal });
  const after = await device.scrapeAll(signal);
  expect(after.values.get("limit")).toBe(2.5);
  await under;
  expect((await device.scrapeAll(signal)).values.get("limit")).toBe(2.5);
});

test("a cleared alarm is gone: cleared here at once, cleared elsewhere with the next whole walk", async () => {
  fleet = await openFleet(4);
  const { world, stationIDs } = fleet.simulator;
  for (const id of stationIDs) world.raiseAlarm(id, "GFCI Trip", "1");
  await fleet.round();
  await fleet.devices[0]!.setPoint("clear", 1, { signal });
  world.clearAlarms(({ stationID }) => stationID === stationIDs[1]);
  const readings = await fleet.round();
  expect(readings.map(({ values }) => values.get("alarm"))).toEqual([null, null, "GFCI Trip", "GFCI Trip"]);
});

test("a group that fails is read station by station; an account without groups says so once", async () => {
  fleet = await openFleet(12);
  fleet.simulator.trouble.begin({
    operation: "getOrgsAndStationGroups",
    effect: { kind: "code", code: "178" },
  });
  for (let round = 0; round < 3; round++) {
    const readings = await fleet.round();
    expect(readings.flatMap(({ failures }) => [...failures])).toEqual([]);
  }
  expect(fleet.called()).toMatchObject({ getLoad: 36, getOrgsAndStationGroups: 1 });
  const said = fleet.logLines.filter((line) => line.includes("getOrgsAndStationGroups"));
  expect(said.filter((line) => line.includes("warn") || line.includes("WARN"))).toHaveLength(1);
  expect(said.join()).toContain("loads are read station by station");
});

test("devices that differ in the limits of their account: the first decides, and it is said once", async () => {
  fleet = await openFleet(1);
  fleet.device("1:2", { calls_per_minute: 10, calls_in_flight: 2 });
  expect(fleet.logLines.filter((line) => line.includes("calls_in_flight to 8 and 2; 8"))).toHaveLength(1);
});

test("what is held is compared with the answer of the scrape: no station is asked for by itself after a round", async () => {
  fleet = await openFleet(20);
  await fleet.devices[3]!.setPoint("limit", 2.5, { signal });
  await fleet.round();
  fleet.called();
  const compared = await Promise.all(
    fleet.devices.map((device, n) => {
      const held = n === 5 ? [{ key: "limit", point: "limit", value: 1 }] : [];
      return device.compareHolds!(held, signal);
    }),
  );
  expect(fleet.called()).toEqual({});
  expect(compared[3]!.foreign.length).toBeGreaterThan(0);
  expect(compared[5]!.gone).toEqual(["limit"]);
  expect(compared.filter(({ foreign, gone }) => foreign.length + gone.length > 0)).toHaveLength(2);
});

test("where loads were not read, no station is asked for its load only to find limits of others", async () => {
  fleet = await openFleet(20);
  fleet.simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "178" } });
  await fleet.round();
  fleet.called();
  const compared = await Promise.allSettled(fleet.devices.map((device) => device.compareHolds!([], signal)));
  expect(fleet.called()).toEqual({});
  expect(new Set(compared.map(({ status }) => status))).toEqual(new Set(["rejected"]));
});
