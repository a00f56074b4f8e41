import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { Bus, type Notice } from "../../src/bus.ts";
import { defaultBridge } from "../../src/config/index.ts";
import type { Command, CommandResult } from "../../src/devices/commands.ts";
import { openDevices, type RunningDevices, StateStore } from "../../src/devices/index.ts";
import { createLog } from "../../src/log/log.ts";
import type { Write } from "../../src/points/index.ts";
import { parseRegistry } from "../../src/registry/index.ts";
import { type Simulator, SteppedClock, startSimulator } from "../../src/simulator/index.ts";
import { deviceSettings } from "../devices/rows.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { noSmallDisk, SmallDisk } from "../queue/small-disk.ts";

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const LEASE_MINUTES = 4;
const CONFIRM_SECONDS = 20;
const REGISTRY =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable\n" +
  "load_1,portLoad,LoadRegister,1,float,kW,FALSE\n" +
  "limit,allowedLoad,LoadRegister,,float,kW,TRUE\n" +
  "limit_1,allowedLoad,LoadRegister,1,float,kW,TRUE\n" +
  "limit_2,allowedLoad,LoadRegister,2,float,kW,TRUE\n" +
  "percent_1,percentShed,LoadRegister,1,integer,%,TRUE\n";

/**
 * The devices of a bridge with the real driver, against the simulator over HTTP, each on a clock of its own: what the bridge
 * says is compared with the service's own log and with what the vehicles draw.
 */
