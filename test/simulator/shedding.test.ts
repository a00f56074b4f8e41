import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Draft, operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { call, handmade, post } from "./call.ts";

const { clearShedState, getLoad, shedLoad } = operations;
type ShedQuery = NonNullable<Draft<(typeof shedLoad)["request"]>["shedQuery"]>;

const STATION = "1:100001";
const OTHER = "1:100002";
const GROUP = 20003; // the first site's; all stations of this world are in it

let clock: SteppedClock;
let simulator: Simulator;

beforeEach(async () => {
  clock = new SteppedClock();
  simulator = await startSimulator({ stations: 8, clock, traffic: false, incidents: false });
});
afterEach(() => simulator.close());

async function shed(query: ShedQuery): Promise<string | null> {
  return (await call(simulator, shedLoad, { shedQuery: query })).responseCode;
}

async function load(stationID = STATION) {
  const answer = await call(simulator, getLoad, { searchQuery: { stationID } });
  expect(answer.responseCode).toBe("100");
  return answer.stationData[0]!;
}

const station = (
  rest: Omit<NonNullable<ShedQuery["shedStation"]>, "stationID">,
  timeInterval = 60,
): ShedQuery => ({
  shedStation: { stationID: STATION, ...rest },
  timeInterval,
});
const ports = (...list: NonNullable<NonNullable<NonNullable<ShedQuery["shedStation"]>["Ports"]>["Port"]>) =>
  station({ Ports: { Port: list } });

