import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { call } from "./call.ts";

const {
  clearAlarms,
  getAlarms,
  getChargingSessionData,
  getCPNInstances,
  getLoad,
  getStationRights,
  getStationStatus,
  getStations,
} = operations;

describe("a network of 620 stations on an ordinary day", () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({ stations: 620, clock: new SteppedClock() });
  });
  afterAll(() => simulator.close());

  const stations = (
    searchQuery: NonNullable<
      Parameters<typeof call<typeof getStations.request, typeof getStations.response>>[2]["searchQuery"]
    >,
  ) => call(simulator, getStations, { searchQuery });

  test("getCPNInstances tells the four networks, without a response code", async () => {
    const answer = await call(simulator, getCPNInstances, {});
    expect(answer.CPN.map(({ cpnName }) => cpnName)).toEqual(["USA", "EU", "AU", "CA"]);
    expect(answer).not.toHaveProperty("responseCode");
  });

  test("getStations in pages of 500: every station once, records numbered through", async () => {
    const first = await stations({});
    expect(first).toMatchObject({ responseCode: "100", moreFlag: 1 });
    const second = await stations({ startRecord: 501 });
    expect(second.moreFlag).toBe(0);
    const all = [...first.stationData, ...second.stationData];
    expect(all.map(({ recordNumber }) => recordNumber)).toEqual(all.map((_, index) => index + 1));
    expect(all.map(({ stationID }) => stationID).slice(0, 620)).toEqual(simulator.stationIDs);
    // The last few may only be looked at.
    expect(all).toHaveLength(620 + 10);
    const page = await stations({ startRecord: 11, numStations: 5 });
    expect(page.stationData.map(({ recordNumber }) => recordNumber)).toEqual([11, 12, 13, 14, 15]);
    expect(page.moreFlag).toBe(1);
  });

  test("189, 130, 102: pages that cannot be", async () => {
    expect(await stations({ numStations: 501 })).toMatchObject({ responseCode: "189" });
    expect(await stations({ numStations: 0 })).toMatchObject({ responseCode: "130" });
    expect(await stations({ startRecord: 0 })).toMatchObject({ responseCode: "130" });
    expect(await stations({ startRecord: 631 })).toMatchObject({ responseCode: "102", stationData: [] });
  });

  test("an ordinary station tells all of the guide's table, with name, place and prices", async () => {
    const [station] = (await stations({ stationID: "1:100001" })).stationData;
    expect(station).toMatchObject({
      recordNumber: 1,
      stationManufacturer: "ChargePoint",
      stationName: "RIVERBEND / NORTH GARAGE 01",
      postalCode: "99352",
      numPorts: 2,
      orgID: "1:ORG10001",
      organizationName: "Riverbend Campus",
      sgID: "20003, 20002",
      timezoneOffset: "-08:00",
      currencyCode: "USD",
      networkStatus: "REACHABLE",
      Geo: null,
      Port: [
        { portNumber: "1", Level: "L2", Connector: "J1772", Voltage: "240", Current: "30", Power: "7.200" },
        { portNumber: "2", Reservable: 0, estimatedCost: 0, Geo: { Lat: "46.344600" } },
      ],
      Pricing: [{ Type: "kWh", unitPricePerKWh: 0.25, startTime: "00:00:00", endTime: "23:59:59" }],
    });
    expect(station!.stationSerialNum).toMatch(/^00\d+$/);
    expect(station!.stationMacAddr).toMatch(/^0024:B100:[\dA-F]{4}:[\dA-F]{4}$/);
    const silent = Object.entries(station!).filter(([, value]) => value === null);
    expect(silent.map(([name]) => name)).toEqual([
      "Geo",
      "driverName",
      "driverAddress",
      "driverEmail",
      "driverPhoneNumber",
    ]);
  });

  test("a fast station has port 1A", async () => {
    const [station] = (await stations({ Level: "4", numStations: 1 })).stationData;
    expect(station!.Port).toMatchObject([{ portNumber: "1A", Power: "62.500", Level: "DC Fast" }]);
  });

  test("searches: wildcards, places, groups, organisations, plugs, distance", async () => {
    const count = async (query: Parameters<typeof stations>[0]): Promise<string> => {
      const answer = await stations(query);
      return answer.responseCode === "100" ? String(answer.stationData.length) : answer.responseCode!;
    };
    expect(await count({ stationName: "RIVERBEND / NORTH GARAGE 01" })).toBe("1");
    const those = (fits: (station: (typeof simulator.world.stations)[number]) => boolean): string =>
      String(simulator.world.stations.slice(0, 620).filter(fits).length);
    expect(await count({ stationName: "riverbend / north garage *1" })).toBe(
      those(({ name }) => /^RIVERBEND \/ NORTH GARAGE .*1$/.test(name)),
    );
    expect(await count({ stationName: "%NORTH GARAGE 0%" })).toBe(
      those(({ name }) => /NORTH GARAGE 0/.test(name)),
    );
    expect(await count({ stationName: "NORTH GARAGE" })).toBe("102");
    expect(await count({ postalCode: "02134", City: "allston" })).toBe(
      those(({ site }) => site.city === "Allston"),
    );
    expect(await count({ postalCode: "2134" })).toBe("102");
    expect(await count({ Address: "100 Innovation Blvd" })).toBe("24");
    expect(await count({ sgID: "20003" })).toBe("24");
    expect(await count({ sgName: "Richland NORTH GARAGE" })).toBe("24");
    expect(await count({ sgID: "999" })).toBe("129");
    expect(await count({ orgID: "1:ORG10002" })).toBe(String(24 * 6 + 10));
    expect(await count({ orgID: "1:ORG99" })).toBe("159");
    expect(await count({ orgID: "nonsense" })).toBe("158");
    expect(await count({ stationID: "nonsense" })).toBe("152");
    expect(await count({ stationID: "1:1" })).toBe("102");
    expect(await count({ Connector: "CCS1" })).toBe(those(({ model }) => model.dc));
    expect(await count({ Connector: "nema 5-20r", Level: "2" })).toBe(
      those(({ ports }) => ports.some(({ outlet }) => outlet.connector === "NEMA 5-20R")),
    );
    expect(
      await count({ serialNumber: (await stations({ numStations: 1 })).stationData[0]!.stationSerialNum! }),
    ).toBe("1");
    const here = { Lat: "46.3446", Long: "-119.2791" };
    expect(await count({ Geo: here, Proximity: 100, proximityUnit: "F" })).toBe("24");
    expect(Number(await count({ Geo: here, Proximity: 50, proximityUnit: "K" }))).toBeGreaterThan(24);
    expect(await count({ Geo: here, Proximity: 50, proximityUnit: "X" })).toBe("135");
  });

  test("166, and a cost where all of Pricing is there", async () => {
    const Pricing = { startTime: "08:00:00", Duration: 2, energyRequired: 10, vehiclePower: 6 };
    const answer = await stations({ stationID: "1:100001", Pricing });
    expect(answer.stationData[0]!.Port[0]!.estimatedCost).toBe(2.5);
    expect(await stations({ Pricing: { Duration: 2 } })).toMatchObject({ responseCode: "166" });
  });

  test("getStationStatus agrees with getLoad: in use where there is a session", async () => {
    const ids = simulator.stationIDs.slice(0, 40);
    const answer = await call(simulator, getStationStatus, {
      searchQuery: { stationIDs: { stationID: [...ids, "1:424242", ids[0]!] } },
    });
    expect(answer.stationData.map(({ stationID }) => stationID)).toEqual(ids);
    for (const station of answer.stationData) {
      const load = await call(simulator, getLoad, { searchQuery: { stationID: station.stationID! } });
      station.Port.forEach((port, index) => {
        const inUse = load.stationData[0]!.Port[index]!.sessionID !== "0";
        if (port.faultReason === "NONE") expect(port.Status).toBe(inUse ? "INUSE" : "AVAILABLE");
        expect(port).toMatchObject({ Connector: null, Power: null });
      });
    }
  });

  test("getStationStatus: 194, 102, portDetails, search by status", async () => {
    const status = (searchQuery: object) => call(simulator, getStationStatus, { searchQuery });
    const [first, second] = simulator.stationIDs;
    expect(await status({ stationID: first, stationIDs: { stationID: [second] } })).toMatchObject({
      responseCode: "194",
    });
    expect(await status({ stationIDs: { stationID: ["1:424242"] } })).toMatchObject({ responseCode: "102" });
    const [station] = (await status({ stationID: first, portDetails: true })).stationData;
    expect(station!.Port[0]).toMatchObject({ Connector: "J1772", Power: "7.200" });
    expect(station!.networkStatus).toBe("REACHABLE");
    const free = await status({ Status: 1 });
    expect(free.stationData.every(({ Port }) => Port.some(({ Status }) => Status === "AVAILABLE"))).toBe(
      true,
    );
    expect(await status({ Status: 9 })).toMatchObject({ responseCode: "135" });
    const page = await status({});
    expect(page).toMatchObject({ moreFlag: 1 });
    expect(page.stationData).toHaveLength(500);
  });

  test("getLoad: ports add up to the station, stations to the group, nested groups are within", async () => {
    const group = await call(simulator, getLoad, { searchQuery: { sgID: 20001 } });
    expect(group.groupName).toBe("All stations");
    expect(group.numStations).toBe(620 - 24 * 6);
    expect(group.stationData).toHaveLength(group.numStations!);
    let sum = 0;
    for (const station of group.stationData) {
      const ports = station.Port.reduce((total, port) => total + port.portLoad!, 0);
      expect(station.stationLoad).toBeCloseTo(ports, 9);
      sum += station.stationLoad!;
    }
    expect(group.sgLoad).toBeCloseTo(sum, 6);
    const alone = await call(simulator, getLoad, { searchQuery: { stationID: "1:100001" } });
    expect(alone).toMatchObject({ numStations: 0, groupName: null, sgLoad: null });
    expect(alone.stationData).toEqual([group.stationData[0]]);
  });

  test("getLoad by session is its station's; an idle port has no driver and session 0", async () => {
    const group = await call(simulator, getLoad, { searchQuery: { sgID: 20001 } });
    const busy = group.stationData.find(({ Port }) => Port.some(({ sessionID }) => sessionID !== "0"))!;
    const { sessionID } = busy.Port.find((port) => port.sessionID !== "0")!;
    const answer = await call(simulator, getLoad, { searchQuery: { sessionID: sessionID! } });
    expect(answer.stationData).toEqual([busy]);
    const idle = group.stationData.flatMap(({ Port }) => Port).filter((port) => port.sessionID === "0");
    expect(idle.length).toBeGreaterThan(20);
    for (const port of idle) expect(port).toMatchObject({ userID: null, credentialID: null, portLoad: 0 });
    const percents = group.stationData.flatMap(({ Port }) => Port.map((port) => port.lastBatteryPercent));
    expect(percents.some((percent) => percent !== null)).toBe(true);
  });

  test.each([
    ["184", {}],
    ["182", { sgID: 20001, stationID: "1:100001" }],
    ["182", { stationID: "1:100001", sessionID: "910000001" }],
    ["103", { stationID: "1:1" }],
    ["152", { stationID: "x" }],
    ["129", { sgID: 7 }],
    ["121", { sgID: -7 }],
    ["132", { sessionID: "1" }],
    ["132", { sessionID: "910000001" }],
  ])("getLoad %s: %j", async (code, searchQuery) => {
    expect(await call(simulator, getLoad, { searchQuery })).toMatchObject({ responseCode: code });
  });

  test("getStationRights in pages of 100, group by group", async () => {
    const seen: string[] = [];
    const groups = new Set<string>();
    for (let start = 1, more = 1; more; start += 100) {
      const page = await call(simulator, getStationRights, { searchQuery: { startRecord: String(start) } });
      const stations = page.rightsData.flatMap(({ stationData }) => stationData);
      expect(stations.length).toBeLessThanOrEqual(100);
      more = page.moreFlag!;
      if (more) expect(stations).toHaveLength(100);
      for (const { sgID, stationRightsProfile, stationData } of page.rightsData) {
        groups.add(`${sgID} ${stationRightsProfile}`);
        seen.push(...stationData.map(({ stationID }) => `${sgID} ${stationID}`));
      }
    }
    expect(seen.length).toBe(new Set(seen).size);
    expect(new Set(seen.map((entry) => entry.split(" ")[1])).size).toBe(630);
    expect([...groups].some((group) => group.endsWith("network manager"))).toBe(true);
    expect([...groups].some((group) => group.endsWith("detailed usage viewer"))).toBe(true);
  });

  test("getStationRights of one station: its groups", async () => {
    const answer = await call(simulator, getStationRights, { searchQuery: { stationID: "1:100001" } });
    expect(answer.rightsData).toMatchObject([
      { sgID: "20002", sgName: "Demand response", stationData: [{ stationID: "1:100001" }] },
      { sgID: "20003", sgName: "Richland NORTH GARAGE", stationData: [{ companyID: "1:ORG10001" }] },
    ]);
    const none = await call(simulator, getStationRights, { searchQuery: { stationID: "1:1" } });
    expect(none.responseCode).toBe("102");
    const large = await call(simulator, getStationRights, { searchQuery: { numStations: 101 } });
    expect(large.responseCode).toBe("189");
  });

  test("getChargingSessionData in pages of 100, oldest first, each once, all of them ended", async () => {
    const seen: string[] = [];
    let before = "";
    for (let start = 1, more = 1; more; start += 100) {
      const page = await call(simulator, getChargingSessionData, {
        searchQuery: { startRecord: String(start) },
      });
      more = page.MoreFlag!;
      for (const session of page.ChargingSessionData) {
        expect(session.endTime).not.toBeNull();
        expect(session.startTime! >= before).toBe(true);
        before = session.startTime!;
        seen.push(session.sessionID!);
        expect(session.recordNumber).toBe(String(seen.length));
      }
    }
    expect(new Set(seen).size).toBe(seen.length);
    const { organisation } = simulator.world.stations[0]!;
    const visible = new Set(simulator.world.stationsSeenBy(organisation).map(({ id }) => id));
    const ended = simulator.world.sessions.filter(
      ({ endedAt, stationID }) => endedAt !== null && visible.has(stationID),
    );
    expect(seen.length).toBe(ended.length);
  });

  test("getChargingSessionData: a window holds what starts in it and ends before its end", async () => {
    const searchQuery = { fromTimeStamp: "2026-11-18T08:00:00Z", toTimeStamp: "2026-11-18T12:00:00Z" };
    const answer = await call(simulator, getChargingSessionData, { searchQuery });
    expect(answer.ChargingSessionData.length).toBeGreaterThan(10);
    for (const { startTime, endTime } of answer.ChargingSessionData) {
      expect(startTime! >= searchQuery.fromTimeStamp && endTime! < searchQuery.toTimeStamp).toBe(true);
    }
    const naive = { fromTimeStamp: "2026-11-18T08:00:00", toTimeStamp: "2026-11-18T12:00:00" };
    expect(await call(simulator, getChargingSessionData, { searchQuery: naive })).toEqual(answer);
    const turned = { fromTimeStamp: searchQuery.toTimeStamp, toTimeStamp: searchQuery.fromTimeStamp };
    expect(await call(simulator, getChargingSessionData, { searchQuery: turned })).toMatchObject({
      responseCode: "142",
    });
    const late = { fromTimeStamp: "2027-01-01T00:00:00Z" };
    expect(await call(simulator, getChargingSessionData, { searchQuery: late })).toMatchObject({
      responseCode: "136",
    });
  });

  test("an active session has no end, and getLoad names the same session and driver", async () => {
    const load = await call(simulator, getLoad, { searchQuery: { sgID: 20003 } });
    const busy = load.stationData.find(({ Port }) => Port.some(({ sessionID }) => sessionID !== "0"))!;
    const answer = await call(simulator, getChargingSessionData, {
      searchQuery: { stationID: busy.stationID!, activeSessionsOnly: true },
    });
    const port = busy.Port.find(({ sessionID }) => sessionID !== "0")!;
    const session = answer.ChargingSessionData.find(({ sessionID }) => sessionID === port.sessionID)!;
    expect(session).toMatchObject({
      endTime: null,
      endedBy: null,
      portNumber: port.portNumber,
      userID: port.userID,
      credentialID: port.credentialID,
    });
  });
});

