import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Draft, operations, RESPONSE_CODES } from "../../src/drivers/chargepoint/api/index.ts";
import type { Fields, Operation } from "../../src/drivers/chargepoint/api/message.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { call, handmade, post } from "./call.ts";
import { NOT_PROVOKED } from "./not-provoked.ts";

/** Response codes of guide §3, each provoked over HTTP. */

const READERS = { username: "commercial", password: "x" };
const LAKESIDE = { username: "lakeside", password: "x" };
const START = "2026-11-18T17:00:00Z";

let simulator: Simulator;
let foreign: string;
let viewed: string;
let foreignSession: string;
beforeAll(async () => {
  simulator = await startSimulator({
    stations: 100,
    clock: new SteppedClock(START),
    traffic: false,
    incidents: false,
    accounts: [
      { ...READERS, plan: "commercial" },
      { ...LAKESIDE, organisation: "1:ORG10003" },
    ],
  });
  const { world } = simulator;
  foreign = world.stations.find(({ organisation }) => organisation.id === "1:ORG10003")!.id;
  viewed = "1:700001";
  foreignSession = String(world.plugIn(foreign, "1").id);
  world.plugIn("1:100001", "1", { kw: 5 });
  world.disconnect("1:100006");
});
afterAll(() => simulator.close());

const station = (rule: (found: Simulator["world"]["stations"][number]) => boolean): string =>
  simulator.world.stations.slice(0, 100).find(rule)!.id;
const shed = (shedStation: object, timeInterval: number | null = 5) => ({
  shedQuery: { shedStation, timeInterval },
});
const shedGroup = (group: object) => ({ shedQuery: { shedGroup: group, timeInterval: 5 } });
const event = (rest: object) => ({
  shedEvent: {
    stationID: "1:100002",
    eventStartTime: "2026-11-18T18:00:00Z",
    eventDuration: 30,
    allowedLoadPerPort: 3,
    ...rest,
  },
});
const query = (searchQuery: object) => ({ searchQuery });
/** Somebody whose connection is decided, and by whom nothing is asked. */
const user = (number: number) => String(200_001 + number);
const vehicle = (rest: object = {}) => ({
  ChargePointCards: { ChargePointCardSN: ["CNCP0000100051"] },
  LicensePlate: "ABC",
  fleetName: "Riverbend Shuttles",
  make: "Nissan",
  model: "LEAF",
  year: 2020,
  ...rest,
});

