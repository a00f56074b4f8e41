import { describe, expect, it } from "vitest";
import { StateStore } from "../../../src/storage/state-store.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig, type ScriptedDevice } from "../rig.ts";

const MINUTE = 60_000;
const leased = (device: ScriptedDevice) => void Object.assign(device, { leaseSeconds: 3600 });

/** A running rig with `limit` set to 5 and a lease of an hour. */
async function held(options: RigOptions = {}) {
  const made = rig({ prepare: leased, ...options });
  made.devices.start();
  await made.clock.advance(0);
  const set = made.commands.set("site/s1", "limit", 5, made.command({ requester: "ems" }));
  expect((await made.within(0, set)).status).toBe("confirmed");
  return made;
}

/** The bridge is killed: no stop, nothing said. Another one starts with what is on the disk; the devices are as they were. */
async function restarted(before: ReturnType<typeof rig>, downMs: number, options: RigOptions = {}) {
  const clock = new ManualClock(before.clock.now() + downMs);
  const prepare = (device: ScriptedDevice) => {
    leased(device);
    for (const [point, value] of before.station()?.values ?? []) device.values.set(point, value);
  };
  const made = rig({ prepare, state: before.state, clock, ...options });
  made.devices.start();
  await clock.advance(0);
  return made;
}

