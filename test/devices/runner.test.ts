import { describe, expect, it } from "vitest";
import { buildDevices } from "../../src/devices/building/build.ts";
import type { AbleType } from "../../src/drivers/abilities.ts";
import { fake } from "../../src/drivers/fake/index.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { NO_OUTAGES } from "../helpers/outages.ts";
import { rig, ScriptedDevice, STATION } from "./rig.ts";
import { deviceSettings, driverSettings, registryRows } from "./rows.ts";

const MINUTE = 60_000;

describe("scrapes", () => {
  it("go to the bus with values, failures, both times, in registry order", async () => {
    const { devices, clock, station, scrapes } = rig();
    station().broken.set("percent", new Error("getLoad: 143 try later"));
    devices.start();
    await clock.advance(MINUTE);
    expect(scrapes).toHaveLength(2);
    const [, scrape] = scrapes;
    expect([...scrape!.values]).toEqual([
      ["load", 7.2],
      ["limit", 0],
      ["enabled", true],
      ["label", null],
    ]);
    expect([...scrape!.failures]).toEqual([["percent", "getLoad: 143 try later"]]);
    expect(scrape!.synchronizedAt.toISOString()).toBe("2026-11-21T08:01:00.000Z");
    expect(scrape!.takenAt.toISOString()).toBe("2026-11-21T08:01:00.000Z");
    await devices.stop();
  });

  it("a point that the driver forgets, or that is no number, is a failure and never a value", async () => {
    const { devices, clock, station, scrapes } = rig();
    station().values.delete("load");
    station().values.set("limit", Number.NaN);
    devices.start();
    await clock.advance(0);
    expect([...scrapes[0]!.failures.keys()]).toEqual(["load", "limit"]);
    await devices.stop();
  });

  it("one that failed as a whole publishes nothing; the next good one does", async () => {
    const { devices, clock, station, scrapes } = rig();
    station().scrapeError = new Error("no route");
    devices.start();
    await clock.advance(MINUTE);
    expect(scrapes).toEqual([]);
    station().scrapeError = undefined;
    for (const point of station().values.keys()) station().broken.set(point, new Error("all gone"));
    await clock.advance(MINUTE);
    expect(scrapes).toEqual([]);
    station().broken.clear();
    await clock.advance(MINUTE);
    expect(scrapes).toHaveLength(1);
    expect(devices.counters().scrapes).toEqual({ ok: 1, failed: 3, skipped: 0, pointFailures: 0 });
    await devices.stop();
  });

  it("C6: a device that is slower than its interval is reported once, and once more when it keeps up again", async () => {
    const { devices, clock, station, notices, lines } = rig({ device: { intervalSeconds: 5 } });
    const { scrapeAll } = ScriptedDevice.prototype;
    const slow = station();
    slow.scrapeAll = async () => {
      await new Promise<void>((resolve) => clock.after(7000, resolve));
      return scrapeAll.call(slow);
    };
    devices.start();
    await clock.advance(5 * MINUTE);
    const { scrapes } = devices.counters();
    expect(scrapes.skipped).toBeGreaterThan(20);
    expect(scrapes.ok).toBeGreaterThan(20);
    expect(notices.map(({ kind }) => kind)).toEqual(["scrape_skipped"]);
    expect(lines).toHaveLength(1);
    slow.scrapeAll = scrapeAll;
    await clock.advance(MINUTE);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain("scrapes are in time again after ");
    await devices.stop();
  });

  it("H8: trouble is logged when it begins and when it ends, with few lines for many devices", async () => {
    const paths = Array.from({ length: 100 }, (_, i) => `site/s${i}`);
    const { devices, clock, station, lines } = rig({ paths });
    station("site/s7").broken.set("load", new Error("broken"));
    devices.start();
    await clock.advance(10 * MINUTE);
    expect(lines.filter((line) => line.includes("points cannot be read"))).toHaveLength(1);
    lines.length = 0;
    for (const path of paths) station(path).scrapeError = new Error("no route");
    await clock.advance(9 * MINUTE);
    // The devices are read one after the other, spread over the interval.
    expect(lines).toHaveLength(3);
    expect(lines[2]).toMatch(/cannot be read.*: no route .*all_failing=100$/m);
    lines.length = 0;
    for (const path of paths) station(path).scrapeError = undefined;
    await clock.advance(9 * MINUTE);
    expect(lines.length).toBeLessThanOrEqual(3);
    expect(lines.at(-1)).toMatch(/\d+ devices are read again after at most 9 min; \d+ attempts failed/);
    await devices.stop();
  });
});