type Case = readonly [
  code: string,
  what: string,
  operation: keyof typeof operations,
  request: () => object,
  as?: object,
];
const cases: readonly Case[] = [
  ["101", "a plan without the call", "getLoad", () => query({ stationID: "1:100001" }), READERS],
  ["101", "a plan without fleets", "getFleetVehicles", () => ({}), READERS],
  ["102", "no station", "getStations", () => query({ City: "Atlantis" })],
  ["102", "somebody else's station", "getStations", () => query({ stationID: foreign })],
  ["103", "an unknown station", "getLoad", () => query({ stationID: "1:5" })],
  ["106", "an event in the past", "createLoadShedEvent", () => event({ eventStartTime: START })],
  ["107", "an event of no duration", "createLoadShedEvent", () => event({ eventDuration: 0 })],
  [
    "115",
    "a station out of reach",
    "shedLoad",
    () => shed({ stationID: "1:100006", percentShedPerStation: 5 }),
  ],
  [
    "118",
    "an address elsewhere",
    "getStations",
    () => query({ Address: "112 Cambridge St", Geo: { Lat: "46", Long: "-119" } }),
  ],
  ["119", "a station of no network", "getLoad", () => query({ stationID: "9:100001" })],
  ["120", "an organisation without groups", "getStationGroups", () => ({ orgID: "1:ORG10003" }), LAKESIDE],
  ["121", "no group ID", "getStationGroupDetails", () => ({ sgID: 0 })],
  [
    "122",
    "a station that is not in the group",
    "getStationGroupDetails",
    () => ({ sgID: 20003, stationID: "1:100030" }),
  ],
  [
    "123",
    "a negative percentage",
    "shedLoad",
    () => shed({ stationID: "1:100001", percentShedPerStation: -1 }),
  ],
  [
    "124",
    "a negative interval",
    "shedLoad",
    () => shed({ stationID: "1:100001", percentShedPerStation: 1 }, -1),
  ],
  ["125", "somebody else's group", "getLoad", () => query({ sgID: 20003 }), LAKESIDE],
  ["129", "an unknown group", "getLoad", () => query({ sgID: 999 })],
  ["130", "record 0", "getUsers", () => query({ startRecord: 0 })],
  ["131", "somebody else's load", "getLoad", () => query({ stationID: foreign })],
  [
    "131",
    "a station to look at only",
    "shedLoad",
    () => shed({ stationID: viewed, percentShedPerStation: 1 }),
  ],
  [
    "131",
    "a group to look at only",
    "shedLoad",
    () => shedGroup({ sgID: groupOf(viewed), percentShedPerStation: 1 }),
  ],
  ["131", "alarms to look at only", "clearAlarms", () => query({ stationID: viewed })],
  ["132", "an unknown session", "get15minChargingSessionData", () => ({ sessionID: "1" })],
  ["132", "an unknown session", "getChargingSessionData", () => query({ sessionID: "1" })],
  ["133", "somebody else's session", "get15minChargingSessionData", () => ({ sessionID: foreignSession })],
  ["133", "somebody else's session", "getLoad", () => query({ sessionID: foreignSession })],
  [
    "134",
    "a session that has just begun",
    "get15minChargingSessionData",
    () => ({ sessionID: String(Number(foreignSession) + 1) }),
  ],
  [
    "135",
    "no unit of length",
    "getStations",
    () => query({ City: "Richland", Proximity: 5, proximityUnit: "X" }),
  ],
  ["136", "no session", "getChargingSessionData", () => query({ stationID: "1:100003" })],
  ["141", "no time", "getChargingSessionData", () => query({ fromTimeStamp: "2026-13-40T00:00:00Z" })],
  [
    "142",
    "an end before the beginning",
    "getAlarms",
    () => query({ startTime: START, endTime: "2026-01-01T00:00:00Z" }),
  ],
  [
    "147",
    "a card that nobody has",
    "addFleetVehicle",
    () => ({ vehicle: [vehicle({ ChargePointCards: { MIFAREID: ["00"] } })] }),
  ],
  ["149", "an organisation that is not there", "getAlarms", () => query({ organizationName: "Nobody" })],
  [
    "149",
    "one organisation's ID, another's name",
    "clearAlarms",
    () => query({ orgID: "1:ORG10001", organizationName: "Harbor Fleet Services" }),
  ],
  ["150", "a name that no station has", "getAlarms", () => query({ stationName: "Nowhere" })],
  ["152", "no station ID", "getStationStatus", () => query({ stationID: "abc" })],
  ["153", "no alarm", "clearAlarms", () => query({ stationID: "1:100002" })],
  ["154", "an unknown group", "getOrgsAndStationGroups", () => query({ sgID: 999 })],
  ["155", "an unknown group's name", "getOrgsAndStationGroups", () => query({ sgName: "Nowhere" })],
  ["156", "no group at all", "getOrgsAndStationGroups", () => ({}), LAKESIDE],
  ["158", "no organisation ID", "getStationGroups", () => ({ orgID: "Riverbend" })],
  ["159", "an unknown organisation", "getStationGroups", () => ({ orgID: "1:ORG99" })],
  ["160", "no vehicle", "getFleetVehicles", () => query({ make: "Trabant" })],
  ["160", "no fleet", "getFleetUsageData", () => ({}), LAKESIDE],
  ["166", "half a price question", "getStations", () => query({ Pricing: { Duration: 1 } })],
  [
    "167",
    "another profile",
    "getStationRightsProfile",
    () => ({ sgID: 20001, stationRightsProfile: "admin" }),
  ],
  ["169", "no public station", "getPublicStations", () => query({ City: "Atlantis" })],
  [
    "171",
    "no such status",
    "updateUserStatus",
    () => ({ userID: user(0), associationType: "CONNECTION", Status: "LOVED" }),
  ],
  ["171", "no such type", "getTransactionData", () => query({ transactionType: "Gift" })],
  ["171", "no waitlist", "setWaitlistDone", () => ({ stationID: "1:100001", portID: "1", userID: user(0) })],
  ["171", "an unknown event", "removeLoadShedEvent", () => ({ eventId: 7 })],
  ["172", "no organisation", "getStationGroups", () => ({})],
  ["173", "no limit", "createLoadShedEvent", () => event({ allowedLoadPerPort: null })],
  ["174", "more than all", "shedLoad", () => shed({ stationID: "1:100001", percentShedPerStation: 101 })],
  [
    "175",
    "a group with one that sheds by percentage only",
    "shedLoad",
    () => shedGroup({ sgID: withoutPanel(), allowedLoadPerStation: 1 }),
  ],
  [
    "176",
    "one that sheds by percentage only",
    "shedLoad",
    () => shed({ stationID: station(({ canShedAbsolute }) => !canShedAbsolute), allowedLoadPerStation: 1 }),
  ],
  [
    "177",
    "more than there is",
    "shedLoad",
    () => shed({ stationID: "1:100001", allowedLoadPerStation: 100 }),
  ],
  ["178", "an organisation that granted nothing", "getStations", () => query({ orgID: "1:ORG10003" })],
  ["179", "the other mode", "shedLoad", () => shed({ stationID: shedByLoad(), percentShedPerStation: 10 })],
  ["180", "no user", "getUsers", () => query({ firstName: "Nobody" })],
  [
    "181",
    "two modes",
    "shedLoad",
    () =>
      shed({
        stationID: "1:100001",
        Ports: {
          Port: [
            { portNumber: "1", allowedLoadPerPort: 1 },
            { portNumber: "2", percentShedPerPort: 1 },
          ],
        },
      }),
  ],
  ["182", "group and station", "getLoad", () => query({ sgID: 20001, stationID: "1:100001" })],
  [
    "183",
    "a port without a number",
    "shedLoad",
    () => shed({ stationID: "1:100001", Ports: { Port: [{ allowedLoadPerPort: 1 }] } }),
  ],
  ["184", "neither group nor station", "createLoadShedEvent", () => event({ stationID: null })],
  [
    "185",
    "one that sheds as a whole",
    "shedLoad",
    () =>
      shed({
        stationID: station(({ canShedPerPort }) => !canShedPerPort),
        Ports: { Port: [{ portNumber: "1", percentShedPerPort: 1 }] },
      }),
  ],
  [
    "186",
    "a port that is not there",
    "clearShedState",
    () => ({ shedQuery: { shedStation: { stationID: "1:100001", Ports: { Port: [{ portNumber: "9" }] } } } }),
  ],
  [
    "187",
    "group and station",
    "shedLoad",
    () => ({
      shedQuery: { shedGroup: { sgID: 20001 }, shedStation: { stationID: "1:100001" }, timeInterval: 1 },
    }),
  ],
  ["187", "group and station", "createLoadShedEvent", () => event({ sgID: "20003" })],
  ["189", "too many stations", "getStationRights", () => query({ numStations: 101 })],
  [
    "190",
    "nobody",
    "updateUserStatus",
    () => ({ userID: "7", associationType: "CONNECTION", Status: "APPROVED" }),
  ],
  [
    "190",
    "somebody else",
    "setWaitlistDone",
    () => ({ stationID: "1:100005", portID: "1", userID: user(1) }),
  ],
  [
    "191",
    "a driver who never asked",
    "updateUserStatus",
    () => ({ userID: user(9), associationType: "CONNECTION", Status: "APPROVED" }),
  ],
  [
    "192",
    "a decision once more",
    "updateUserStatus",
    () => ({ userID: user(0), associationType: "CONNECTION", Status: "APPROVED" }),
  ],
  [
    "194",
    "one station and many",
    "getStationStatus",
    () => query({ stationID: "1:100001", stationIDs: { stationID: ["1:100002"] } }),
  ],
  [
    "194",
    "one station and many",
    "getChargingSessionData",
    () => query({ stationID: "1:100001", stationIDs: { stationID: ["1:100002"] } }),
  ],
  [
    "196",
    "fees from after to",
    "getTransactionData",
    () => query({ fromTransactionTimeStamp: START, toTransactionTimeStamp: "2026-01-01T00:00:00Z" }),
  ],
  ["197", "fees from, and no to", "getTransactionData", () => query({ fromTransactionTimeStamp: START })],
  ["198", "501 fees", "getTransactionData", () => query({ numTransactions: 501 })],
  ["199", "neither group nor station", "shedLoad", () => ({ shedQuery: { timeInterval: 5 } })],
  ["200", "no limit", "shedLoad", () => shed({ stationID: "1:100001" })],
  ["201", "no fee", "getTransactionData", () => query({ stationID: "1:100003" })],
  [
    "202",
    "panel sharing",
    "shedLoad",
    () => shed({ stationID: station(({ panelSharing }) => panelSharing), percentShedPerStation: 10 }),
  ],
];

