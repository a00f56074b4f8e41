import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { AbleDevice } from "../../../src/drivers/abilities.ts";
import { econnect } from "../../../src/drivers/econnect/index.ts";
import { readRegistry } from "../../../src/registry/index.ts";
import { type EconnectSimulator, startEconnectSimulator } from "../../../src/simulator/econnect/simulator.ts";
import { type RowSpec, registryRows } from "../../devices/rows.ts";
import { type EconnectRig, openEconnect } from "./rig.ts";

let simulator: EconnectSimulator;
let rig: EconnectRig;
beforeEach(async () => {
  simulator = await startEconnectSimulator({ stations: 150 });
  rig = openEconnect(simulator);
});
afterEach(async () => {
  await rig.service.close();
  await simulator.close();
});

const signal = () => AbortSignal.timeout(10_000);
const read = async (device: AbleDevice) => Object.fromEntries((await device.scrapeAll(signal())).values);
const STATE: RowSpec[] = [{ name: "state", attribute: "state" }];

describe("values", () => {
  test("come from the walk over the stations; the state is that of the station, whatever port a row names", () => {
    const [state, city] = registryRows([
      { name: "state", register: "ChargingStationRegister", attribute: "state", port: "1" },
      { name: "city", register: "ChargingStationRegister", attribute: "location.city" },
    ]).map((row) => econnect.originOf!(row));
    const origin = { register: "ChargingStationRegister", call: "chargingstations" };
    expect(state).toEqual({ ...origin, attribute: "state", measure: "state" });
    expect(city).toEqual({ ...origin, attribute: "location.city", nameplate: true });
  });

  test("are the fields named by rows, nested ones too, in the row's type; no others", async () => {
    const planned = simulator.stations.find(({ state }) => state === "planned")!;
    const device = rig.device(planned.id, [
      { name: "model", attribute: "modelInfo" },
      { name: "installed", attribute: "installDate" },
      { name: "latitude", attribute: "location.coordinates.latitude", type: "float" },
      { name: "place", attribute: "location.coordinates", type: "dictionary" },
      { name: "evse", attribute: "chargingPoints[0].evseId" },
      { name: "kw", attribute: "chargingPoints[0].maxPowerKw", type: "float" },
    ]);
    expect(await read(device)).toEqual({
      model: planned.modelInfo,
      installed: null,
      latitude: planned.location.coordinates.latitude,
      place: planned.location.coordinates,
      evse: planned.chargingPoints[0]!.evseId,
      kw: planned.chargingPoints[0]!.maxPowerKw,
    });
  });

  test("a value that does not fit its Type is null, reported once with its line; for a list the message shows how to address its items", async () => {
    const device = rig.device("CS-000001", [
      { name: "type", attribute: "type", type: "integer" },
      { name: "points", attribute: "chargingPoints" },
    ]);
    expect(await read(device)).toEqual({ type: null, points: null });
    await read(device);
    expect(rig.log.join("")).toMatch(/point "type" .* null.*expects a whole number.*test\.csv:2/);
    expect(rig.log.join("")).toContain("chargingPoints[0] is its first item");
    expect(rig.log).toHaveLength(2);
  });

  test("a field that no station has fails its point only, with a suggested name", async () => {
    const device = rig.device("CS-000001", [...STATE, { name: "city", attribute: "location.citi" }]);
    const { values, failures } = await device.scrapeAll(signal());
    expect([...values.keys()]).toEqual(["state"]);
    expect(failures.get("city")!.message).toContain('did you mean "location.city"?');
  });

  test("a field that only other stations have is null; inherited properties are not fields", async () => {
    Object.assign(simulator.stations[100]!, { retired: "2025-01-01" });
    const device = rig.device("CS-000001", [
      { name: "retired", attribute: "retired" },
      { name: "odd", attribute: "constructor" },
    ]);
    const { values, failures } = await device.scrapeAll(signal());
    expect(Object.fromEntries(values)).toEqual({ retired: null });
    expect([...failures.keys()]).toEqual(["odd"]);
  });
});

describe("the station", () => {
  test("is found by the field that station_key names, numbers too", async () => {
    for (const [index, station] of simulator.stations.entries()) Object.assign(station, { uid: index });
    const device = rig.device("149", [{ name: "id", attribute: "id" }], { station_key: "uid" });
    expect(await read(device)).toEqual({ id: "CS-000150" });
  });

  test("a missing station is an error with a suggestion; for a key that no station has, the error lists the fields", async () => {
    await expect(rig.device("CS-00001", STATE).scrapeAll(signal())).rejects.toThrow(
      /did you mean "CS-000001"/,
    );
    const keyless = rig.device("X", STATE, { station_key: "stationId" });
    await expect(keyless.scrapeAll(signal())).rejects.toThrow(
      /set station_key .*they have id, name, modelInfo/,
    );
  });
});

