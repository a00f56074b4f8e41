import { afterEach, describe, expect, test, vi } from "vitest";
import { openRig, type Rig, type RigOptions } from "../rig.ts";

const signal = new AbortController().signal;
let rig: Rig;

/** A station of two ports, both charging, on a network that clears the whole station with each port. */
async function open(options: RigOptions = {}): Promise<void> {
  rig = await openRig({ simulator: { clearsWholeStation: true }, ...options });
  for (const port of ["1", "2"]) rig.simulator.world.plugIn(rig.stationID, port, { kw: 6.6 });
}
afterEach(() => rig.close());

const set = (point: string, value: number, durationMinutes?: number) =>
  rig.device.setPoint(point, value, {
    signal,
    ...(durationMinutes === undefined ? {} : { durationMinutes }),
  });
const revert = (point: string) => rig.device.revertPoint(point, { signal });
const read = (point: string) => rig.device.getPoint(point, signal);
const sheds = () => rig.simulator.calls.filter(({ operation }) => operation === "shedLoad");
const portKw = (number: string) => {
  const port = rig.simulator.world.findStation(rig.stationID)!.ports.find((one) => one.number === number)!;
  return port.session!.kwAt(rig.simulator.world.now);
};

describe("clearing one port", () => {
  test("E11, E14: the other is limited again within 5 s though the service shows nothing of it yet", async () => {
    await open();
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    rig.simulator.trouble.writesShowLateSeconds = 3600;
    const began = performance.now();
    const outcome = await revert("allowedLoad_1");
    expect(performance.now() - began).toBeLessThan(5000);
    expect(outcome.warnings).toEqual([
      "the service does not show yet whether it cleared port 2 too; its limit (4 kW) was applied again",
    ]);
    expect(portKw("1")).toBe(6.6);
    expect(portKw("2")).toBe(4);
  });

  test("E11, E7: the other is limited again to its original end", async () => {
    await open();
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4, 30);
    vi.useFakeTimers({ toFake: ["Date"], now: Date.now() + 20 * 60_000 });
    await revert("allowedLoad_1").finally(() => vi.useRealTimers());
    expect(sheds().at(-1)!.request).toMatchObject({
      shedQuery: {
        timeInterval: 10,
        shedStation: { Ports: { Port: [{ portNumber: "2", allowedLoadPerPort: 4 }] } },
      },
    });
  });

  test("E11: somebody else's limit of the other port is put back too, as it showed", async () => {
    await open();
    const { world } = rig.simulator;
    const station = world.findStation(rig.stationID)!;
    world.shedPort(station, station.ports[1]!, { mode: "percentage", value: 50, minutes: 0 });
    const outcome = await revert("percentShed_1");
    expect(outcome.warnings).toEqual([
      "the service cleared port 2 too; its limit (50 % shed) was applied again",
    ]);
    expect(await read("percentShed_2")).toBe(50);
  });

  test("E11, E14: what this bridge ended and the service still shows does not come back", async () => {
    await open();
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    rig.simulator.trouble.writesShowLateSeconds = 3600;
    await revert("allowedLoad_1");
    const before = sheds().length;
    await revert("allowedLoad_2");
    expect(sheds()).toHaveLength(before);
    expect([portKw("1"), portKw("2")]).toEqual([6.6, 6.6]);
  });

  test("E11, E14: nor does what was replaced before it was ended", async () => {
    await open();
    await set("allowedLoad", 5);
    rig.simulator.trouble.writesShowLateSeconds = 3600;
    await set("allowedLoad", 2);
    await revert("allowedLoad");
    const before = sheds().length;
    await revert("allowedLoad_2");
    expect(sheds()).toHaveLength(before);
    expect(portKw("1")).toBe(6.6);
  });

  test("E14: clearing the station is about each of its ports, so that a later write to one ends its reading back", async () => {
    await open();
    const outcome = rig.device.outcomeOf!("allowedLoad", undefined, {});
    expect(outcome.releases).toEqual(["station", "port:1", "port:2"]);
  });

  test("E11: shed_port_clear reject: refused while the other is limited, and done when it is not", async () => {
    await open({ config: { shed_port_clear: "reject" } });
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    rig.called();
    await expect(revert("allowedLoad_1")).rejects.toMatchObject({
      name: "WriteRefusedError",
      message: expect.stringContaining("may also clear port 2, "),
    });
    expect(rig.called()).not.toContain("clearShedState");
    await revert("allowedLoad");
    await set("allowedLoad_1", 3);
    await expect(revert("allowedLoad_1")).resolves.toMatchObject({ code: "100" });
  });

  test("E11: one try that fails is no reason to leave the other free", async () => {
    await open();
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    rig.simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "code", code: "126" } });
    await revert("allowedLoad_1");
    expect(await read("allowedLoad_2")).toBe(4);
  });

  test("E11: what was cleared is told to be cleared though the other could not be limited again", async () => {
    await open();
    await set("allowedLoad_1", 3);
    await set("allowedLoad_2", 4);
    rig.simulator.trouble.begin({ operation: "shedLoad", effect: { kind: "code", code: "126" } });
    await expect(revert("allowedLoad_1")).rejects.toMatchObject({
      message: expect.stringContaining("port 2 is not limited now"),
      releases: ["port:1", "port:2"],
    });
    expect(rig.book.active()).toEqual([]);
  });
});