/** The group, and only the group, that a station is in. */
const groupOf = (stationID: string) => simulator.world.findStation(stationID)!.groups[0]!.id;

/** A group with a station that sheds by percentage only, and none with panel sharing. */
function withoutPanel(): number {
  const id = station(({ canShedAbsolute }) => !canShedAbsolute);
  const group = simulator.world.findStation(id)!.groups[0]!;
  for (const member of simulator.world.stationsOf(group)) member.panelSharing = false;
  return group.id;
}

function shedByLoad(): string {
  const found = simulator.world.findStation("1:100004")!;
  simulator.world.shedStation(found, { mode: "absolute", value: 3, minutes: 0 });
  return found.id;
}

describe("codes", () => {
  const named = cases.map(([code, what, name, request, as]) => ({ code, what, name, request, as }));
  test.each(named)("$code: $what ($name)", async ({ code, name, request, as }) => {
    const operation = operations[name] as unknown as Operation<Fields, Fields>;
    const before = simulator.world.stations.map(({ panelSharing }) => panelSharing);
    const answer = await call(
      { ...simulator, ...(as ?? {}) } as Simulator,
      operation,
      request() as Draft<Fields>,
    );
    simulator.world.stations.forEach((found, index) => {
      found.panelSharing = before[index]!;
    });
    expect(answer.responseCode).toBe(code);
    expect(answer.responseText).not.toBeNull();
  });

  test("of the guide are all here: provoked above, success, or not to be provoked for a reason", () => {
    const provoked = new Set(cases.map(([code]) => code));
    const missing = Object.keys(RESPONSE_CODES).filter(
      (code) => code !== "100" && !provoked.has(code) && !(code in NOT_PROVOKED),
    );
    expect(missing).toEqual([]);
    expect([...provoked].filter((code) => code in NOT_PROVOKED)).toEqual([]);
  });

  test.each([
    ["121", "getLoad", "<searchQuery><sgID>many</sgID></searchQuery>"],
    ["132", "getLoad", "<searchQuery><sessionID>last</sessionID></searchQuery>"],
    [
      "124",
      "shedLoad",
      "<shedQuery><shedStation><stationID>1:100001</stationID></shedStation><timeInterval>soon</timeInterval></shedQuery>",
    ],
    [
      "123",
      "shedLoad",
      "<shedQuery><shedStation><percentShedPerStation>half</percentShedPerStation></shedStation></shedQuery>",
    ],
    ["132", "get15minChargingSessionData", "<sessionID>last</sessionID>"],
    ["154", "getOrgsAndStationGroups", "<searchQuery><sgID>many</sgID></searchQuery>"],
  ])("%s where a value of %s is not of its type", async (code, name, inside) => {
    const document = `<urn:${name} xmlns:urn="urn:dictionary:com.chargepoint.webservices">${inside}</urn:${name}>`;
    const answer = await post(simulator, handmade(simulator, document));
    expect(answer.body).toContain(`<responseCode>${code}</responseCode>`);
  });
});