describe("one account", () => {
  test("is walked once for the scrapes of all its devices, and not again before nameplate_interval is over", async () => {
    const devices = simulator.stations.map(({ id }) => rig.device(id, STATE));
    const states = await Promise.all(devices.map(read));
    expect(states.map(({ state }) => state)).toEqual(simulator.stations.map(({ state }) => state));
    await Promise.all(devices.map(read));
    expect(simulator.calls).toHaveLength(3);
    expect(rig.service.counters!()).toEqual({ calls: 3, errors: 0 });
    expect(rig.reported).toHaveLength(3);
    expect(rig.reported[0]).toMatchObject({
      ...{ operation: "chargingstations", outcome: "success", isError: false },
      account: expect.stringMatching(/^.*… of business partner/),
    });
    expect(rig.service.accountStates!()).toMatchObject([{ isPaused: false }]);
  });

  test("a read of one point bypasses the cache", async () => {
    const device = rig.device("CS-000001", STATE);
    await read(device);
    Object.assign(simulator.stations[0]!, { state: "dismantled" });
    expect(await read(device)).not.toEqual({ state: "dismantled" });
    expect(await device.getPoint("state", signal())).toBe("dismantled");
    expect(await read(device)).toEqual({ state: "dismantled" });
  });

  test("accepts only one password", () => {
    rig.device("CS-000001", STATE);
    expect(() => rig.device("CS-000002", STATE, { password: "another one" })).toThrow(/a different password/);
    expect(() =>
      rig.device("CS-000002", STATE, { business_partner: "1", password: "another one" }),
    ).not.toThrow();
  });

  test("refused credentials cost one call for the whole fleet, and are reported once, without the password", async () => {
    simulator.trouble.begin({ effect: { kind: "status", status: 401 } });
    const devices = simulator.stations.map(({ id }) => rig.device(id, STATE));
    for (let round = 0; round < 3; round++) {
      const ends = await Promise.allSettled(devices.map((device) => device.scrapeAll(signal())));
      expect(ends.every(({ status }) => status === "rejected")).toBe(true);
    }
    expect(simulator.calls).toHaveLength(1);
    expect(rig.notices).toHaveLength(1);
    expect(rig.notices[0]).toMatch(/^error credentials_refused: account .*check username and password/);
    expect(rig.notices[0]).not.toContain(simulator.password);
    await expect(devices[0]!.scrapeAll(signal())).rejects.toThrow(/not asked: .*next try in \d+ s/);
  });
});

describe("sets of stations", () => {
  const members = async (stations: NonNullable<ReturnType<EconnectRig["config"]>["stations"]>) =>
    rig.service.findMembers!(rig.config({ stations }), signal());

  test("all, those with certain values, or a list; listed stations that do not exist are not members", async () => {
    expect(await members("all")).toHaveLength(150);
    const fast = await members({ type: "DC", "location.city": "Dresden" });
    const wanted = simulator.stations.filter(
      ({ type, location }) => type === "DC" && location.city === "Dresden",
    );
    expect(fast.map(({ id }) => id)).toEqual(wanted.map(({ id }) => id));
    expect(wanted.length).toBeGreaterThan(0);
    expect((await members(["CS-000002", "CS-999999"])).map(({ id }) => id)).toEqual(["CS-000002"]);
  });

  test("a member's names stand for the placeholders of a topic", async () => {
    const [first] = await members("all");
    const { id, modelInfo, type } = simulator.stations[0]!;
    expect(first).toEqual({ id, names: { station: id, modelInfo, type } });
  });

  test("a failing lookup rejects, so that a set is never incomplete", async () => {
    simulator.trouble.begin({ effect: { kind: "html" }, page: 1 });
    await expect(members("all")).rejects.toThrow(/HTML/);
  });
});

describe("registry rows", () => {
  test("the shipped registry is valid", async () => {
    const { rows, diagnostics } = await readRegistry("registry/econnect.csv");
    expect([...diagnostics, ...econnect.checkRows(rows)]).toEqual([]);
    expect(rows.map(({ attribute }) => attribute)).toEqual(["modelInfo", "installDate", "type", "state"]);
  });

  test.each([
    [{ attribute: "state", register: "StationRegister" }, "error unknown_register"],
    [{ attribute: "location..city" }, "error unknown_attribute"],
    [{ attribute: "points[x]" }, "error unknown_attribute"],
    [{ attribute: "[0]" }, "error unknown_attribute"],
    [{ attribute: "state", port: "1" }, "warning port_ignored"],
    [{ attribute: "state", writable: true }, "error not_writable"],
  ])("%j: %s", (row, expected) => {
    const rows = registryRows([{ name: "point", register: "ChargingStationRegister", ...row }]);
    expect(econnect.checkRows(rows).map(({ severity, code }) => `${severity} ${code}`)).toEqual([expected]);
  });
});

test("plan: one walk for all devices of an account, at their shortest interval", () => {
  const init = (station: string, nameplate_interval: number) => ({
    path: station,
    config: rig.config({ station, nameplate_interval }),
    rows: registryRows([{ name: "state", attribute: "state" }]),
    intervalSeconds: 60,
  });
  const devices = simulator.stations.map(({ id }) => init(id, 900));
  const [plan, ...others] = econnect.plan!([...devices, init("CS-000001", 100)], { stationsPerGroup: 0 });
  expect(others).toEqual([]);
  expect(plan).toMatchObject({
    stations: 150,
    calls: [{ operation: "chargingstations", calls: 3, everySeconds: 120 }],
  });
  expect(plan!.account).not.toContain(simulator.password);
});