describe("availability", () => {
  it("H3, C1: online with the first scrape, offline after three that failed, since when and why, and back", async () => {
    const { devices, clock, station, availability } = rig({ paths: ["site/s1", "site/s2"] });
    devices.start();
    await clock.advance(1000);
    expect(availability.map(({ device, availability: now }) => [device.path, now])).toEqual([
      ["site/s1", "online"],
      ["site/s2", "online"],
    ]);
    station().scrapeError = new Error("no route");
    await clock.advance(2 * MINUTE);
    expect(availability).toHaveLength(2);
    await clock.advance(MINUTE);
    expect(availability.slice(2)).toMatchObject([{ availability: "offline", reason: "no route" }]);
    expect(availability[2]!.since.toISOString()).toBe("2026-11-21T08:03:00.000Z");
    await clock.advance(10 * MINUTE);
    expect(availability).toHaveLength(3);
    const state = devices.latest.get("site/s1")!;
    expect(state.values.get("load")).toMatchObject({ value: 7.2 });
    expect(state.observedAt!.toISOString()).toBe("2026-11-21T08:00:00.000Z");
    station().scrapeError = undefined;
    await clock.advance(MINUTE);
    expect(availability[3]).toMatchObject({ availability: "online" });
    expect(availability[3]).not.toHaveProperty("reason");
    expect(devices.counters().devices).toEqual({ online: 2, stale: 0, offline: 0 });
    await devices.stop();
  });

  it("a point that fails keeps its last value and the time at which it was read", async () => {
    const { devices, clock, station } = rig();
    devices.start();
    await clock.advance(MINUTE);
    station().broken.set("load", new Error("busy"));
    await clock.advance(2 * MINUTE);
    const told = () => {
      const { values, failures } = devices.latest.get("site/s1")!;
      const at = ["load", "limit"].map((name) => values.get(name)!.at.toISOString().slice(11, 16));
      return { at, failures: [...failures.keys()] };
    };
    expect(told()).toEqual({ at: ["08:01", "08:03"], failures: ["load"] });
    station().broken.clear();
    await clock.advance(MINUTE);
    expect(told()).toEqual({ at: ["08:04", "08:04"], failures: [] });
    await devices.stop();
  });

  it("H3: a miss now and then makes nobody offline", async () => {
    const { devices, clock, station, availability } = rig();
    devices.start();
    for (let round = 0; round < 10; round++) {
      station().scrapeError = round % 2 === 0 ? new Error("no route") : undefined;
      await clock.advance(MINUTE);
    }
    expect(availability.filter(({ availability: now }) => now === "offline").length).toBeLessThanOrEqual(1);
    expect(devices.latest.get("site/s1")!.availability).toBe("online");
    await devices.stop();
  });

  it("H3: a device that never answered is offline from the start, and said so once", async () => {
    const { devices, clock, station, availability } = rig();
    expect(devices.latest.get("site/s1")).toMatchObject({ availability: "offline", reason: "not read yet" });
    station().scrapeError = new Error("no route");
    devices.start();
    await clock.advance(10 * MINUTE);
    expect(availability).toMatchObject([{ availability: "offline", reason: "no route" }]);
    await devices.stop();
  });

  it("H3: stale when the last good scrape is older than three intervals and none has failed", async () => {
    const { devices, clock, station, availability } = rig({ device: { intervalSeconds: 5 } });
    devices.start();
    await clock.advance(1000);
    station().scrapeAll = () => new Promise(() => {});
    await clock.advance(MINUTE);
    expect(availability.map(({ availability: now }) => now)).toEqual(["online", "stale"]);
    await devices.stop();
  });
});

