import { afterEach, expect, test } from "vitest";
import { StationGroups } from "../../../../src/drivers/chargepoint/account/reads/station-groups.ts";
import { ChargePointClient } from "../../../../src/drivers/chargepoint/api/client.ts";
import { planCalls } from "../../../../src/drivers/chargepoint/planning/plan.ts";
import { planDevices } from "../../../../src/drivers/chargepoint/planning/plan-devices.ts";
import { parseRegistry } from "../../../../src/registry/index.ts";
import { systemClock } from "../../../../src/time/clock.ts";
import { ALL_KINDS, type Fleet, openFleet } from "../account/fleet.ts";

const ROUNDS = 4;
let fleet: Fleet | undefined;
afterEach(() => fleet?.close());

const { rows } = parseRegistry(Buffer.from(ALL_KINDS), "fleet.csv");
const config = {
  ...({ username: "key", password: "pw", region: "NA", cacheExpiration: 0 } as const),
  ...({ shed_lease_minutes: 60, shed_mode_change: "reject" } as const),
};
const devices = (stations: number, interval = 60) =>
  Array.from({ length: stations }, (_, n) => ({
    path: `site/${n}`,
    rows,
    intervalSeconds: interval,
    config: { ...config, stationID: `1:${n}` },
  }));

test("the plan is what a simulator logs: a hundred stations, in the groups that the account has, over some rounds", async () => {
  fleet = await openFleet(100);
  const client = new ChargePointClient(fleet.simulator);
  const groups = new StationGroups(client, {
    clock: systemClock,
    signal: AbortSignal.timeout(10_000),
    onFailure: (error) => {
      throw error;
    },
  });
  await groups.learn(100);
  await client.close();
  fleet.called();
  for (let round = 0; round < ROUNDS; round++) await fleet.round();

  const stations = fleet.simulator.stationIDs.map((stationID) => ({
    stationID,
    ...{ intervalSeconds: 60, cacheSeconds: 0, nameplateSeconds: 3600 },
    rows: new Map(
      (["station", "status", "load", "alarms", "rights", "sessions"] as const).map((kind) => [kind, []]),
    ),
  }));
  const planned = planCalls(stations, groups.groups).map(({ operation, calls, everySeconds }) => [
    operation,
    everySeconds === 60 ? calls * ROUNDS : calls,
  ]);
  const logged = fleet.called();
  // What depends on others' stations and organisations that the account sees too is an assumption of the plan.
  const assumed = { getStationRights: 0, getStationGroups: 0 };
  expect({ ...Object.fromEntries(planned), ...assumed }).toEqual({ ...logged, ...assumed });
  expect(planned.find(([name]) => name === "getLoad")![1]).toBeLessThan(100);
});

test("at 1,000 stations in groups of 500 the steady plan makes over 1,000 times fewer calls than one per station and operation", () => {
  const [plan] = planDevices(devices(1000), { stationsPerGroup: 500 });
  const perMinute = plan!.calls.reduce((sum, call) => sum + (call.calls * 60) / call.everySeconds, 0);
  const alone = plan!.calls.reduce((sum, call) => sum + call.onePerStationPerMinute, 0);
  expect(alone).toBe(6000);
  expect(alone / perMinute).toBeGreaterThan(1000);
});

test("the plan names the rows of each operation, and calls only those that rows need", () => {
  const loads = rows.filter((row) => row.register === "LoadRegister");
  const [plan] = planDevices([{ ...devices(1)[0]!, rows: loads }], { stationsPerGroup: 0 });
  expect(plan!.calls).toEqual([
    { operation: "getLoad", everySeconds: 60, calls: 1, onePerStationPerMinute: 1, rows: loads },
  ]);
});

test("an interval that does not divide the nameplate interval: the first scrape after it asks", () => {
  const [plan] = planDevices(devices(1, 700), { stationsPerGroup: 0 });
  const every = Object.fromEntries(plan!.calls.map((call) => [call.operation, call.everySeconds]));
  expect(every).toMatchObject({ getStations: 4200, getLoad: 700, getChargingSessionData: 700 });
});
