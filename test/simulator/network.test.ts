import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { maximumKw } from "../../src/simulator/world/stations/station.ts";
import { call } from "./call.ts";

const LAKESIDE = { username: "lakeside", password: "x" };
const HARBOR = { username: "harbor", password: "x" };

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({
    stations: 100,
    clock: new SteppedClock(),
    accounts: [
      { ...HARBOR, organisation: "1:ORG10002" },
      { ...LAKESIDE, organisation: "1:ORG10003" },
    ],
  });
});
afterAll(() => simulator.close());

const as = (account: object) => ({ ...simulator, ...account }) as Simulator;
const stationsOf = async (account: object = {}) =>
  (await call(as(account), operations.getStations, {})).stationData;

describe("a hundred stations", () => {
  test("are of every kind; the first six, the demo's, are ordinary", () => {
    const stations = simulator.world.stations.slice(0, 100);
    const kinds = {
      twoPorts: stations.filter(({ ports, model }) => ports.length === 2 && !model.dc),
      onePort: stations.filter(({ ports }) => ports.length === 1),
      fast: stations.filter(({ model }) => model.dc),
      letters: stations.filter(({ ports }) => ports.map(({ number }) => number).join() === "1A,1B"),
      home: stations.filter(({ model }) => model.home),
      panelSharing: stations.filter(({ panelSharing }) => panelSharing),
      wholeOnly: stations.filter(({ canShedPerPort }) => !canShedPerPort),
      percentOnly: stations.filter(({ canShedAbsolute }) => !canShedAbsolute),
      household: stations.filter(({ ports }) => ports.some(({ outlet }) => outlet.level === "L1")),
      free: stations.filter(({ pricing }) => pricing === null),
      waitlist: stations.filter(({ waitlist }) => waitlist !== null),
    };
    for (const [kind, found] of Object.entries(kinds)) expect(found.length, kind).toBeGreaterThan(0);
    for (const station of stations.slice(0, 6)) {
      expect(station.ports.map(({ number }) => number)).toEqual(["1", "2"]);
      expect([station.canShedAbsolute, station.canShedPerPort, station.panelSharing]).toEqual([
        true,
        true,
        false,
      ]);
      expect(station.pricing).not.toBeNull();
    }
  });

  test("of the first site and of Demand response can all be shed, whatever the mode", async () => {
    for (const sgID of [20002, 20003]) {
      const shedQuery = { shedGroup: { sgID, percentShedPerStation: 20 }, timeInterval: 1 };
      expect(await call(simulator, operations.shedLoad, { shedQuery })).toMatchObject({
        responseCode: "100",
      });
      const freed = await call(simulator, operations.clearShedState, { shedQuery: { shedGroup: { sgID } } });
      expect(freed).toMatchObject({ responseCode: "100" });
    }
  });

  test("that share a supply never draw more than it gives", async () => {
    const sharing = simulator.world.stations.filter(({ model }) => model.sharedKw !== null);
    const load = await call(simulator, operations.getLoad, { searchQuery: { sgID: 20001 } });
    for (const station of sharing) {
      const found = load.stationData.find(({ stationID }) => stationID === station.id);
      if (found) expect(found.stationLoad!).toBeLessThanOrEqual(maximumKw(station) + 1e-9);
      expect(maximumKw(station)).toBeLessThan(station.ports.reduce((sum, { kw }) => sum + kw, 0));
    }
  });
});

