import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { openRig, type Rig, type RigOptions } from "./rig.ts";

const signal = AbortSignal.timeout(60_000);
const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Starting Value,Writable\n";

let rig: Rig;
const open = async (options?: RigOptions) => {
  rig = await openRig(options);
};
afterEach(() => rig.close());

describe("scraping", () => {
  beforeEach(() => open());

  test("every attribute of a two-port station is read, with one call per operation and two for sessions", async () => {
    rig.simulator.world.plugIn(rig.stationID, "1", { kw: 6.6 });
    const { values, failures } = await rig.device.scrapeAll(signal);
    expect([...failures]).toEqual([]);
    expect(Object.fromEntries(values)).toMatchObject({
      stationID: rig.stationID,
      numPorts: 2,
      portNumber_1: "1",
      portNumber_2: "2",
      Status_1: "INUSE",
      Status_2: "AVAILABLE",
      StatusConnector_1: "J1772",
      portLoad_1: 6.6,
      portLoad_2: 0,
      stationLoad: 6.6,
      shedState: 0,
      allowedLoad: 0,
      clearAlarms: 0,
      session_endTime_1: null,
      session_sessionID_2: null,
    });
    expect(values.get("session_sessionID_1")).toEqual(values.get("loadSessionID_1"));
    expect(Object.keys(values.get("stationRightsProfile") as object)).not.toEqual([]);
    expect(rig.called().sort()).toEqual([
      "getAlarms",
      "getChargingSessionData",
      "getChargingSessionData",
      "getLoad",
      "getStationRights",
      "getStationStatus",
      "getStations",
    ]);
  });

  test("C4: only the operations that the registry needs are called", async () => {
    const device = rig.another(
      {},
      `${HEADER}load,portLoad,LoadRegister,1,float,,\nshed,shedState,LoadRegister,1,int,,\n`,
    );
    await device.scrapeAll(signal);
    expect(rig.called()).toEqual(["getLoad"]);
  });

  test("C1: a failed operation fails its own points and no others", async () => {
    rig.simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "101" } });
    const { values, failures } = await rig.device.scrapeAll(signal);
    expect(values.get("stationID")).toBe(rig.stationID);
    expect(values.has("portLoad_1")).toBe(false);
    expect(failures.get("portLoad_1")?.message).toMatch(/getLoad: code 101/);
    expect([...failures.keys()].every((point) => !values.has(point))).toBe(true);
  });

  test("C1: a plan that lacks a call is said once, not with every scrape", async () => {
    rig.simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "101" } });
    for (let scrape = 0; scrape < 3; scrape++) await rig.device.scrapeAll(signal);
    expect(rig.logLines.filter((line) => line.includes("may not use getLoad"))).toHaveLength(1);
  });

  test("C8: a station that the account does not see is an error that says so, never another station's values", async () => {
    const { values, failures } = await rig.another({ stationID: "1:999999" }).scrapeAll(signal);
    expect(failures.get("Status_1")?.message).toContain("getStationStatus has no station 1:999999");
    expect(values.get("session_sessionID_1") ?? null).toBeNull();
  });

  test("guide §6.1: sessions are asked for at most every five minutes", async () => {
    for (let scrape = 0; scrape < 3; scrape++) await rig.device.scrapeAll(signal);
    expect(rig.called().filter((name) => name === "getChargingSessionData")).toHaveLength(2);
  });

  test("C3: two devices of one station share the calls of one moment", async () => {
    const other = rig.another();
    await Promise.all([rig.device.scrapeAll(signal), other.scrapeAll(signal)]);
    expect(rig.called()).toHaveLength(7);
  });

  test("cacheExpiration lets a scrape use younger answers, a get never does", async () => {
    const device = rig.another({ cacheExpiration: 40 }, `${HEADER}load,portLoad,LoadRegister,1,float,,\n`);
    await device.scrapeAll(signal);
    await device.scrapeAll(signal);
    expect(rig.called()).toEqual(["getLoad"]);
    await device.getPoint("load", signal);
    expect(rig.called()).toEqual(["getLoad"]);
  });

  test("C7: a value that its Type cannot hold is null, said once", async () => {
    const device = rig.another({}, `${HEADER}model,stationModel,StationRegister,,float,,\n`);
    for (let scrape = 0; scrape < 3; scrape++) {
      expect((await device.scrapeAll(signal)).values.get("model")).toBeNull();
    }
    expect(
      rig.logLines.filter((line) => line.includes('point \\"model\\"') || line.includes('point "model"')),
    ).toHaveLength(1);
  });

  test("C11: wrong credentials: one message that names account, service and remedy", async () => {
    const device = rig.another({ username: "wrong-licence-key" });
    for (let scrape = 0; scrape < 3; scrape++) await expect(device.scrapeAll(signal)).rejects.toThrow();
    expect(rig.notices).toHaveLength(1);
    expect(rig.notices[0]).toMatch(
      /^error credentials_refused: account wrong-li… at http:.*check the API licence key/,
    );
    expect((await rig.device.scrapeAll(signal)).failures.size).toBe(0);
  });

  test("each call is reported with its account, outcome and duration; an account that is refused is paused", async () => {
    await rig.device.scrapeAll(signal);
    await expect(rig.another({ username: "wrong-licence-key" }).scrapeAll(signal)).rejects.toThrow();
    const [first] = rig.reported;
    expect(first).toMatchObject({ operation: "getStations", outcome: "success", isError: false });
    expect(first!.seconds).toBeGreaterThan(0);
    const refused = rig.reported.filter(({ account }) => account.startsWith("wrong-li… at http:"));
    expect(refused.length).toBeGreaterThan(0);
    for (const call of refused) expect(call).toMatchObject({ outcome: "credentials", isError: true });
    const states = rig.service.accountStates!();
    expect(states.map(({ label, isPaused }) => [label.split(" ")[0], isPaused])).toEqual([
      [expect.any(String), false],
      ["wrong-li…", true],
    ]);
    expect(rig.reported).toHaveLength(rig.service.counters!().calls!);
  });

  test("G1: neither password nor licence key is in any log line, notice or error", async () => {
    await rig.device.scrapeAll(signal);
    await rig
      .another({ password: "canary-password-1", username: "canary-user" })
      .scrapeAll(signal)
      .catch((error: Error) => rig.logLines.push(String(error.stack)));
    const all = [...rig.logLines, ...rig.notices].join("\n");
    expect(all).not.toContain("canary-password-1");
    expect(all).not.toContain(rig.simulator.password);
  });
});