describe("the book of limits", { timeout: 60_000 }, () => {
  let simulator: Simulator;
  let service: SteppedClock;
  let clock: ManualClock;
  let state: StateStore;
  let running: RunningDevices;
  let notices: Notice[];
  let writes: Write[];
  let asked = 0;
  let disk: SmallDisk | undefined;

  function run(options: { leaseMinutes?: number; renewal?: "always"; graceSeconds?: number } = {}): void {
    const { endpoint, username, password, stationIDs } = simulator;
    const { leaseMinutes = LEASE_MINUTES, renewal, graceSeconds } = options;
    const driverConfig = {
      ...{ stationID: stationIDs[0], endpoint, username, password, region: "NA", cacheExpiration: 0 },
      ...{ shed_lease_minutes: leaseMinutes, shed_mode_change: "clear_first" },
    };
    const settings = deviceSettings({ path: "site/s1", driverType: "chargepoint", driverConfig });
    const { rows } = parseRegistry(Buffer.from(REGISTRY), "test.csv");
    const bus = new Bus((_, error) => {
      throw error;
    });
    bus.on("notice", (notice) => notices.push(notice));
    bus.on("write", (write) => writes.push(write));
    const defaults = defaultBridge();
    const actuator = {
      ...defaults.actuator,
      confirmTimeoutSeconds: CONFIRM_SECONDS,
      ...(renewal && { renewal }),
      ...(graceSeconds !== undefined && { controllerGraceSeconds: graceSeconds }),
    };
    running = openDevices({
      devices: [{ settings: { ...settings, intervalSeconds: 10 }, rows }],
      settings: { ...defaults, actuator },
      bus,
      log: createLog({ level: "silent" }),
      state,
      clock,
    });
    running.start();
  }

  beforeEach(async () => {
    service = new SteppedClock();
    simulator = await startSimulator({ stations: 1, traffic: false, incidents: false, clock: service });
    for (const port of ["1", "2"])
      simulator.world.plugIn(simulator.stationIDs[0]!, port, { kw: 6.6, needKwh: 500 });
    clock = new ManualClock();
    state = StateStore.open(":memory:");
    notices = [];
    writes = [];
  });
  afterEach(async () => {
    simulator.trouble.end();
    await running.stop();
    state.close();
    await simulator.close();
    disk?.remove();
    disk = undefined;
  });

  /** Both clocks go on, in steps after which the calls under way are answered. */
  async function pass(ms: number, serviceToo = true): Promise<void> {
    for (let left = ms; left > 0; left -= SECOND) {
      if (serviceToo) service.advance(1);
      await clock.advance(SECOND);
      await delay(3);
    }
  }
  /** The result, with as little time passing as it needs. */
  async function within<T>(seconds: number, promise: Promise<T>): Promise<T> {
    let done = false;
    const ended = promise.finally(() => {
      done = true;
    });
    ended.catch(() => {});
    for (let passed = 0; !done && passed < seconds; passed++) {
      for (let turn = 0; !done && turn < 20; turn++) await delay(2);
      if (!done) await pass(SECOND);
    }
    if (!done) throw new Error(`no result after ${seconds} s`);
    return ended;
  }
  const command = (more: Partial<Command> = {}): Command => ({
    ...{ id: `c${++asked}`, requester: "ems", via: "test", sentAt: new Date(clock.now()) },
    ...more,
  });
  const set = (kw: number, more: Partial<Command> = {}): Promise<CommandResult> =>
    within(120, running.commands.set("site/s1", "limit_1", kw, command(more)));
  const kwOf = (port: string) => {
    const station = simulator.world.findStation(simulator.stationIDs[0]!)!;
    return station.ports.find(({ number }) => number === port)!.session!.kwAt(simulator.world.now);
  };
  const sent = () =>
    simulator.calls
      .filter(({ operation }) => operation === "shedLoad" || operation === "clearShedState")
      .map(({ operation }) => operation);
  const held = () => running.control.sheds().held;
  const kinds = () => notices.map(({ kind }) => kind);
  const loseAnswer = (operation: string) =>
    void simulator.trouble.begin({ operation, times: 1, effect: { kind: "lost" } });
  /** In the vendor's portal. */
  const clearElsewhere = (port?: string) => {
    const station = simulator.world.findStation(simulator.stationIDs[0]!)!;
    const meant = station.ports.filter(({ number }) => port === undefined || number === port);
    simulator.world.clearShed(station, meant);
  };
  /** Killed and started again, with what was on the disk. */
  async function restart(options: Parameters<typeof run>[0] = {}): Promise<void> {
    const before = running;
    run(options);
    await before.stop();
  }

  describe.skipIf(noSmallDisk)("E25: on a full disk", () => {
    async function full(): Promise<void> {
      state.close();
      disk = new SmallDisk(4 * 1024 * 1024);
      state = StateStore.open(`${disk.data}/state.sqlite`);
      run();
      expect(await set(3)).toMatchObject({ status: "confirmed" });
      disk.fill();
    }
    async function withoutReserve(): Promise<void> {
      await full();
      // What is reserved for the state is soon used up.
      for (let n = 0; !kinds().includes("state_not_saved") && n < 2000; n++) {
        state.namespace("filler").set(`${n}`, "x".repeat(4000));
        if (disk!.free > 0) disk!.fill(0);
      }
      expect(kinds()).toContain("state_not_saved");
    }

    test("sets, reverts, renewals, overrides and reservations are answered as the service has them", async () => {
      await withoutReserve();
      expect(await set(2)).toMatchObject({ status: "confirmed", readBack: 2 });
      expect(held()).toMatchObject([{ value: 2, state: "in_force" }]);
      await pass((LEASE_MINUTES / 2) * MINUTE + 5 * SECOND);
      expect(held()).toMatchObject([{ value: 2, renewals: 1 }]);
      expect(running.counters().holds).toMatchObject({ renewed: 1, notRenewed: 0 });
      const reverted = await within(60, running.commands.revertPoint("site/s1", "limit_1", command()));
      expect(reverted).toMatchObject({ status: "confirmed" });
      const calls = sent().length;
      await pass(2 * LEASE_MINUTES * MINUTE);
      expect(sent()).toHaveLength(calls);
      expect(kwOf("1")).toBe(6.6);
      const { overriding, scheduling } = running.control;
      overriding.setOverrideOn("site/*", {}, command());
      expect(await set(1)).toMatchObject({ status: "refused", error: "OverrideError" });
      overriding.clearOverrides(command());
      const hour = [clock.now(), clock.now() + 60 * MINUTE].map((ms) => new Date(ms).toISOString());
      const slots = [["site/s1", ...hour]];
      const asked = { taskId: "t", priority: "HIGH", slots };
      expect(scheduling.requestNewSchedule(asked, command({ requester: "ann" }))).toMatchObject({
        result: "SUCCESS",
      });
      expect(await set(1)).toMatchObject({ status: "refused", error: "ScheduleError" });
    });

    const reopened = () => StateStore.open(`${disk!.data}/state.sqlite`);

    test("killed on it, it starts, and knows what was written on it: space was reserved for that", async () => {
      await full();
      expect(await set(2)).toMatchObject({ status: "confirmed" });
      await running.stop();
      state.close();
      disk!.fill();
      state = reopened();
      run();
      await pass(CONFIRM_SECONDS * SECOND + 30 * SECOND);
      expect(held()).toMatchObject([{ value: 2, state: "in_force" }]);
      expect(kinds()).not.toContain("hold_gone");
      expect(kwOf("1")).toBe(2);
    });

    test("killed when even the reserve was gone, it starts with what it has, and saves the rest once there is space", async () => {
      await withoutReserve();
      await running.stop();
      state.close();
      disk!.fill();
      state = reopened();
      run();
      await pass(30 * SECOND);
      expect(held()).toMatchObject([{ value: 3, state: "in_force" }]);
      disk!.empty();
      expect(await set(1)).toMatchObject({ status: "confirmed" });
      const other = reopened();
      expect(other.namespace("holds").entries()[0]![1]).toMatchObject({ value: 1, state: "in_force" });
      other.close();
    });
  });

  describe("E26: a limit whose answer was lost", () => {
    /** 0 kW, until cleared; the service acted, and the bridge cannot read it for a while either. */
    async function lost(more: Partial<Command> = {}, options: Parameters<typeof run>[0] = {}): Promise<void> {
      run({ leaseMinutes: 0, ...options });
      loseAnswer("shedLoad");
      const end = simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "126" } });
      const result = await set(0, more);
      expect(result).toMatchObject({ status: "unconfirmed", error: "TransportError" });
      expect(kwOf("1")).toBe(0);
      expect(held()).toMatchObject([{ point: "limit_1", value: 0, requester: "ems", state: "unknown" }]);
      end();
    }
    const FREED = ["shedLoad", "clearShedState"];
    const expectFreed = () => {
      expect(kwOf("1")).toBe(6.6);
      expect(sent()).toEqual(FREED);
      expect(held()).toEqual([]);
    };

    test("is read back: in force where the device shows it, and reported as confirmed", async () => {
      run();
      loseAnswer("shedLoad");
      expect(await set(3)).toMatchObject({ status: "confirmed", readBack: 3 });
      expect(held()).toMatchObject([{ value: 3, state: "in_force" }]);
      await pass((LEASE_MINUTES / 2) * MINUTE + 5 * SECOND);
      expect(held()).toMatchObject([{ renewals: 1 }]);
    });

    test("is known to be in force as soon as the service can be read", async () => {
      await lost();
      for (let n = 0; n < 20 && held()[0]?.state !== "in_force"; n++) await pass(5 * SECOND);
      expect(held()).toMatchObject([{ value: 0, state: "in_force" }]);
      expect(sent()).toEqual(["shedLoad"]);
    });

    test("is reverted with its point", async () => {
      await lost();
      const result = await within(60, running.commands.revertPoint("site/s1", "limit_1", command()));
      expect(result).toMatchObject({ status: "confirmed" });
      expectFreed();
    });

    test("is reverted with its device", async () => {
      await lost();
      const result = await within(60, running.commands.revertDevice("site/s1", command()));
      expect(result.text).not.toContain("nothing to revert");
      expect(result).toMatchObject({ status: "confirmed" });
      expectFreed();
    });

    test("is reverted by an override", async () => {
      await lost();
      running.control.overriding.setOverrideOn("site/*", {}, command());
      await pass(5 * SECOND);
      expectFreed();
    });

    test("is reverted when its controller is gone", async () => {
      await lost({}, { graceSeconds: 10 });
      running.control.controllers!.heard("ems", "offline");
      await pass(15 * SECOND);
      expectFreed();
    });

    test("ends at its time, where the service forgets to end it", async () => {
      await lost({ durationMinutes: 2 });
      await pass(2 * MINUTE + 10 * SECOND, false);
      expectFreed();
      expect(kinds()).toContain("hold_cleared");
    });

    test("is forgotten where it never came through, after two late readings, and what was before is held on", async () => {
      run();
      expect(await set(3)).toMatchObject({ status: "confirmed" });
      simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "reset" } });
      const result = await set(0);
      expect(result).toMatchObject({ status: "unconfirmed", readBack: 3 });
      await pass(CONFIRM_SECONDS * SECOND + 30 * SECOND);
      expect(kinds()).toContain("hold_gone");
      expect(held()).toMatchObject([{ value: 3, state: "in_force" }]);
      expect(kwOf("1")).toBe(3);
    });

    test("that could not be read until its time was over leaves what was in force before, where that is", async () => {
      run();
      expect(await set(3)).toMatchObject({ status: "confirmed" });
      simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "reset" } });
      const end = simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "126" } });
      expect(await set(0, { durationMinutes: 1 })).toMatchObject({ status: "unconfirmed" });
      await pass(MINUTE - CONFIRM_SECONDS * SECOND);
      end();
      await pass(20 * SECOND);
      expect(kwOf("1")).toBe(3);
      expect(held()).toMatchObject([{ value: 3, state: "in_force" }]);
    });

    test("of which the clearing was lost is ended once it is known to be gone, and not before", async () => {
      run();
      await set(3);
      loseAnswer("clearShedState");
      const reverting = running.commands.revertPoint("site/s1", "limit_1", command());
      await pass(2 * SECOND);
      expect(held()).toMatchObject([{ value: 3, state: "unknown" }]);
      expect(await within(90, reverting)).toMatchObject({ status: "confirmed" });
      expect(held()).toEqual([]);
      await pass(LEASE_MINUTES * MINUTE);
      expect(sent()).toEqual(FREED);
    });
  });

  describe("E27: a limit that was cleared in the portal", () => {
    test("is not renewed, reported as gone, and not written again", async () => {
      run();
      await set(3);
      await pass(CONFIRM_SECONDS * SECOND + 5 * SECOND);
      clearElsewhere();
      await pass(LEASE_MINUTES * MINUTE);
      expect(kinds()).toEqual(["hold_gone"]);
      expect(held()).toEqual([]);
      expect(sent()).toEqual(["shedLoad"]);
      expect(kwOf("1")).toBe(6.6);
    });

    test("shortly before its renewal is not renewed either", async () => {
      run();
      await set(3);
      await pass((LEASE_MINUTES / 2) * MINUTE - 3 * SECOND);
      clearElsewhere();
      await pass(LEASE_MINUTES * MINUTE);
      expect(sent()).toEqual(["shedLoad"]);
      expect(kinds()).toEqual(["hold_gone"]);
    });

    test("at one port of a station is not written again there, and the rest ends with its lease", async () => {
      run();
      await within(60, running.commands.set("site/s1", "limit", 3, command()));
      await pass(CONFIRM_SECONDS * SECOND + 5 * SECOND);
      clearElsewhere("1");
      await pass(20 * SECOND);
      expect(notices.map(({ text }) => text)).toEqual([
        expect.stringMatching(/site\/s1\/limit = 3 of ems is in force at some of the ports only: /),
      ]);
      expect(held()).toMatchObject([{ point: "limit", value: 3, state: "in_force" }]);
      await pass(LEASE_MINUTES * MINUTE);
      expect(kinds()).toEqual(["hold_in_part", "hold_ended"]);
      expect(held()).toEqual([]);
      expect(sent()).toEqual(["shedLoad"]);
      expect([kwOf("1"), kwOf("2")]).toEqual([6.6, 6.6]);
    });

    test("at one port of a station is still this bridge's to revert at the other", async () => {
      run();
      await within(60, running.commands.set("site/s1", "limit", 3, command()));
      await pass(CONFIRM_SECONDS * SECOND + 5 * SECOND);
      clearElsewhere("1");
      await pass(20 * SECOND);
      const reverted = await within(60, running.commands.revertDevice("site/s1", command()));
      expect(reverted).toMatchObject({ status: "confirmed" });
      expect(kwOf("2")).toBe(6.6);
    });

    test("is written again with renewal: always, as before", async () => {
      run({ renewal: "always" });
      await set(3);
      await pass((LEASE_MINUTES / 2) * MINUTE - 3 * SECOND);
      clearElsewhere();
      await pass(10 * SECOND);
      expect(sent()).toEqual(["shedLoad", "shedLoad"]);
      expect(kwOf("1")).toBe(3);
    });

    test("E14: of a station's limit that was replaced, nothing is taken for somebody else's", async () => {
      run();
      const station = (kw: number) => within(120, running.commands.set("site/s1", "limit", kw, command()));
      await station(5);
      simulator.trouble.writesShowLateSeconds = CONFIRM_SECONDS - 2;
      await station(2);
      await pass(2 * CONFIRM_SECONDS * SECOND);
      expect(kinds()).toEqual([]);
    });

    test("E14: a service that shows changes late takes none of its limits away", async () => {
      run();
      simulator.trouble.writesShowLateSeconds = CONFIRM_SECONDS - 2;
      const result = await set(3);
      expect(result.status).toBe("confirmed");
      await pass(2 * LEASE_MINUTES * MINUTE);
      expect(kinds()).toEqual([]);
      expect(held()).toMatchObject([{ value: 3, state: "in_force" }]);
      expect(kwOf("1")).toBe(3);
    });
  });

  test("E6: killed while a write is on its way, it is listed as unknown, found out, and held on", async () => {
    run();
    simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "hang" } });
    void running.commands.set("site/s1", "limit_1", 3, command());
    await pass(2 * SECOND);
    expect(held()).toMatchObject([{ value: 3, state: "sent" }]);
    simulator.trouble.end();
    await restart();
    expect(held()).toMatchObject([{ value: 3, state: "unknown" }]);
    await pass(CONFIRM_SECONDS * SECOND + 30 * SECOND);
    expect(held()).toEqual([]);
    expect(kwOf("1")).toBe(6.6);
    expect(kinds()).toContain("hold_gone");
  });

  test("a limit of somebody else is ended by a revert of its point, which says so, and by nothing else", async () => {
    run();
    const station = simulator.world.findStation(simulator.stationIDs[0]!)!;
    simulator.world.shedPort(station, station.ports[0]!, { mode: "absolute", value: 2, minutes: 0 });
    await pass(15 * SECOND);
    expect(running.control.sheds().others).toHaveLength(1);
    const device = await within(60, running.commands.revertDevice("site/s1", command()));
    expect(device).toMatchObject({ status: "confirmed", text: expect.stringContaining("nothing to revert") });
    expect(kwOf("1")).toBe(2);
    const point = await within(60, running.commands.revertPoint("site/s1", "limit_1", command()));
    expect(point).toMatchObject({ status: "confirmed" });
    expect(point.text).toContain("the limit of port 1 (2 kW) was not set by this bridge, and was ended");
    expect(kwOf("1")).toBe(6.6);
  });

  test("E12: the service's 179 names the other port, which this bridge limits in the other way", async () => {
    run();
    await within(60, running.commands.set("site/s1", "limit_2", 3, command()));
    const result = await within(60, running.commands.set("site/s1", "percent_1", 50, command()));
    expect(result).toMatchObject({ status: "failed", code: "179", error: "ApiError" });
    expect(result.text).toContain("port 2 is limited in the other mode by this bridge");
  });

  test("E14: an allowed load of 0 is not confirmed by a percentage that is in force, though both read as 0", async () => {
    run();
    await within(60, running.commands.set("site/s1", "percent_1", 50, command()));
    simulator.trouble.begin({ operation: "shedLoad", times: 1, effect: { kind: "reset" } });
    expect(await set(0)).toMatchObject({ status: "unconfirmed" });
    await pass(CONFIRM_SECONDS * SECOND + 30 * SECOND);
    expect(held()).toMatchObject([{ point: "percent_1", value: 50, state: "in_force" }]);
  });

  test("a record on the disk that does not fit is set aside and reported; the others are taken up", async () => {
    run();
    await set(3);
    await running.stop();
    const holds = state.namespace("holds");
    holds.set("nonsense", { device: "site/s1", point: 7 });
    run();
    await pass(SECOND);
    expect(held()).toMatchObject([{ value: 3 }]);
    expect(kinds()).toContain("state_record_set_aside");
    expect(state.namespace("set aside").get("holds nonsense")).toMatchObject({ point: 7 });
  });
});