describe("organisations", () => {
  test("see their own stations and those on which they were granted rights, others not at all", async () => {
    const own = await stationsOf();
    expect(own.slice(0, 100).map(({ stationID }) => stationID)).toEqual(simulator.stationIDs);
    expect(new Set(own.map(({ organizationName }) => organizationName))).toEqual(
      new Set(["Riverbend Campus", "Harbor Fleet Services"]),
    );
    const harbor = await stationsOf(HARBOR);
    expect(harbor.every(({ orgID }) => orgID === "1:ORG10002")).toBe(true);
    // It sees those too on which it granted no rights.
    expect(harbor.some(({ stationID }) => !own.some((station) => station.stationID === stationID))).toBe(
      true,
    );
    const lakeside = await stationsOf(LAKESIDE);
    expect(lakeside.length).toBeGreaterThan(0);
    expect(lakeside.every(({ orgID, sgID }) => orgID === "1:ORG10003" && sgID === null)).toBe(true);
    expect(own.some(({ orgID }) => orgID === "1:ORG10003")).toBe(false);
  });

  test("the rights of each group: profile and tasks", async () => {
    const { rightsData } = await call(simulator, operations.getStationRights, {});
    const second = await call(simulator, operations.getStationRights, {
      searchQuery: { startRecord: "101" },
    });
    const profiles = new Map(
      [...rightsData, ...second.rightsData].map((group) => [group.stationRightsProfile, Number(group.sgID)]),
    );
    expect([...profiles.keys()].sort()).toEqual([
      "detailed usage viewer",
      "network manager",
      "station manager",
    ]);
    const tasks = async (sgID: number, stationRightsProfile?: string) =>
      call(simulator, operations.getStationRightsProfile, { sgID, stationRightsProfile });
    const counts = [];
    for (const [profile, sgID] of profiles) {
      const answer = await tasks(sgID, profile!);
      expect(answer.taskList.every(({ Task, Description }) => Task && Description)).toBe(true);
      counts.push([profile, answer.taskList.map(({ Task }) => Task).includes("Shed load")]);
    }
    expect(Object.fromEntries(counts)).toEqual({
      "network manager": true,
      "station manager": true,
      "detailed usage viewer": false,
    });
    expect(await tasks(20001, "detailed usage viewer")).toMatchObject({ responseCode: "167" });
  });

  test("groups are nested: parents, children, what is directly in each", async () => {
    const orgs = await call(simulator, operations.getOrgsAndStationGroups, {});
    expect(orgs.orgData.map(({ organizationName }) => organizationName)).toEqual([
      "Riverbend Campus",
      "Harbor Fleet Services",
    ]);
    const [own, harbor] = orgs.orgData;
    expect(own!.sgData.slice(0, 3)).toEqual([
      { sgID: 20001, sgName: "All stations", parentGroupID: "0" },
      { sgID: 20002, sgName: "Demand response", parentGroupID: "0" },
      { sgID: 20003, sgName: "Richland NORTH GARAGE", parentGroupID: "20001" },
    ]);
    // The parents of granted groups were not granted.
    expect(harbor!.sgData.every(({ parentGroupID }) => parentGroupID === "0")).toBe(true);
    const details = (sgID: number, stationID?: string) =>
      call(simulator, operations.getStationGroupDetails, { sgID, stationID });
    const all = await details(20001);
    expect(all).toMatchObject({ groupName: "All stations", numStations: 0, stationData: [] });
    expect(all.groupData.map(({ sgID }) => sgID)).toEqual(
      own!.sgData.filter(({ parentGroupID }) => parentGroupID === "20001").map(({ sgID }) => sgID),
    );
    const site = await details(20003);
    expect(site).toMatchObject({ numStations: 24, groupData: [] });
    expect(site.stationData[0]).toEqual({
      stationID: "1:100001",
      stationName: "RIVERBEND / NORTH GARAGE 01",
      Address: "100 Innovation Blvd, Richland, Washington, 99352, United States",
    });
    expect((await details(20003, "1:100002")).stationData).toHaveLength(1);
    const groups = await call(simulator, operations.getStationGroups, { orgID: "1:ORG10001" });
    const station = groups.groupData.filter(({ stationData }) =>
      stationData.some(({ stationID }) => stationID === "1:100001"),
    );
    expect(station.map(({ sgID }) => sgID)).toEqual([20002, 20003]);
    expect(station[0]!.stationData[0]!.Geo).toEqual({ Lat: "46.344600", Long: "-119.279100" });
  });

  test("a station that may only be looked at tells no status, no fees, and takes no orders", async () => {
    const seen = await stationsOf();
    const { stationID } = seen[100]!;
    const status = (query: object) => call(simulator, operations.getStationStatus, { searchQuery: query });
    expect(await status({ stationID })).toMatchObject({ responseCode: "131" });
    expect((await status({})).stationData).toHaveLength(100);
    const shedQuery = { shedStation: { stationID, percentShedPerStation: 10 }, timeInterval: 1 };
    expect(await call(simulator, operations.shedLoad, { shedQuery })).toMatchObject({ responseCode: "131" });
    const load = await call(simulator, operations.getLoad, { searchQuery: { stationID } });
    expect(load.responseCode).toBe("100");
    const fees = await call(simulator, operations.getTransactionData, { searchQuery: { stationID } });
    expect(fees.responseCode).toBe("201");
  });
});