describe("set points", () => {
  const set = (point: string, value: number, durationMinutes?: number) =>
    rig.device.setPoint(point, value, {
      signal,
      ...(durationMinutes === undefined ? {} : { durationMinutes }),
    });
  const shedRequests = () =>
    rig.simulator.calls.filter((call) => call.operation === "shedLoad").map((call) => call.request);

  beforeEach(async () => {
    await open();
    rig.simulator.world.plugIn(rig.stationID, "1", { kw: 6.6 });
    rig.simulator.world.plugIn(rig.stationID, "2", { kw: 6.6 });
  });

  test("E8: making and reading a device writes nothing", async () => {
    await rig.device.scrapeAll(signal);
    expect(rig.called().filter((name) => /shed|clear/i.test(name))).toEqual([]);
  });

  test("E7: allowedLoad is one shedLoad call with the lease as timeInterval, confirmed by a fresh read", async () => {
    const outcome = await set("allowedLoad_1", 3.3);
    expect(rig.called()).toEqual(["shedLoad"]);
    expect(shedRequests()).toMatchObject([
      {
        shedQuery: {
          shedStation: {
            stationID: rig.stationID,
            Ports: { Port: [{ portNumber: "1", allowedLoadPerPort: 3.3 }] },
          },
          timeInterval: 60,
        },
      },
    ]);
    expect(outcome).toMatchObject({ code: "100", hold: { key: "port:1", leaseSeconds: 3600 } });
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 3.3 });
    expect(rig.called()).toEqual(["getLoad"]);
    expect(await rig.device.getPoint("portLoad_1", signal)).toBe(3.3);
    expect(await rig.device.getPoint("portLoad_2", signal)).toBe(6.6);
    rig.clock.advance(3601);
    expect(await rig.device.getPoint("shedState_1", signal)).toBe(0);
  });

  test("E7: a duration is sent instead of the lease", async () => {
    const outcome = await set("allowedLoad", 4, 15);
    expect(shedRequests()).toMatchObject([
      { shedQuery: { timeInterval: 15, shedStation: { allowedLoadPerStation: 4 } } },
    ]);
    expect(outcome.hold).toMatchObject({ key: "station", leaseSeconds: 900 });
  });

  test("E14: while the service still shows the old value, the read-back says so", async () => {
    rig.simulator.trouble.writesShowLateSeconds = 10;
    const outcome = await set("allowedLoad_1", 3.3);
    expect(await outcome.verify(signal)).toMatchObject({ confirmed: false });
    rig.clock.advance(11);
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 3.3 });
  });

  test("E10: reverting a port that is not shed clears it, and writes no 0 kW", async () => {
    const outcome = await rig.device.revertPoint("allowedLoad_1", { signal });
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 0 });
    expect(rig.called()).not.toContain("shedLoad");
    expect(await rig.device.getPoint("portLoad_1", signal)).toBe(6.6);
  });

  test("a Starting Value is what a revert writes", async () => {
    const device = rig.another({}, `${HEADER}limit,allowedLoad,LoadRegister,1,float,5,TRUE\n`);
    await device.revertPoint("limit", { signal });
    expect(shedRequests()).toMatchObject([
      { shedQuery: { shedStation: { Ports: { Port: [{ allowedLoadPerPort: 5 }] } } } },
    ]);
  });

  test("shedState: 0 clears, 1 applies the last limit again, also after a restart; refused where none is known", async () => {
    await expect(set("shedState_2", 1)).rejects.toThrow(/write allowedLoad or percentShed instead/);
    await set("allowedLoad_1", 2.5);
    expect(await (await set("shedState_1", 0)).verify(signal)).toEqual({ confirmed: true, readBack: 0 });
    const restarted = rig.another();
    const outcome = await restarted.setPoint("shedState_1", 1, { signal });
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 1 });
    expect(await restarted.getPoint("allowedLoad_1", signal)).toBe(2.5);
  });

  test("E12: a mode change clears the bridge's own shed first", async () => {
    await set("allowedLoad_1", 3.3);
    rig.called();
    const outcome = await set("percentShed_1", 50);
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 50 });
    expect(rig.called().filter((name) => name !== "getLoad")).toEqual([
      "shedLoad",
      "clearShedState",
      "shedLoad",
    ]);
  });

  test("E12: when the new limit is not taken after the clear, the old one is put back and the failure is told", async () => {
    await set("allowedLoad_1", 3.3);
    // The service answers the first call with its own 179, takes the clear, and cannot shed at that moment.
    const effect = { kind: "code", code: "126" } as const;
    rig.simulator.trouble.begin({ operation: "shedLoad", skip: 1, times: 1, effect });
    rig.called();
    await expect(set("percentShed_1", 50)).rejects.toMatchObject({ code: "126" });
    expect(rig.called().filter((name) => name === "shedLoad")).toHaveLength(3);
    expect(await rig.device.getPoint("allowedLoad_1", signal)).toBe(3.3);
  });

  test("E12: shed_mode_change reject leaves the shed as it is, with the service's code", async () => {
    const device = rig.another({ shed_mode_change: "reject" });
    await device.setPoint("allowedLoad_1", 3.3, { signal });
    await expect(device.setPoint("percentShed_1", 50, { signal })).rejects.toMatchObject({ code: "179" });
    expect(await device.getPoint("allowedLoad_1", signal)).toBe(3.3);
  });

  test("somebody else's shed is never cleared for a mode change", async () => {
    const { world } = rig.simulator;
    const station = world.findStation(rig.stationID)!;
    world.shedStation(station, { mode: "percent", value: 40, minutes: 0 } as never);
    await expect(set("allowedLoad_1", 3.3)).rejects.toMatchObject({ code: "179" });
    expect(rig.called()).not.toContain("clearShedState");
  });

  test("E11: clearing one port leaves the other limited, on a network that clears the whole station too", async () => {
    await rig.close();
    await open({ simulator: { clearsWholeStation: true } });
    rig.simulator.world.plugIn(rig.stationID, "1", { kw: 6.6 });
    rig.simulator.world.plugIn(rig.stationID, "2", { kw: 6.6 });
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    const outcome = await rig.device.revertPoint("allowedLoad_1", { signal });
    expect(outcome.warnings?.join()).toContain("port 2");
    expect(await outcome.verify(signal)).toMatchObject({ confirmed: true });
    expect(await rig.device.getPoint("allowedLoad_2", signal)).toBe(4);
    expect(await rig.device.getPoint("portLoad_1", signal)).toBe(6.6);
  });

  test("E11: a port that the service cleared too and that cannot be limited again is told to be free", async () => {
    await rig.close();
    await open({ simulator: { clearsWholeStation: true } });
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    rig.simulator.trouble.begin({ operation: "shedLoad", effect: { kind: "code", code: "126" } });
    await expect(rig.device.revertPoint("allowedLoad_1", { signal })).rejects.toThrow(
      /port 2 is not limited now/,
    );
  });

  test("a port's limit inside the station's is refused while the station's stands, and free when it has ended", async () => {
    await set("allowedLoad", 8, 10);
    await expect(set("allowedLoad_1", 3)).rejects.toThrow(
      /holds for the whole station \(8 kW\): revert that first/,
    );
    rig.clock.advance(601);
    rig.book.gone(rig.book.entries()[0]!);
    await expect(set("allowedLoad_1", 3)).resolves.toMatchObject({ code: "100" });
  });

  test("a station's limit takes the place of its ports' holds", async () => {
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 3);
    const outcome = await set("allowedLoad", 8);
    expect(outcome.releases).toEqual(["port:1", "port:2"]);
    const reverted = await rig.device.revertPoint("allowedLoad", { signal });
    expect(reverted.releases).toContain("station");
  });

  test("E23: a percentage on an idle port is told to mean no power", async () => {
    rig.simulator.world.unplug(rig.stationID, "2");
    const outcome = await set("percentShed_2", 50);
    expect(outcome.warnings).toEqual([expect.stringContaining("means 0 kW")]);
  });

  test.each([
    ["allowedLoad_1", -1],
    ["percentShed_1", 101],
    ["percentShed_1", 12.5],
    ["shedState_1", 2],
    ["clearAlarms", 7],
  ])("E15: %s %d is refused without a call", async (point, value) => {
    await expect(set(point, value)).rejects.toThrow(/is not a valid value for point/);
    expect(rig.called()).toEqual([]);
  });

  test("E13: the service's refusal is an error with its code and the guide's meaning", async () => {
    await expect(set("allowedLoad_1", 1000)).rejects.toMatchObject({
      code: "177",
      message: expect.stringContaining("shedLoad"),
    });
    expect(await rig.device.getPoint("shedState_1", signal)).toBe(0);
  });

  test("clearAlarms: 1 clears the alarms, 0 does nothing", async () => {
    rig.simulator.world.raiseAlarm(rig.stationID, "GFCI Trip", "1");
    expect(await rig.device.getPoint("alarmType_1", signal)).toBe("GFCI Trip");
    rig.called();
    await set("clearAlarms", 0);
    expect(rig.called()).toEqual([]);
    const outcome = await set("clearAlarms", 1);
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 0 });
    expect(await rig.device.getPoint("alarmType_1", signal)).toBeNull();
    // C10: nothing left to clear is done, not an error.
    await expect(set("clearAlarms", 1)).resolves.toMatchObject({ code: "153" });
  });
});
