import { afterEach, beforeEach, expect, test } from "vitest";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { call } from "./call.ts";

/** Load shed events (guide §5.4, §5.5). */

const { createLoadShedEvent, removeLoadShedEvent, shedLoad, getChargingSessionData, getLoad } = operations;
const GROUP = "20003";

let clock: SteppedClock;
let simulator: Simulator;
beforeEach(async () => {
  clock = new SteppedClock("2026-11-18T17:00:00Z");
  simulator = await startSimulator({ stations: 24, clock, traffic: false, incidents: false });
  for (const { id, ports } of simulator.world.stations) {
    for (const { number } of ports) simulator.world.plugIn(id, number, { kw: 6, needKwh: 60 });
  }
});
afterEach(() => simulator.close());

const announce = (rest: object) =>
  call(simulator, createLoadShedEvent, {
    shedEvent: { eventStartTime: "2026-11-18T17:10:00Z", eventDuration: 30, allowOptOut: false, ...rest },
  });
const remove = (eventId: number | null) => call(simulator, removeLoadShedEvent, { eventId });
const ports = async (stationID = "1:100001") =>
  (await call(simulator, getLoad, { searchQuery: { stationID } })).stationData[0]!.Port;

test("an event limits every port from its start to its end", async () => {
  const { eventId, responseCode } = await announce({ stationID: "1:100001", allowedLoadPerPort: 3 });
  expect([responseCode, typeof eventId]).toEqual(["100", "number"]);
  expect(await ports()).toMatchObject([{ shedState: 0, portLoad: 6 }, { portLoad: 6 }]);
  clock.advance(10 * 60);
  const shed = { shedState: 1, allowedLoad: 3, portLoad: 3 };
  expect(await ports()).toMatchObject([shed, shed]);
  expect(await ports("1:100002")).toMatchObject([{ shedState: 0 }, { shedState: 0 }]);
  clock.advance(30 * 60);
  expect(await ports()).toMatchObject([{ shedState: 0, portLoad: 6 }, { portLoad: 6 }]);
});

test("a percentage is of each station; a station shed in the other mode is passed over", async () => {
  await call(simulator, shedLoad, {
    shedQuery: { shedStation: { stationID: "1:100002", allowedLoadPerStation: 5 }, timeInterval: 0 },
  });
  expect(await announce({ sgID: GROUP, percentShedPerStation: 50 })).toMatchObject({ responseCode: "100" });
  clock.advance(600);
  expect(await ports()).toMatchObject([
    { percentShed: 50, portLoad: 3 },
    { percentShed: 50, portLoad: 3 },
  ]);
  expect(await ports("1:100002")).toMatchObject([{ allowedLoad: 5, percentShed: 0 }, { portLoad: 2.5 }]);
});

test("it can be removed until it begins, by its organisation", async () => {
  const { eventId } = await announce({ stationID: "1:100001", allowedLoadPerPort: 3 });
  expect(await remove(eventId)).toMatchObject({ responseCode: "100", response: "Success" });
  expect(await remove(eventId)).toMatchObject({ responseCode: "106" });
  clock.advance(600);
  expect(await ports()).toMatchObject([{ shedState: 0 }, { shedState: 0 }]);
  const begun = await announce({
    stationID: "1:100001",
    allowedLoadPerPort: 3,
    eventStartTime: "2026-11-18T17:20:00Z",
  });
  expect(begun.eventId).not.toBe(eventId);
  clock.advance(600);
  expect(await remove(begun.eventId)).toMatchObject({ responseCode: "106" });
  expect(await remove(null)).toMatchObject({ responseCode: "172" });
  const other = await startSimulator({
    stations: 1,
    clock,
    accounts: [{ username: "h", password: "x", organisation: "1:ORG10002" }],
  });
  try {
    const shedEvent = {
      stationID: "1:100001",
      eventStartTime: "2026-11-18T18:00:00Z",
      eventDuration: 5,
      allowedLoadPerPort: 1,
    };
    const own = await call(other, createLoadShedEvent, { shedEvent });
    const stranger = { ...other, username: "h", password: "x" };
    expect(await call(stranger, removeLoadShedEvent, { eventId: own.eventId })).toMatchObject({
      responseCode: "171",
    });
    expect(await call(other, removeLoadShedEvent, { eventId: own.eventId })).toMatchObject({
      responseCode: "100",
    });
  } finally {
    await other.close();
  }
});

test("some drivers opt out where they may: they charge as they like, and session data says since when", async () => {
  await announce({ sgID: GROUP, allowedLoadPerPort: 2, allowOptOut: true });
  clock.advance(600);
  const group = async () =>
    (await call(simulator, getLoad, { searchQuery: { sgID: Number(GROUP) } })).stationData.flatMap(
      ({ stationID, Port }) => Port.map((port) => ({ ...port, stationID })),
    );
  expect((await group()).every(({ shedState, portLoad }) => shedState === 1 && portLoad! <= 2)).toBe(true);
  clock.advance(15 * 60);
  const later = await group();
  const out = later.filter(({ shedState }) => shedState === 0);
  expect(out.length).toBeGreaterThan(3);
  expect(out.length).toBeLessThan(later.length / 2);
  const { ChargingSessionData: sessions } = await call(simulator, getChargingSessionData, {
    searchQuery: { activeSessionsOnly: true },
  });
  for (const port of later) {
    const session = sessions.find(({ sessionID }) => sessionID === port.sessionID)!;
    const optedOut = port.shedState === 0;
    expect(session.driverOptedOut).toBe(String(optedOut));
    if (optedOut) {
      expect(port.portLoad).toBe(6);
      expect(session.driverOptOutTimestamp! >= "2026-11-18T17:10:00Z").toBe(true);
      expect(session.driverOptOutTimestamp! <= "2026-11-18T17:25:00Z").toBe(true);
    } else expect([port.portLoad, session.driverOptOutTimestamp]).toEqual([2, null]);
  }
  // Whoever comes next to such a port is bound again.
  const { stationID, portNumber } = out[0]!;
  simulator.world.unplug(stationID!, portNumber!);
  simulator.world.plugIn(stationID!, portNumber!, { kw: 6 });
  const next = (await ports(stationID!)).find((port) => port.portNumber === portNumber);
  expect(next).toMatchObject({ shedState: 1, portLoad: 2 });
});