describe("public stations", () => {
  const find = async (searchQuery: object) => call(simulator, operations.getPublicStations, { searchQuery });

  test("are found whoever owns them, with their status", async () => {
    const answer = await find({});
    const ids = answer.stationData.map(({ stationID }) => stationID);
    expect(ids).toEqual(simulator.world.stations.filter(({ isPublic }) => isPublic).map(({ id }) => id));
    expect(ids.some((id) => !simulator.stationIDs.includes(id!))).toBe(true);
    expect(answer.stationData[0]).toMatchObject({
      numPorts: 2,
      currencyCode: "USD",
      Pricing: [{ Type: "kWh" }],
    });
    const status = await call(simulator, operations.getPublicStationStatus, {
      searchQuery: { stationIDs: { stationID: [ids[0]!, ids.at(-1)!] }, portDetails: true },
    });
    expect(status.stationStatusData.map(({ stationID }) => stationID)).toEqual([ids[0], ids.at(-1)]);
    expect(status.stationStatusData[0]!.Port[0]).toMatchObject({ Connector: "J1772" });
  });

  test("169 where there is none, also for a private one", async () => {
    expect(await find({ City: "Atlantis" })).toMatchObject({ responseCode: "169" });
    expect(await find({ stationID: "1:100001" })).toMatchObject({ responseCode: "169" });
    const busy = { Status: 1, City: "Atlantis" };
    const status = await call(simulator, operations.getPublicStationStatus, { searchQuery: busy });
    expect(status.responseCode).toBe("169");
  });
});

describe("searches by distance", () => {
  const count = async (searchQuery: object): Promise<number | string> => {
    const answer = await call(simulator, operations.getStations, { searchQuery });
    return answer.responseCode === "100" ? answer.stationData.length : answer.responseCode!;
  };
  // From Richland to Sacramento, by the spherical law of cosines.
  const METRES = 882_146;
  test.each([
    ["M", 1609.344],
    ["N", 1852],
    ["K", 1000],
    ["F", 0.3048],
    ["I", 0.0254],
  ])("%s: from Geo, by the great circle", async (proximityUnit, metres) => {
    const within = (share: number) =>
      count({
        Geo: { Lat: "46.3446", Long: "-119.2791" },
        State: "California",
        Proximity: (share * METRES) / metres,
        proximityUnit,
      });
    expect(await within(0.999)).toBe("102");
    expect(await within(1.001)).toBe(4);
  });

  test("from the most granular part of the address, which then bounds nothing by its words", async () => {
    expect(await count({ City: "Richland" })).toBe(24);
    const around = { City: "Richland", State: "Washington", Proximity: 10 };
    expect(await count(around)).toBe(24);
    const wide = await call(simulator, operations.getStations, {
      searchQuery: { ...around, Proximity: 600 },
    });
    expect(new Set(wide.stationData.map(({ City }) => City))).toContain("Sacramento");
    expect(await count({ City: "Nowhere", Proximity: 10 })).toBe("102");
    const sessions = await call(simulator, operations.getChargingSessionData, {
      searchQuery: { ...around, Proximity: 600 },
    });
    expect(sessions.ChargingSessionData.some(({ City }) => City === "Sacramento")).toBe(true);
  });

  test("118: an address that is not where Geo is", async () => {
    const Geo = { Lat: "46.3446", Long: "-119.2791" };
    expect(await count({ Geo, Address: "100 Innovation Blvd" })).toBe(24);
    expect(await count({ Geo, Address: "112 Cambridge St" })).toBe("118");
    expect(await count({ Geo: { Lat: "99", Long: "0" } })).toBe("135");
  });
});