describe("shedLoad is refused, and nothing changes", () => {
  const cases: [string, string, ShedQuery][] = [
    [
      "187",
      "group and station in one request",
      {
        shedGroup: { sgID: GROUP, allowedLoadPerStation: 3 },
        shedStation: { stationID: STATION, allowedLoadPerStation: 3 },
        timeInterval: 5,
      },
    ],
    ["199", "neither group nor station", { timeInterval: 5 }],
    [
      "199",
      "station and ports in one request",
      station({ allowedLoadPerStation: 3, Ports: { Port: [{ portNumber: "1", allowedLoadPerPort: 3 }] } }),
    ],
    ["200", "a station and no limit", station({})],
    ["173", "both limits of a station", station({ allowedLoadPerStation: 3, percentShedPerStation: 10 })],
    [
      "173",
      "both limits of a group",
      { shedGroup: { sgID: GROUP, allowedLoadPerStation: 3, percentShedPerStation: 10 }, timeInterval: 5 },
    ],
    ["173", "a group and no limit", { shedGroup: { sgID: GROUP }, timeInterval: 5 }],
    ["173", "a port and no limit", ports({ portNumber: "1" })],
    [
      "173",
      "both limits of a port",
      ports({ portNumber: "1", allowedLoadPerPort: 2, percentShedPerPort: 10 }),
    ],
    ["183", "a port without its number", ports({ allowedLoadPerPort: 2 })],
    ["186", "a port that the station does not have", ports({ portNumber: "3", allowedLoadPerPort: 2 })],
    [
      "186",
      "more ports than the station has",
      ports(
        { portNumber: "1", allowedLoadPerPort: 2 },
        { portNumber: "2", allowedLoadPerPort: 2 },
        { portNumber: "1", allowedLoadPerPort: 3 },
      ),
    ],
    [
      "181",
      "another mode for each port",
      ports({ portNumber: "1", allowedLoadPerPort: 2 }, { portNumber: "2", percentShedPerPort: 20 }),
    ],
    ["174", "more than all of a station", station({ percentShedPerStation: 101 })],
    ["174", "more than all of a port", ports({ portNumber: "1", percentShedPerPort: 200 })],
    ["123", "a percentage below zero", station({ percentShedPerStation: -1 })],
    ["130", "a load below zero", station({ allowedLoadPerStation: -0.1 })],
    ["130", "a port's load below zero", ports({ portNumber: "1", allowedLoadPerPort: -5 })],
    ["177", "more than the station can draw", station({ allowedLoadPerStation: 14.5 })],
    ["177", "more than the port can draw", ports({ portNumber: "1", allowedLoadPerPort: 7.3 })],
    [
      "177",
      "more than any station of the group can draw",
      { shedGroup: { sgID: GROUP, allowedLoadPerStation: 15 }, timeInterval: 5 },
    ],
    ["124", "an interval below zero", station({ allowedLoadPerStation: 3 }, -5)],
    ["172", "no station ID", { shedStation: { allowedLoadPerStation: 3 }, timeInterval: 5 }],
    ["172", "no group ID", { shedGroup: { allowedLoadPerStation: 3 }, timeInterval: 5 }],
    [
      "103",
      "an unknown station",
      { shedStation: { stationID: "1:999", allowedLoadPerStation: 3 }, timeInterval: 5 },
    ],
    [
      "152",
      "no station ID at all",
      { shedStation: { stationID: "abc", allowedLoadPerStation: 3 }, timeInterval: 5 },
    ],
    ["129", "an unknown group", { shedGroup: { sgID: 999, allowedLoadPerStation: 3 }, timeInterval: 5 }],
    ["121", "no group ID at all", { shedGroup: { sgID: 0, allowedLoadPerStation: 3 }, timeInterval: 5 }],
  ];
  test.each(cases)("%s: %s", async (code, _what, query) => {
    const answer = await call(simulator, shedLoad, { shedQuery: query });
    expect(answer).toMatchObject({ responseCode: code, Success: 0 });
    expect(answer.responseText).not.toBe("");
    expect((await load()).Port.map(({ shedState }) => shedState)).toEqual([0, 0]);
  });

  const malformed: [string, string][] = [
    [
      "123",
      "<percentShedPerStation>many</percentShedPerStation></shedStation><timeInterval>5</timeInterval>",
    ],
    [
      "123",
      "<percentShedPerStation>12.5</percentShedPerStation></shedStation><timeInterval>5</timeInterval>",
    ],
    [
      "124",
      "<allowedLoadPerStation>3</allowedLoadPerStation></shedStation><timeInterval>soon</timeInterval>",
    ],
  ];
  test.each(malformed)("%s: %s", async (code, inside) => {
    const answer = await post(
      simulator,
      handmade(
        simulator,
        '<urn:shedLoad xmlns:urn="urn:dictionary:com.chargepoint.webservices"><shedQuery><shedStation>' +
          `<stationID>${STATION}</stationID>${inside}</shedQuery></urn:shedLoad>`,
      ),
    );
    expect(answer.body).toContain(`<responseCode>${code}</responseCode>`);
    expect((await load()).Port[0]!.shedState).toBe(0);
  });

  test("a missing interval is no refusal: existing clients leave it out and shed without end", async () => {
    expect(await shed({ shedStation: { stationID: STATION, allowedLoadPerStation: 3 } })).toBe("100");
    clock.advance(30 * 86_400);
    expect((await load()).Port[0]!.shedState).toBe(1);
  });

  test("185, 202, 176, 175: by stations that cannot", async () => {
    const special = simulator.world.findStation(STATION)!;
    special.canShedPerPort = false;
    expect(await shed(ports({ portNumber: "1", allowedLoadPerPort: 2 }))).toBe("185");
    expect(await shed(station({ allowedLoadPerStation: 2 }))).toBe("100");
    await call(simulator, clearShedState, { shedQuery: { shedStation: { stationID: STATION } } });
    special.canShedAbsolute = false;
    expect(await shed(station({ allowedLoadPerStation: 2 }))).toBe("176");
    expect(await shed({ shedGroup: { sgID: GROUP, allowedLoadPerStation: 2 }, timeInterval: 0 })).toBe("175");
    special.panelSharing = true;
    expect(await shed(station({ percentShedPerStation: 10 }))).toBe("202");
    expect((await load(OTHER)).Port[0]!.shedState).toBe(0);
  });

  test("115: by a station that cannot be reached; of a group the others shed", async () => {
    simulator.world.disconnect(STATION);
    expect(await shed(station({ allowedLoadPerStation: 2 }))).toBe("115");
    expect(await shed({ shedGroup: { sgID: GROUP, allowedLoadPerStation: 2 }, timeInterval: 0 })).toBe("100");
    expect((await load()).Port[0]!.shedState).toBe(0);
    expect((await load(OTHER)).Port[0]!.shedState).toBe(1);
    for (const id of simulator.stationIDs) simulator.world.disconnect(id);
    expect(await shed({ shedGroup: { sgID: GROUP, allowedLoadPerStation: 2 }, timeInterval: 0 })).toBe("115");
  });

  test("179: in the other mode while a shed is in force, and the state stays", async () => {
    simulator.world.plugIn(STATION, "1", { kw: 6 });
    expect(await shed(station({ allowedLoadPerStation: 4 }))).toBe("100");
    const before = await load();
    expect(await shed(station({ percentShedPerStation: 50 }))).toBe("179");
    expect(await shed(ports({ portNumber: "2", percentShedPerPort: 50 }))).toBe("179");
    expect(await shed({ shedGroup: { sgID: GROUP, percentShedPerStation: 50 }, timeInterval: 0 })).toBe(
      "179",
    );
    expect(await load()).toEqual(before);
    expect((await load(OTHER)).Port[0]!.shedState).toBe(0);
    await call(simulator, clearShedState, { shedQuery: { shedStation: { stationID: STATION } } });
    expect(await shed(station({ percentShedPerStation: 50 }))).toBe("100");
    expect((await load()).stationLoad).toBe(3);
    expect(await shed(station({ allowedLoadPerStation: 4 }))).toBe("179");
  });
});