describe("one station, watched closely", () => {
  let clock: SteppedClock;
  let simulator: Simulator;
  beforeEach(async () => {
    clock = new SteppedClock("2026-11-18T17:00:00Z");
    simulator = await startSimulator({ stations: 3, clock, traffic: false, incidents: false });
  });
  afterEach(() => simulator.close());

  const sessions = async (searchQuery: object) => call(simulator, getChargingSessionData, { searchQuery });

  test("a session grows by what getLoad shows, and closes", async () => {
    simulator.world.plugIn("1:100002", "1", { kw: 6, needKwh: 12, taperFromKwh: 11, stayMinutes: 240 });
    let energy = 0;
    for (let minute = 0; minute < 200; minute += 1) {
      const load = await call(simulator, getLoad, { searchQuery: { stationID: "1:100002" } });
      energy += load.stationData[0]!.Port[0]!.portLoad! / 60;
      clock.advance(60);
    }
    const active = await sessions({ stationID: "1:100002", activeSessionsOnly: true });
    expect(active.ChargingSessionData[0]!.Energy).toBeCloseTo(12, 4);
    expect(energy).toBeCloseTo(12, 0);
    expect(await sessions({ stationID: "1:100002" })).toMatchObject({ responseCode: "136" });
    clock.advance(60 * 60);
    const [session] = (await sessions({ stationID: "1:100002" })).ChargingSessionData;
    expect(session).toMatchObject({
      stationID: "1:100002",
      portNumber: "1",
      startTime: "2026-11-18T17:00:00Z",
      endTime: "2026-11-18T21:00:00Z",
      totalSessionDuration: "04:00:00",
      endedBy: "Plug Out at Vehicle",
      startBatteryPercentage: 20,
      stopBatteryPercentage: 100,
    });
    expect(session!.totalChargingDuration! > "02:00:00").toBe(true);
    expect(session!.totalChargingDuration! < "03:00:00").toBe(true);
    const idle = await call(simulator, getLoad, { searchQuery: { stationID: "1:100002" } });
    expect(idle.stationData[0]!.Port[0]).toMatchObject({ sessionID: "0", userID: null });
    expect(await sessions({ sessionID: session!.sessionID! })).toMatchObject({ responseCode: "100" });
  });

  test("session data can be as old as the real service's five minutes", async () => {
    const slow = await startSimulator({
      stations: 1,
      clock,
      traffic: false,
      incidents: false,
      sessionRefreshSeconds: 300,
    });
    try {
      const ask = (activeSessionsOnly: boolean) =>
        call(slow, getChargingSessionData, { searchQuery: { activeSessionsOnly } });
      clock.advance(60);
      slow.world.plugIn("1:100001", "1", { kw: 6, stayMinutes: 10 });
      clock.advance(200);
      expect(await ask(true)).toMatchObject({ responseCode: "136" });
      clock.advance(100);
      const active = await ask(true);
      expect(active.ChargingSessionData[0]!.Energy).toBeCloseTo((6 * 4) / 60, 6);
      clock.advance(360); // it ends after eleven minutes, at 660 s
      expect(await ask(true)).toMatchObject({ responseCode: "100" });
      expect(await ask(false)).toMatchObject({ responseCode: "136" });
      clock.advance(180);
      expect((await ask(false)).ChargingSessionData[0]!.Energy).toBeCloseTo(1, 6);
    } finally {
      await slow.close();
    }
  });

  test("a station out of reach says so everywhere, delivers nothing, and comes back", async () => {
    simulator.world.plugIn("1:100001", "1");
    clock.advance(90);
    simulator.world.disconnect("1:100001");
    clock.advance(600);
    const status = () =>
      call(simulator, getStationStatus, { searchQuery: { stationID: "1:100001" } }).then(
        ({ stationData }) => stationData[0]!,
      );
    expect(await status()).toMatchObject({
      networkStatus: "UNREACHABLE",
      Port: [
        { Status: "UNREACHABLE", faultReason: "Station Unreachable", TimeStamp: "2026-11-18T17:01:30Z" },
        { Status: "UNREACHABLE" },
      ],
    });
    const load = () => call(simulator, getLoad, { searchQuery: { stationID: "1:100001" } });
    expect((await load()).stationData[0]!.stationLoad).toBe(0);
    simulator.world.reconnect("1:100001");
    expect(await status()).toMatchObject({ networkStatus: "REACHABLE", Port: [{ Status: "INUSE" }, {}] });
    expect((await load()).stationData[0]!.stationLoad).toBe(7.2);
    const alarms = await call(simulator, getAlarms, { searchQuery: { stationID: "1:100001" } });
    expect(alarms.Alarms).toMatchObject([
      { alarmType: "Reachable", portNumber: null, alarmTime: "2026-11-18T17:11:30Z" },
      { alarmType: "Unreachable", portNumber: null, alarmTime: "2026-11-18T17:01:30Z" },
    ]);
  });

  test("a port that breaks down stops, raises an alarm of the port, and goes on when it is repaired", async () => {
    simulator.world.plugIn("1:100001", "2");
    simulator.world.breakDown("1:100001", "2", "Over Current");
    const load = async () =>
      (await call(simulator, getLoad, { searchQuery: { stationID: "1:100001" } })).stationData[0]!
        .stationLoad;
    expect(await load()).toBe(0);
    const status = await call(simulator, getStationStatus, { searchQuery: { stationID: "1:100001" } });
    expect(status.stationData[0]!.Port).toMatchObject([
      { Status: "AVAILABLE", faultReason: "NONE" },
      { Status: "UNKNOWN", faultReason: "Hardware Fault" },
    ]);
    simulator.world.repair("1:100001", "2");
    expect(await load()).toBe(7.2);
    const alarms = await call(simulator, getAlarms, { searchQuery: { portNumber: "2" } });
    expect(alarms.Alarms.map(({ alarmType }) => alarmType)).toEqual(["fault cleared", "Over Current"]);
  });

  describe("alarms", () => {
    const alarms = (searchQuery: object) => call(simulator, getAlarms, { searchQuery });
    const clear = async (searchQuery: object) =>
      (await call(simulator, clearAlarms, { searchQuery })).responseCode;

    test("the newest first, in pages of 100", async () => {
      for (let count = 0; count < 120; count++) {
        clock.advance(60);
        simulator.world.raiseAlarm("1:100003", `Alarm ${count}`);
      }
      const first = await alarms({});
      expect(first).toMatchObject({ moreFlag: 1 });
      expect(first.Alarms).toHaveLength(100);
      expect(first.Alarms[0]).toMatchObject({
        alarmType: "Alarm 119",
        recordNumber: 1,
        stationModel: "CT4020-HD",
      });
      const rest = await alarms({ startRecord: 101 });
      expect(rest).toMatchObject({ moreFlag: 0 });
      expect(rest.Alarms.map(({ recordNumber }) => recordNumber)).toEqual(
        Array.from({ length: 20 }, (_, index) => 101 + index),
      );
      const window = await alarms({ startTime: "2026-11-18T17:05:00Z", endTime: "2026-11-18T17:07:00Z" });
      expect(window.Alarms.map(({ alarmType }) => alarmType)).toEqual(["Alarm 6", "Alarm 5", "Alarm 4"]);
    });

    test("153 where there are none; 103 for an unknown station", async () => {
      expect(await alarms({})).toMatchObject({ responseCode: "153", Alarms: [] });
      expect(await alarms({ stationID: "1:1" })).toMatchObject({ responseCode: "103" });
    });

    test("are cleared for a station, a port, a type, an organisation; 153 for none, 172 for everything", async () => {
      const { world } = simulator;
      world.raiseAlarm("1:100001", "A");
      world.raiseAlarm("1:100001", "B", "1");
      world.raiseAlarm("1:100002", "A");
      world.raiseAlarm("1:100003", "C");
      expect(await clear({ stationID: "1:100001", portNumber: "1" })).toBe("100");
      expect(await clear({ stationID: "1:100001", portNumber: "1" })).toBe("153");
      expect((await alarms({ stationID: "1:100001" })).Alarms).toHaveLength(1);
      expect(await clear({ orgID: "1:ORG10001", organizationName: "Riverbend Campus", alarmType: "A" })).toBe(
        "100",
      );
      expect((await alarms({})).Alarms.map(({ alarmType }) => alarmType)).toEqual(["C"]);
      expect(await clear({})).toBe("172");
      expect(await clear({ companyID: "1:ORG10001", organizationName: "Riverbend Campus" })).toBe("100");
      expect(await alarms({})).toMatchObject({ responseCode: "153" });
    });
  });
});