describe("heartbeat", () => {
  const beats = [...STATION, { name: "beat", attribute: "beat", type: "integer", writable: true } as const];

  it("a heartbeat point of the registry is written 1, 0, 1, … every heartbeat_interval, without an audit", async () => {
    const { devices, clock, station, writes } = rig({
      rows: beats,
      device: { heartbeatPoint: "beat" },
      driver: { heartbeatIntervalSeconds: 30 },
    });
    devices.start();
    await clock.advance(29_000);
    expect(station().writes).toEqual([]);
    await clock.advance(92_000);
    expect(station().writes).toEqual(["set beat 1", "set beat 0", "set beat 1", "set beat 0"]);
    expect(writes).toEqual([]);
    station().writeError = new Error("away");
    await clock.advance(5 * MINUTE);
    // It is no set point: nothing is held, nothing would be reverted.
    expect(devices.counters().holds.held).toBe(0);
    await devices.stop();
  });

  it("one that the registry lacks is a warning, and a virtual point that toggles with every scrape", async () => {
    const { devices, clock, station, commands, within, command, scrapes } = rig({
      device: { heartbeatPoint: "heartbeat" },
    });
    expect(devices.diagnostics).toMatchObject([
      { code: "heartbeat_not_in_registry", severity: "warning", file: "/configs/devices/site/s1.json" },
    ]);
    expect([...devices.infos[0]!.points.keys()].at(-1)).toBe("heartbeat");
    devices.start();
    await clock.advance(2 * MINUTE);
    expect(scrapes.map(({ values }) => values.get("heartbeat"))).toEqual([1, 0, 1]);
    expect(await within(0, commands.get("site/s1", "heartbeat"))).toBe(1);
    const refused = await within(0, commands.set("site/s1", "heartbeat", 0, command()));
    expect(refused).toMatchObject({ status: "refused", error: "PointReadOnlyError" });
    expect(station().calls.filter((call) => call !== "scrape")).toEqual([]);
    await devices.stop();
  });

  it("one that cannot be written is a warning and no heartbeat; none named is none", () => {
    expect(rig({ device: { heartbeatPoint: "load" } }).devices.diagnostics).toMatchObject([
      { code: "heartbeat_not_writable", severity: "warning" },
    ]);
    const { devices } = rig();
    expect(devices.diagnostics).toEqual([]);
    expect(devices.infos[0]!.points.size).toBe(STATION.length);
  });
});

describe("Starting Values", () => {
  it("E8: are written at the start only where the bridge config says so, once", async () => {
    const { devices, clock, station, writes } = rig({ driver: { writeStartingValues: true } });
    devices.start();
    await clock.advance(10 * MINUTE);
    expect(station().writes).toEqual(["set enabled true"]);
    expect(writes.at(-1)).toMatchObject({ via: "start", status: "confirmed" });
    await devices.stop();
  });

  it("E8: more of them than may wait are all written, one after the other", async () => {
    const rows = Array.from({ length: 30 }, (_, i) => ({
      name: `p${i}`,
      attribute: `p${i}`,
      writable: true,
      startingValue: i,
    }));
    const { devices, clock, station, writes } = rig({ rows, driver: { writeStartingValues: true } });
    devices.start();
    // Within the pace, writes_per_minute.
    await clock.advance(30_000);
    expect(station().writes).toHaveLength(30);
    expect(writes.filter(({ status }) => status === "confirmed")).toHaveLength(30);
    await devices.stop();
  });

  it("E8: not over a set point that is held since the last run", async () => {
    const before = rig();
    await before.within(0, before.commands.set("site/s1", "label", "x", before.command()));
    const { devices, clock, station } = rig({ state: before.state, driver: { writeStartingValues: true } });
    devices.start();
    await clock.advance(MINUTE);
    expect(station().writes).toEqual([]);
    await devices.stop();
  });
});