describe("a percentage", () => {
  test("refers to the first measurement: 10 kW, 30 % is 7 kW, then 50 % is 5 kW (guide §5.1)", async () => {
    simulator.world.plugIn(STATION, "1", { kw: 5 });
    simulator.world.plugIn(STATION, "2", { kw: 5 });
    expect((await load()).stationLoad).toBe(10);
    await shed(station({ percentShedPerStation: 30 }));
    expect((await load()).stationLoad).toBe(7);
    clock.advance(600);
    await shed(station({ percentShedPerStation: 50 }));
    const shown = await load();
    expect(shown.stationLoad).toBe(5);
    for (const port of shown.Port) {
      expect(port).toMatchObject({ shedState: 1, percentShed: 50, allowedLoad: 0, portLoad: 2.5 });
    }
    await shed(station({ percentShedPerStation: 0 }));
    expect((await load()).stationLoad).toBe(10);
  });

  test("of a port refers to that port's first measurement", async () => {
    simulator.world.plugIn(STATION, "1", { kw: 6 });
    simulator.world.plugIn(STATION, "2", { kw: 4 });
    await shed(ports({ portNumber: "1", percentShedPerPort: 50 }));
    await shed(ports({ portNumber: "2", percentShedPerPort: 25 }));
    await shed(ports({ portNumber: "1", percentShedPerPort: 10 }));
    expect((await load()).Port).toMatchObject([
      { portLoad: 5.4, percentShed: 10 },
      { portLoad: 3, percentShed: 25 },
    ]);
  });

  test("of a station that delivers nothing is 0 kW until the shed ends, whoever plugs in", async () => {
    await shed(station({ percentShedPerStation: 10 }, 30));
    simulator.world.plugIn(STATION, "1", { kw: 6 });
    expect((await load()).stationLoad).toBe(0);
    clock.advance(30 * 60 - 1);
    expect((await load()).stationLoad).toBe(0);
    clock.advance(1);
    expect(await load()).toMatchObject({ stationLoad: 6, Port: [{ shedState: 0 }, { shedState: 0 }] });
  });
});