describe("held set points", () => {
  it("E7: are renewed at half of their lease for as long as they are held, and say so", async () => {
    const { devices, clock, station, writes } = await held();
    await clock.advance(29 * MINUTE);
    expect(station().writes).toHaveLength(1);
    await clock.advance(2 * MINUTE);
    expect(station().writes).toHaveLength(2);
    await clock.advance(300 * MINUTE);
    expect(station().writes).toHaveLength(12);
    expect(new Set(station().writes)).toEqual(new Set(["set limit 5"]));
    const renewal = writes.filter(({ via }) => via === "lease");
    expect(renewal[0]).toMatchObject({ requester: "ems", point: "limit", requested: 5 });
    expect(devices.counters().holds).toEqual({ held: 1, renewed: 11, notRenewed: 0 });
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("end with a revert, and with another set point that takes their place", async () => {
    const { devices, commands, clock, within, command, station } = await held();
    await within(0, commands.set("site/s1", "percent", 30, command()));
    await clock.advance(31 * MINUTE);
    expect(station().writes.slice(2)).toEqual(["set percent 30"]);
    await within(0, commands.revertPoint("site/s1", "percent", command()));
    await clock.advance(300 * MINUTE);
    expect(station().writes.slice(3)).toEqual(["revert percent"]);
    expect(devices.counters().holds.held).toBe(0);
    await devices.stop();
  });

  it("end with a write that the driver says has ended them", async () => {
    const { devices, commands, clock, within, command, station } = await held();
    await within(0, commands.set("site/s1", "enabled", false, command()));
    expect(devices.counters().holds.held).toBe(0);
    await clock.advance(120 * MINUTE);
    expect(station().writes).toEqual(["set limit 5", "set enabled false"]);
    await devices.stop();
  });

  it("E7: one with a duration of its own is not renewed and ends at its time", async () => {
    const { devices, commands, clock, within, command, station } = await held();
    await within(0, commands.set("site/s1", "limit", 9, command({ durationMinutes: 90 })));
    await clock.advance(89 * MINUTE);
    expect(devices.counters().holds.held).toBe(1);
    await clock.advance(2 * MINUTE);
    expect(devices.counters().holds.held).toBe(0);
    // This device does not end it by itself.
    expect(station().writes).toEqual(["set limit 5", "set limit 9 for 90 min", "revert limit"]);
    await devices.stop();
  });

  it("one without a lease stands until it is reverted, and is never renewed", async () => {
    const { devices, clock, station } = await held({ prepare: () => {} });
    await clock.advance(600 * MINUTE);
    expect(station().writes).toHaveLength(1);
    expect(devices.counters().holds.held).toBe(1);
    await devices.stop();
  });

  it("a failed renewal is tried again, slower and slower, until the lease ends; then it is lost, and said so", async () => {
    const { devices, clock, station, notices } = await held();
    station().writeError = new Error("network away");
    await clock.advance(59 * MINUTE);
    const tries = station().writes.length - 1;
    expect(tries).toBeGreaterThanOrEqual(5);
    expect(tries).toBeLessThan(12);
    expect(notices.map(({ kind }) => kind)).toEqual(["lease_not_renewed"]);
    // The device ends it by itself.
    clock.after(MINUTE / 2, () => station().values.set("limit", 0));
    await clock.advance(2 * MINUTE);
    expect(notices.at(-1)).toMatchObject({ severity: "error", kind: "lease_lost", device: "site/s1" });
    expect(notices.at(-1)!.text).toContain("site/s1/limit = 5");
    expect(notices.at(-1)!.text).toContain("network away");
    station().writeError = undefined;
    const after = station().writes.length;
    await clock.advance(300 * MINUTE);
    expect(station().writes).toHaveLength(after);
    expect(devices.counters().holds.held).toBe(0);
    await devices.stop();
  });

  it("a renewal that succeeds at last goes on as before", async () => {
    const { devices, clock, station } = await held();
    station().writeError = new Error("network away");
    await clock.advance(40 * MINUTE);
    station().writeError = undefined;
    await clock.advance(10 * MINUTE);
    const after = station().writes.length;
    await clock.advance(60 * MINUTE);
    expect(station().writes.length).toBeGreaterThanOrEqual(after + 1);
    expect(station().writes.length).toBeLessThanOrEqual(after + 2);
    expect(devices.counters().holds.held).toBe(1);
    await devices.stop();
  });

  it("D3, E7: a clock that jumps moves no renewal: elapsed time counts", async () => {
    for (const jump of [3_600_000, -3_600_000, -Date.UTC(2026, 0)]) {
      const { devices, clock, station } = await held();
      await clock.advance(10 * MINUTE);
      clock.set(clock.now() + jump);
      await clock.advance(19 * MINUTE);
      expect(station().writes).toHaveLength(1);
      await clock.advance(2 * MINUTE);
      expect(station().writes).toHaveLength(2);
      await devices.stop();
    }
  });
});

describe("held set points after a restart", () => {
  it("E7: are renewed when they would have been", async () => {
    const before = await held();
    await before.clock.advance(10 * MINUTE);
    const { devices, clock, station } = await restarted(before, 5 * MINUTE);
    expect(station().writes).toEqual([]);
    await clock.advance(14 * MINUTE);
    expect(station().writes).toEqual([]);
    await clock.advance(2 * MINUTE);
    expect(station().writes).toEqual(["set limit 5"]);
    await devices.stop();
  });

  it("E7: at once, when that was while the bridge was down and the lease still runs", async () => {
    const { devices, clock, station } = await restarted(await held(), 45 * MINUTE);
    await clock.advance(1000);
    expect(station().writes).toEqual(["set limit 5"]);
    await devices.stop();
  });

  it("E7: not when the lease ran out meanwhile: given up, and said so", async () => {
    const before = await held();
    before.station().values.set("limit", 0);
    const { devices, clock, station, notices, state } = await restarted(before, 61 * MINUTE);
    await clock.advance(120 * MINUTE);
    expect(station().writes).toEqual([]);
    expect(notices[0]).toMatchObject({ severity: "warning", kind: "hold_ended", device: "site/s1" });
    expect(state.namespace("holds").entries()).toEqual([]);
    await devices.stop();
  });

  it.each([
    ["ten minutes back", -10 * MINUTE],
    ["at 1970", -Date.UTC(2026, 10, 21)],
  ])(
    "E29, D4: with the clock %s, a lease that is in force is taken up in full and renewed at once",
    async (_, ms) => {
      const before = await held();
      await before.clock.advance(20 * MINUTE);
      const { devices, clock, station, notices } = await restarted(
        before,
        Math.max(ms, 1000 - before.clock.now()),
      );
      await clock.advance(2000);
      expect(station().writes).toEqual(["set limit 5"]);
      expect(devices.control.sheds().held).toMatchObject([{ value: 5, requester: "ems", state: "in_force" }]);
      await clock.advance(29 * MINUTE);
      expect(station().writes).toHaveLength(1);
      await clock.advance(2 * MINUTE);
      expect(station().writes).toHaveLength(2);
      expect(notices.filter(({ kind }) => kind !== "clock_not_set")).toEqual([]);
      await devices.stop();
    },
  );

  it("E29: with the clock behind, a lease that is not in force any more is forgotten, and nothing is written", async () => {
    const before = await held();
    before.station().values.set("limit", 0);
    const { devices, clock, station, notices } = await restarted(before, -10 * MINUTE);
    await clock.advance(120 * MINUTE);
    expect(station().writes).toEqual([]);
    expect(notices.map(({ kind }) => kind)).toEqual(["hold_gone"]);
    expect(devices.counters().holds.held).toBe(0);
    await devices.stop();
  });

  it("E29: with the clock behind, a duration ends when the clock says, never later than was asked", async () => {
    for (const [downMs, leftMinutes] of [
      [-10 * MINUTE, 90],
      [-30_000, 60.5],
    ] as const) {
      const before = await held();
      const { commands, command, within } = before;
      await within(0, commands.set("site/s1", "limit", 9, command({ durationMinutes: 90 })));
      if (downMs > -MINUTE) await before.clock.advance(30 * MINUTE);
      const { devices, clock, station } = await restarted(before, downMs);
      await clock.advance(leftMinutes * MINUTE - 2000);
      expect(devices.control.sheds().held).toMatchObject([{ value: 9 }]);
      expect(station().writes).toEqual([]);
      await clock.advance(5000);
      expect(station().writes).toEqual(["revert limit"]);
      await devices.stop();
    }
  });

  it.each([
    ["back", -60 * MINUTE],
    ["forward", 60 * MINUTE],
  ])("D4: set right after the clock was set %s, before that is noticed, it keeps its end", async (_, ms) => {
    const before = await held();
    const { commands, command, within, clock: earlier } = before;
    await earlier.advance(5000);
    earlier.set(earlier.now() + ms);
    await within(0, commands.set("site/s1", "limit", 9, command({ durationMinutes: 30 })));
    await earlier.advance(5000);
    const { devices, clock, station } = await restarted(before, 10_000);
    await clock.advance(29 * MINUTE);
    expect(devices.control.sheds().held).toMatchObject([{ value: 9 }]);
    expect(station().writes).toEqual([]);
    await clock.advance(2 * MINUTE);
    expect(station().writes).toEqual(["revert limit"]);
    await devices.stop();
  });

  it("E7: one with a duration ends at its original time", async () => {
    const before = await held();
    const { commands, command, within } = before;
    await within(0, commands.set("site/s1", "limit", 9, command({ durationMinutes: 90 })));
    await before.clock.advance(30 * MINUTE);
    const { devices, clock, station } = await restarted(before, 30 * MINUTE);
    await clock.advance(29 * MINUTE);
    expect(devices.counters().holds.held).toBe(1);
    station().values.set("limit", 0);
    await clock.advance(2 * MINUTE);
    expect(devices.counters().holds.held).toBe(0);
    expect(station().writes).toEqual([]);
    await devices.stop();
  });

  it("one whose device is not there now is left alone and taken up when it is back in time", async () => {
    const before = await held();
    const without = await restarted(before, MINUTE, { paths: ["site/s2"] });
    expect(without.notices[0]).toMatchObject({ kind: "hold_not_renewed", device: "site/s1" });
    await without.clock.advance(10 * MINUTE);
    await without.devices.stop();
    const prepare = (device: ScriptedDevice) => {
      leased(device);
      device.values.set("limit", 5);
    };
    const { devices, clock, station } = await restarted(without, MINUTE, { prepare });
    await clock.advance(20 * MINUTE);
    expect(station().writes).toEqual(["set limit 5"]);
    await devices.stop();
  });

  it("E8: fifty starts with Starting Values and nothing held write nothing", async () => {
    const state = StateStore.open(":memory:");
    for (let start = 0; start < 50; start++) {
      const { devices, clock, station } = rig({ state, prepare: leased });
      devices.start();
      await clock.advance(2 * MINUTE);
      expect(station().writes).toEqual([]);
      await devices.stop();
    }
  });
});
