import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Draft, operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { call } from "./call.ts";

const {
  addFleetVehicle,
  deleteFleetVehicle,
  getChargingSessionData,
  getFleetUsageData,
  getFleetVehicles,
  getUsers,
  setWaitlistDone,
  updateFleetVehicle,
  updateUserStatus,
} = operations;

const HARBOR = { username: "harbor", password: "x", organisation: "1:ORG10002" };
const USER = 200_001;

let clock: SteppedClock;
let simulator: Simulator;
beforeEach(async () => {
  clock = new SteppedClock("2026-11-18T17:00:00Z");
  simulator = await startSimulator({
    stations: 100,
    clock,
    traffic: false,
    incidents: false,
    accounts: [HARBOR],
  });
});
afterEach(() => simulator.close());

const users = async (searchQuery: object) =>
  (await call(simulator, getUsers, { searchQuery })).users?.user ?? [];
const decide = async (number: number, Status: string, associationType = "CONNECTION") =>
  call(simulator, updateUserStatus, { userID: String(USER + number), associationType, Status });

describe("drivers", () => {
  test("in pages, each once, with connection, realm, what they told and what they start sessions with", async () => {
    const all: Awaited<ReturnType<typeof users>> = [];
    for (let more = 1; more; ) {
      const query = { numUsers: 400, startRecord: all.length + 1 };
      const page = await call(simulator, getUsers, { searchQuery: query });
      all.push(...page.users!.user);
      more = page.users!.moreFlag!;
    }
    expect(all.length).toBeGreaterThan(800);
    expect(all.map(({ recordNumber }) => recordNumber)).toEqual(all.map((_, index) => index + 1));
    expect(new Set(all.map(({ userID }) => userID)).size).toBe(all.length);
    expect(all[0]).toMatchObject({
      userID: "200001",
      Connection: {
        Status: "APPROVED",
        customInfos: { customInfo: [{ Key: "Employee ID", Value: "E100000" }, { Key: "Department" }] },
      },
      credentialIDs: { credentialID: ["CNCP0000100001", "30000001"] },
    });
    const statuses = new Set(all.map(({ Connection }) => Connection?.Status ?? "none"));
    expect(statuses).toEqual(new Set(["APPROVED", "PENDING", "REJECTED", "none"]));
    const atHome = all.filter(({ homeStationDetails }) => homeStationDetails);
    const homes = simulator.world.stations.filter(
      ({ model, organisation }) => model.home && organisation.id === "1:ORG10001",
    );
    expect(atHome.length).toBe(homes.length);
    expect(atHome[0]!.homeStationDetails).toMatchObject({
      stationSerialNumber: homes[0]!.serial,
      stationStatus: "AVAILABLE",
      stationMacAddress: homes[0]!.mac,
    });
  });

  test("are found by name, card, app, status, what they told and when they changed", async () => {
    const [one] = await users({ userID: "200004" });
    expect(await users({ credentialID: one!.credentialIDs!.credentialID[0] })).toHaveLength(1);
    expect(await users({ credentialID: one!.credentialIDs!.credentialID[1] })).toHaveLength(1);
    const named = await users({ firstName: one!.firstName!.toUpperCase(), lastName: one!.lastName });
    expect(named.map(({ userID }) => userID)).toContain("200004");
    const pending = await users({ Connection: { Status: "PENDING" } });
    expect(pending.every(({ Connection }) => Connection!.Status === "PENDING")).toBe(true);
    const told = await users({ Connection: { customInfo: { Key: "Employee ID", Value: "E100003" } } });
    expect(told.map(({ userID }) => userID)).toEqual(["200004"]);
    const managed = await users({ managementRealm: { Status: "APPROVED" } });
    expect(managed.length).toBeGreaterThan(10);
    expect(await users({ lastModifiedTimeStamp: "2026-11-18T17:00:00Z" })).toEqual([]);
    await decide(7, "APPROVED");
    const changed = await users({ lastModifiedTimeStamp: "2026-11-18T17:00:00Z" });
    expect(changed.map(({ userID }) => userID)).toEqual(["200008"]);
  });

  test("are approved, rejected, removed; each decision once (192), of who asked (191) and exists (190)", async () => {
    expect(await decide(7, "REJECTED")).toMatchObject({ responseCode: "100" });
    expect(await decide(7, "REJECTED")).toMatchObject({
      responseCode: "192",
      responseText: "Connection already Rejected for this driver",
    });
    expect(await decide(7, "APPROVED")).toMatchObject({ responseCode: "100" });
    expect((await users({ userID: "200008" }))[0]!.Connection!.Status).toBe("APPROVED");
    expect(await decide(7, "REMOVED")).toMatchObject({ responseCode: "100" });
    expect(await decide(7, "APPROVED")).toMatchObject({ responseCode: "191" });
    expect(await decide(1, "REMOVED", "MANAGEMENT_REALM")).toMatchObject({ responseCode: "100" });
    expect((await users({ userID: "200002" }))[0]!.managementRealm!.Status).toBe("NOT MANAGED");
    expect(await decide(2, "APPROVED", "MANAGEMENT_REALM")).toMatchObject({ responseCode: "191" });
    expect(await decide(2, "APPROVED", "FRIENDS")).toMatchObject({ responseCode: "171" });
  });

  test("have names in session data where they are connected", async () => {
    simulator.world.plugIn("1:100001", "1", { driverNumber: 0 });
    simulator.world.plugIn("1:100001", "2", { driverNumber: 8 });
    const searchQuery = { stationID: "1:100001", activeSessionsOnly: true };
    const { ChargingSessionData: found } = await call(simulator, getChargingSessionData, { searchQuery });
    const [first] = await users({ userID: "200001" });
    expect(found[0]!.driverName).toBe(`${first!.firstName} ${first!.lastName}`);
    expect(found[1]).toMatchObject({ userID: "200009", driverName: null });
  });

  test("on a waitlist move their vehicles soon, or stay, as the station's policy says", async () => {
    const station = (policy: string) =>
      simulator.world.stations.find(({ waitlist, number }) => waitlist === policy && number < 700_000)!;
    for (const [policy, ends] of [
      ["move", true],
      ["remain", false],
    ] as const) {
      const { id: stationID, ports } = station(policy);
      const port = simulator.world.stations.find(({ id }) => id === stationID)!.ports[0]!;
      simulator.world.plugIn(stationID, ports[0]!.number, { driverNumber: 5 });
      const done = await call(simulator, setWaitlistDone, {
        stationID,
        portID: ports[0]!.number,
        userID: String(USER + 5),
        customMessageText: "Enough.",
      });
      expect(done.responseCode).toBe("100");
      expect(port.session).not.toBeNull();
      clock.advance(15 * 60);
      simulator.world.catchUp();
      expect(port.session === null).toBe(ends);
    }
  });
});