describe("an absolute limit", () => {
  test("holds from this instant on, and is told with the mode's zero for the other", async () => {
    simulator.world.plugIn(STATION, "1");
    await shed(ports({ portNumber: "1", allowedLoadPerPort: 3.5 }));
    expect(await load()).toMatchObject({
      stationLoad: 3.5,
      Port: [
        { portNumber: "1", portLoad: 3.5, shedState: 1, allowedLoad: 3.5, percentShed: 0 },
        { portNumber: "2", portLoad: 0, shedState: 0, allowedLoad: 0, percentShed: 0 },
      ],
    });
    await shed(ports({ portNumber: "1", allowedLoadPerPort: 0 }));
    expect((await load()).Port[0]).toMatchObject({ portLoad: 0, shedState: 1, allowedLoad: 0 });
    await shed(ports({ portNumber: "1", allowedLoadPerPort: 5 }));
    expect((await load()).Port[0]).toMatchObject({ portLoad: 5, allowedLoad: 5 });
  });

  test("of a station is shared by its ports, and both tell the station's value", async () => {
    simulator.world.plugIn(STATION, "1");
    simulator.world.plugIn(STATION, "2");
    const answer = await call(simulator, shedLoad, { shedQuery: station({ allowedLoadPerStation: 6.001 }) });
    expect(answer).toMatchObject({
      responseCode: "100",
      Success: 1,
      stationID: STATION,
      allowedLoadPerStation: 6.001,
      percentShedPerStation: null,
      Ports: null,
    });
    const shown = await load();
    expect(shown.stationLoad).toBeLessThanOrEqual(6.001);
    expect(shown.Port).toMatchObject([{ allowedLoad: 6.001 }, { allowedLoad: 6.001 }]);
  });

  test("of a group holds for each of its stations", async () => {
    for (const id of [STATION, OTHER]) {
      simulator.world.plugIn(id, "1");
      simulator.world.plugIn(id, "2");
    }
    const query: ShedQuery = { shedGroup: { sgID: GROUP, allowedLoadPerStation: 9 }, timeInterval: 0 };
    expect(await call(simulator, shedLoad, { shedQuery: query })).toMatchObject({ Success: 1, sgID: GROUP });
    expect((await load()).stationLoad).toBe(9);
    expect((await load(OTHER)).stationLoad).toBe(9);
    const group = await call(simulator, getLoad, { searchQuery: { sgID: GROUP } });
    expect(group).toMatchObject({ sgLoad: 18, numStations: 8, sgID: GROUP });
    await call(simulator, clearShedState, { shedQuery: { shedGroup: { sgID: GROUP } } });
    expect((await call(simulator, getLoad, { searchQuery: { sgID: GROUP } })).sgLoad).toBeCloseTo(28.8, 9);
  });
});

describe("the time interval", () => {
  test("is in minutes, counts anew with every call, and 0 is until cleared", async () => {
    simulator.world.plugIn(STATION, "1");
    await shed(station({ allowedLoadPerStation: 3 }, 10));
    clock.advance(9 * 60);
    await shed(station({ allowedLoadPerStation: 2 }, 10));
    clock.advance(9 * 60);
    expect((await load()).stationLoad).toBe(2);
    clock.advance(60);
    expect((await load()).stationLoad).toBe(7.2);
    await shed(station({ allowedLoadPerStation: 2 }, 0));
    clock.advance(2 * 3600);
    expect((await load()).stationLoad).toBe(2);
  });

  test("of each port is its own", async () => {
    await shed(ports({ portNumber: "1", allowedLoadPerPort: 3 }));
    await shed({
      shedStation: { stationID: STATION, Ports: { Port: [{ portNumber: "2", allowedLoadPerPort: 3 }] } },
      timeInterval: 20,
    });
    clock.advance(20 * 60);
    expect((await load()).Port.map(({ shedState }) => shedState)).toEqual([1, 0]);
    clock.advance(40 * 60);
    expect((await load()).Port.map(({ shedState }) => shedState)).toEqual([0, 0]);
  });

  test("energy counts what flowed before, during and after", async () => {
    const session = simulator.world.plugIn(STATION, "1", { kw: 6, needKwh: 60 });
    clock.advance(3600);
    await shed(station({ allowedLoadPerStation: 2 }, 30));
    clock.advance(3600);
    await load();
    expect(session.kwhAt(clock.now())).toBeCloseTo(6 + 1 + 3, 9);
  });
});