describe("building", () => {
  const context = (drivers: Record<string, AbleType>) => ({
    drivers,
    settings: driverSettings,
    service: (type: AbleType) =>
      type.open({
        log: undefined as never,
        state: undefined as never,
        notice: () => {},
        outages: NO_OUTAGES,
      }),
  });
  const rows = registryRows([
    { name: "wave", attribute: "sin" },
    { name: "bad", attribute: "sinn(3)" },
  ]);

  it("F8: what cannot be made is reported with its file and left out; the others are made", () => {
    const broken: AbleType = {
      ...fake,
      name: "broken",
      open: () => {
        throw new Error("no library");
      },
    };
    const { devices, diagnostics } = buildDevices(
      [
        { settings: deviceSettings({ path: "a", driverType: "fakee" }), rows },
        { settings: deviceSettings({ path: "b", driverType: "broken" }), rows },
        { settings: deviceSettings({ path: "c" }), rows: rows.slice(1) },
        { settings: deviceSettings({ path: "d" }), rows },
        { settings: deviceSettings({ path: "d" }), rows },
        { settings: deviceSettings({ path: "toString", driverType: "constructor" }), rows },
      ],
      context({ fake, broken }),
    );
    expect(devices.map(({ info }) => info.path)).toEqual(["d"]);
    // The slot is the place in the list.
    expect(devices[0]!.offsetMs).toBe(60);
    expect(diagnostics.map(({ code, file }) => [code, file.split("/").at(-1)])).toEqual([
      ["unknown_driver_type", "a.json"],
      ["unknown_attribute", "test.csv"],
      ["device_not_made", "b.json"],
      ["unknown_attribute", "test.csv"],
      ["no_points", "c.json"],
      ["unknown_attribute", "test.csv"],
      ["duplicate_device", "d.json"],
      ["unknown_driver_type", "toString.json"],
    ]);
    expect(diagnostics[0]).toMatchObject({ suggestion: "fake", path: "driver_type" });
    expect(diagnostics[2]!.message).toContain("no library");
  });

  it("D1: slots count within the group, as VOLTTRON's platform driver numbers them", () => {
    const groups = { a: 0, b: 1, c: 0, d: 1, e: 1 };
    const { devices } = buildDevices(
      Object.entries(groups).map(([path, group]) => ({
        settings: deviceSettings({ path, group }),
        rows: rows.slice(0, 1),
      })),
      { ...context({ fake }), settings: { ...driverSettings, groupOffsetIntervalSeconds: 10 } },
    );
    // driver_scrape_interval 0.02 s × slot within the group + group_offset_interval 10 s × group
    expect(devices.map(({ info, offsetMs }) => [info.path, offsetMs])).toEqual([
      ["a", 0],
      ["b", 10_000],
      ["c", 20],
      ["d", 10_020],
      ["e", 10_040],
    ]);
  });

  it("a row with a driver's error is left out, and reported once for all devices of the registry", () => {
    const loaded = ["a", "b"].map((path) => ({ settings: deviceSettings({ path }), rows }));
    const { devices, diagnostics } = buildDevices(loaded, context({ fake }));
    expect(devices.map(({ info }) => [...info.points.keys()])).toEqual([["wave"], ["wave"]]);
    expect(diagnostics).toMatchObject([{ code: "unknown_attribute", line: 3, suggestion: "sin" }]);
  });

  it("points know where their values come from, and are shared by the devices of a registry", () => {
    const written = registryRows([{ name: "wave", attribute: "sin", port: "2" }]);
    const reader = { ...written[0]!.point };
    const loaded = ["a", "b"].map((path) => ({ settings: deviceSettings({ path }), rows: written }));
    const [a, b] = buildDevices(loaded, context({ fake })).devices.map(({ info }) => info.points);
    expect(a!.get("wave")).toEqual({
      ...reader,
      origin: { register: "FakeRegister", attribute: "sin", port: "2" },
    });
    expect(b).toBe(a);
    // A reload compares the points of rows.
    expect(written[0]!.point).toEqual(reader);
  });

  it("a device's own publish settings win over the bridge's", () => {
    const settings = deviceSettings({ path: "a", publish: { depthFirst: true, depthFirstAll: false } });
    const { devices } = buildDevices([{ settings, rows }], context({ fake }));
    expect(devices[0]!.info.publish).toEqual({
      depthFirstAll: false,
      breadthFirstAll: false,
      depthFirst: true,
      breadthFirst: false,
    });
  });

  it("D3: a clock jump is said once, on the log and as an event", async () => {
    const clock = new ManualClock();
    const { devices, notices } = rig({ clock });
    devices.start();
    await clock.advance(MINUTE);
    clock.set(clock.now() + 3_600_000);
    await clock.advance(2 * MINUTE);
    expect(notices).toMatchObject([{ kind: "clock_jump", severity: "warning" }]);
    expect(notices[0]!.text).toContain("forward by 3600 s");
    await devices.stop();
  });
});