describe("fleets", () => {
  type VehicleIn = NonNullable<NonNullable<Draft<(typeof addFleetVehicle)["request"]>["vehicle"]>[number]>;
  const vehicle = (rest: Partial<VehicleIn> = {}): VehicleIn => ({
    ChargePointCards: { ChargePointCardSN: ["CNCP0000100051"] },
    LicensePlate: "7ABC123",
    fleetName: "Riverbend Shuttles",
    make: "Nissan",
    model: "LEAF",
    year: 2020,
    ...rest,
  });
  const add = (...vehicles: VehicleIn[]) => call(simulator, addFleetVehicle, { vehicle: vehicles });
  const find = async (searchQuery: object = {}) =>
    (await call(simulator, getFleetVehicles, { searchQuery })).FleetVehicle;

  test("hold the vehicles of the account's organisation", async () => {
    const own = await find();
    expect(own.length).toBeGreaterThan(10);
    expect(own.every(({ orgID }) => orgID === "1:ORG10001")).toBe(true);
    expect(own[0]).toMatchObject({ recordNumber: 1, vehicleChargingState: "Not Plugged In" });
    const harbor = await call({ ...simulator, ...HARBOR }, getFleetVehicles, {});
    expect(new Set(harbor.FleetVehicle.map(({ fleetName }) => fleetName))).toEqual(new Set(["Harbor Vans"]));
    const { fleetVehicleID } = harbor.FleetVehicle[0]!;
    expect(await call(simulator, deleteFleetVehicle, { fleetVehicleID })).toMatchObject({
      responseCode: "171",
    });
  });

  test("take new vehicles, all or none, and tell why not in the guide's words (§10.1.4)", async () => {
    const before = (await find()).length;
    const refused = async (wrong: Partial<VehicleIn>) => {
      const { responseCode, responseText } = await add(
        vehicle({ ChargePointCards: { ChargePointCardSN: ["CNCP0000100052"] } }),
        vehicle(wrong),
      );
      return [responseCode, responseText];
    };
    expect(await refused({ make: "Trabant" })).toEqual(["171", "Invalid Vehicle Type"]);
    expect(await refused({ year: 1990 })).toEqual(["171", "Invalid Vehicle Type"]);
    expect(await refused({ fleetName: "Harbor Vans" })).toEqual(["171", "Fleet not found"]);
    const card = (cards: VehicleIn["ChargePointCards"]) => refused({ ChargePointCards: cards! });
    const invalid = ["147", "Invalid RFID card provided"];
    expect(await card({ ChargePointCardSN: ["12345"] })).toEqual(invalid);
    expect(await card({ ChargePointCardSN: ["CNCP9999999999"] })).toEqual(invalid);
    expect(await card({ MIFAREID: ["0400"] })).toEqual(invalid);
    // Somebody else's in the same request, one that is of another card, one that another vehicle has.
    expect(await card({ ChargePointCardSN: ["CNCP0000100052"] })).toEqual(invalid);
    expect(await card({ ChargePointCardSN: ["CNCP0000100051"], MIFAREID: ["0400"] })).toEqual(invalid);
    expect(await card({ ChargePointCardSN: ["CNCP0000100004"] })).toEqual(invalid);
    expect((await refused({ LicensePlate: null }))[0]).toBe("172");
    expect((await card({}))[0]).toBe("172");
    expect(await find()).toHaveLength(before);

    const added = await add(
      vehicle(),
      vehicle({
        ChargePointCards: { MIFAREID: [simulator.world.driver(51).rfidSerialNumber] },
        color: "Red",
      }),
    );
    expect(added.fleetVehicleID).toHaveLength(2);
    const [second] = await find({ fleetVehicleID: added.fleetVehicleID[1] });
    expect(second).toMatchObject({
      license: "7ABC123",
      color: "Red",
      year: "2020",
      credentialIDs: { credentialID: ["CNCP0000100052"] },
      lastModifiedTimestamp: "2026-11-18T17:00:00Z",
    });
  });

  test("change only what is given; vehicles can be deleted, once", async () => {
    const [fleetVehicleID] = (await add(vehicle({ VIN: "V1" }))).fleetVehicleID;
    clock.advance(60);
    const changed = await call(simulator, updateFleetVehicle, {
      vehicle: [{ fleetVehicleID, color: "Blue", LicensePlate: "NEW" }],
    });
    expect(changed.vehicle).toMatchObject([{ fleetVehicleID, color: "Blue", license: "NEW", VIN: "V1" }]);
    expect(await find({ modifiedSince: "2026-11-18T17:01:00Z" })).toHaveLength(1);
    const wrong = await call(simulator, updateFleetVehicle, {
      vehicle: [
        { fleetVehicleID, color: "Green" },
        { fleetVehicleID, model: "Nothing" },
      ],
    });
    expect(wrong).toMatchObject({ responseCode: "171", responseText: "Invalid Vehicle Type" });
    expect((await find({ fleetVehicleID }))[0]!.color).toBe("Blue");
    expect(await call(simulator, deleteFleetVehicle, { fleetVehicleID })).toMatchObject({ Results: true });
    expect(await call(simulator, deleteFleetVehicle, { fleetVehicleID })).toMatchObject({
      responseCode: "171",
    });
    expect(await find({ fleetVehicleID })).toEqual([]);
    // Its card is free for another one.
    expect(await add(vehicle())).toMatchObject({ responseCode: "100" });
  });

  test("see what their vehicles charge, from the day they are added on", async () => {
    const number = 50; // of the card
    const charge = () => {
      simulator.world.plugIn("1:100001", "1", { kw: 6, stayMinutes: 60, driverNumber: number });
      clock.advance(3610);
    };
    charge();
    const [fleetVehicleID] = (await add(vehicle())).fleetVehicleID;
    const usage = (searchQuery: object) => call(simulator, getFleetUsageData, { searchQuery });
    expect(await usage({ fleetVehicleID })).toMatchObject({ responseCode: "160" });
    simulator.world.plugIn("1:100002", "1", { kw: 6, driverNumber: number });
    expect((await find({ fleetVehicleID }))[0]!.vehicleChargingState).toBe("Charging");
    simulator.world.breakDown("1:100002", "1");
    expect((await find({ fleetVehicleID }))[0]!.vehicleChargingState).toBe("Fault");
    simulator.world.repair("1:100002", "1");
    simulator.world.unplug("1:100002", "1");
    charge();
    const { fleetUsageData: uses } = await usage({ fleetVehicleID });
    expect(uses).toHaveLength(2);
    expect(uses[1]).toMatchObject({
      Energy: 6,
      Fee: 1.5,
      Currency: "USD",
      transactionType: "Session",
      credentialID: "CNCP0000100051",
      sessionDuration: "01:00:00",
      portType: "AC",
      plugType: "Type 1",
      stationID: "1:100001",
      pricingRule: "Energy",
    });
    expect((await usage({ fleetVehicleID, stationName: "*GARAGE 02" })).fleetUsageData).toHaveLength(1);
    expect(await usage({ fleetVehicleID, transactionType: "Reservation" })).toMatchObject({
      responseCode: "160",
    });
  });
});