describe("clearShedState", () => {
  const clear = async (Ports?: { Port: { portNumber?: string }[] }): Promise<string | null> => {
    const shedStation = { stationID: STATION, ...(Ports ? { Ports } : {}) };
    return (await call(simulator, clearShedState, { shedQuery: { shedStation } })).responseCode;
  };

  test("frees the station, and does no harm to one that is not shed", async () => {
    await shed(station({ allowedLoadPerStation: 3 }));
    expect(await clear()).toBe("100");
    expect((await load()).Port.map(({ shedState }) => shedState)).toEqual([0, 0]);
    expect(await clear()).toBe("100");
  });

  test("frees the ports it names, whether the limit was theirs or the station's", async () => {
    simulator.world.plugIn(STATION, "1");
    simulator.world.plugIn(STATION, "2");
    await shed(ports({ portNumber: "1", allowedLoadPerPort: 2 }, { portNumber: "2", allowedLoadPerPort: 3 }));
    expect(await clear({ Port: [{ portNumber: "1" }] })).toBe("100");
    expect((await load()).Port).toMatchObject([
      { shedState: 0, portLoad: 7.2 },
      { shedState: 1, portLoad: 3 },
    ]);
    await shed(station({ allowedLoadPerStation: 4 }));
    expect((await load()).stationLoad).toBe(4);
    await clear({ Port: [{ portNumber: "1" }] });
    expect((await load()).Port).toMatchObject([
      { shedState: 0, portLoad: 7.2 },
      { shedState: 1, portLoad: 4 },
    ]);
  });

  test("frees the whole station whatever it names, on networks that do so", async () => {
    const imitation = await startSimulator({
      stations: 1,
      clock,
      traffic: false,
      incidents: false,
      clearsWholeStation: true,
    });
    try {
      const shedQuery = ports(
        { portNumber: "1", allowedLoadPerPort: 2 },
        { portNumber: "2", allowedLoadPerPort: 3 },
      );
      await call(imitation, shedLoad, { shedQuery });
      await call(imitation, clearShedState, {
        shedQuery: { shedStation: { stationID: STATION, Ports: { Port: [{ portNumber: "1" }] } } },
      });
      const answer = await call(imitation, getLoad, { searchQuery: { stationID: STATION } });
      expect(answer.stationData[0]!.Port.map(({ shedState }) => shedState)).toEqual([0, 0]);
    } finally {
      await imitation.close();
    }
  });

  test("187, 199, 172, 103, 129, 183, 186, 115: is refused", async () => {
    const refused = async (shedQuery: Draft<(typeof clearShedState)["request"]>["shedQuery"]) =>
      (await call(simulator, clearShedState, { shedQuery: shedQuery! })).responseCode;
    expect(await refused({ shedGroup: { sgID: GROUP }, shedStation: { stationID: STATION } })).toBe("187");
    expect(await refused({ shedStation: {} })).toBe("199");
    expect(await refused({ shedStation: { Ports: { Port: [{ portNumber: "1" }] } } })).toBe("172");
    expect(await refused({ shedStation: { stationID: "1:5" } })).toBe("103");
    expect(await refused({ shedGroup: { sgID: 5 } })).toBe("129");
    expect(await clear({ Port: [{}] })).toBe("183");
    expect(await clear({ Port: [{ portNumber: "9" }] })).toBe("186");
    simulator.world.disconnect(STATION);
    expect(await clear()).toBe("115");
  });
});