describe("policies", () => {
  test("E23: shed_idle_port reject: a percentage on an idle port is refused and not sent; on a busy one it is taken", async () => {
    await open({ config: { shed_idle_port: "reject" } });
    rig.simulator.world.unplug(rig.stationID, "2");
    await expect(set("percentShed_2", 50)).rejects.toMatchObject({
      name: "WriteRefusedError",
      message: expect.stringContaining("port 2 delivers no power now"),
    });
    await expect(set("percentShed", 50)).rejects.toThrow(/port 2 delivers no power now/);
    expect(sheds()).toEqual([]);
    expect((await set("percentShed_1", 50)).warnings).toEqual([]);
    // Renewed while shed, its load is no sign.
    await expect(set("percentShed_1", 50)).resolves.toMatchObject({ code: "100" });
  });

  test.each(["warn", "reject"] as const)("E23: %s, and the load cannot be read", async (policy) => {
    await open({ config: { shed_idle_port: policy } });
    rig.simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "101" } });
    const done = set("percentShed_1", 50);
    if (policy === "reject") await expect(done).rejects.toMatchObject({ name: "WriteRefusedError" });
    else expect((await done).warnings).toEqual([expect.stringContaining("could not be read")]);
    expect(sheds()).toHaveLength(policy === "reject" ? 0 : 1);
  });

  test("E12: when neither the new limit nor the old one is taken, the answer says that nothing is limited", async () => {
    await open();
    await set("allowedLoad_1", 3);
    rig.simulator.trouble.begin({ operation: "shedLoad", skip: 1, effect: { kind: "code", code: "126" } });
    await expect(set("percentShed_1", 50)).rejects.toMatchObject({
      message: expect.stringContaining("it is not limited now"),
      releases: ["port:1"],
    });
    expect(await read("shedState_1")).toBe(0);
  });
});

describe("E15: the nominal power", () => {
  const HEAD = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Starting Value,Writable\n";
  const LIMITS = `${HEAD}limit,allowedLoad,LoadRegister,,float,,TRUE\nlimit_1,allowedLoad,LoadRegister,1,float,,TRUE\n`;

  test("of a port and of the station bounds a limit without a call, where the registry reads it", async () => {
    await open({ registry: `${LIMITS}power,Power,StationRegister,1,float,,FALSE\n` });
    await rig.device.scrapeAll(signal);
    const power = Number(await read("power"));
    rig.called();
    await expect(set("limit_1", power + 0.1)).rejects.toMatchObject({
      name: "InvalidValueError",
      message: expect.stringContaining(`at most ${power} kW, what port 1 can deliver`),
    });
    await expect(set("limit", 2 * power + 0.1)).rejects.toThrow(/what the station can deliver/);
    expect(rig.called()).toEqual([]);
    await expect(set("limit_1", power)).resolves.toMatchObject({ code: "100" });
  });

  test("is learnt from the service's 177 where it does not", async () => {
    await open({ registry: LIMITS });
    await expect(set("limit_1", 1000)).rejects.toMatchObject({ code: "177" });
    rig.called();
    await expect(set("limit_1", 1000)).rejects.toMatchObject({ name: "InvalidValueError" });
    expect(rig.called()).toEqual([]);
  });
});

describe("E6: a write whose answer never came", () => {
  test("is known for the bridge's own after a restart, and verified without sending anything", async () => {
    await open();
    rig.simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "lost" } });
    await expect(set("allowedLoad_1", 3)).rejects.toMatchObject({ sent: true });
    const restarted = rig.another();
    rig.called();
    const outcome = restarted.outcomeOf!("allowedLoad_1", 3, {});
    expect(rig.called()).toEqual([]);
    expect(outcome.hold).toEqual({
      key: "port:1",
      leaseSeconds: 3600,
      detail: { mode: "allowedLoad", value: 3 },
    });
    expect(rig.book.active()).toMatchObject([{ state: "unknown", value: 3 }]);
    expect(await outcome.verify(signal)).toEqual({ confirmed: true, readBack: 3 });
    const reverted = restarted.outcomeOf!("allowedLoad_1", undefined, {});
    expect(await reverted.verify(signal)).toEqual({ confirmed: false, readBack: 3 });
    expect(rig.called()).toEqual(["getLoad", "getLoad"]);
    // Not somebody else's: its mode may be changed.
    await expect(restarted.setPoint("percentShed_1", 50, { signal })).resolves.toMatchObject({ code: "100" });
  });

  test("a limit that is not in the book is somebody else's: its mode is not changed", async () => {
    await open();
    const { world } = rig.simulator;
    const station = world.findStation(rig.stationID)!;
    world.shedPort(station, station.ports[0]!, { mode: "absolute", value: 3, minutes: 60 });
    await expect(set("percentShed_1", 50)).rejects.toMatchObject({ name: "ApiError", code: "179" });
    expect(rig.book.active()).toEqual([]);
  });

  test("one that was not taken leaves what was known", async () => {
    await open();
    await set("allowedLoad_1", 3);
    rig.simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "code", code: "126" } });
    await expect(set("allowedLoad_1", 5)).rejects.toMatchObject({ code: "126" });
    await set("shedState_1", 0);
    await set("shedState_1", 1);
    expect(await read("allowedLoad_1")).toBe(3);
  });
});
