import { describe, expect, it } from "vitest";
import { ServiceError } from "../../../src/drivers/errors.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig, type ScriptedDevice } from "../rig.ts";

const MINUTE = 60_000;
const leased = (device: ScriptedDevice) => void Object.assign(device, { leaseSeconds: 3600 });

/** A running rig with `limit` set to 9 for half an hour, on a device that never ends anything by itself. */
async function timed(options: RigOptions = {}) {
  const made = rig({ prepare: leased, ...options });
  made.devices.start();
  await made.clock.advance(0);
  const set = made.commands.set("site/s1", "limit", 9, made.command({ durationMinutes: 30 }));
  expect((await made.within(0, set)).status).toBe("confirmed");
  return made;
}

/** The bridge was killed; another one starts with what is on the disk. The device is as it was. */
async function restarted(before: ReturnType<typeof rig>, downMs: number) {
  const clock = new ManualClock(before.clock.now() + downMs);
  const standing = before.station().values;
  const prepare = (device: ScriptedDevice) => {
    leased(device);
    for (const [point, value] of standing) device.values.set(point, value);
  };
  const made = rig({ prepare, state: before.state, clock });
  made.devices.start();
  await clock.advance(0);
  return made;
}

const CLEARED = ["set limit 9 for 30 min", "revert limit"];

describe("a set point whose time is over", () => {
  it("E7: is cleared within seconds where the device did not end it, and seen to be", async () => {
    const { devices, clock, station, writes, notices } = await timed();
    await clock.advance(30 * MINUTE - 1000);
    expect(station().writes).toHaveLength(1);
    await clock.advance(3000);
    expect(station().writes).toEqual(CLEARED);
    expect(writes.at(-1)).toMatchObject({ via: "end", action: "revert", status: "confirmed" });
    expect(notices.map(({ kind }) => kind)).toEqual(["hold_cleared"]);
    expect(devices.counters().holds.held).toBe(0);
    await devices.stop();
  });

  it("E7: is left alone where the device ended it, or somebody else set another since", async () => {
    for (const now of [0, 7]) {
      const { devices, clock, station, notices } = await timed();
      station().values.set("limit", now);
      await clock.advance(31 * MINUTE);
      expect(station().writes).toHaveLength(1);
      expect(notices.map(({ kind }) => kind)).toEqual(["hold_ended"]);
      await devices.stop();
    }
  });

  it("E7: is tried again until the device can be reached", async () => {
    const { devices, clock, station, notices } = await timed();
    station().writeError = new ServiceError("unreachable", "115", true);
    await clock.advance(32 * MINUTE);
    expect(notices.map(({ kind }) => kind)).toEqual(["hold_not_ended"]);
    expect(station().values.get("limit")).toBe(9);
    station().writeError = undefined;
    await clock.advance(6 * MINUTE);
    expect(station().values.get("limit")).toBe(0);
    expect(notices.at(-1)!.kind).toBe("hold_cleared");
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("E7: overrides and reservations do not keep it", async () => {
    const { devices, clock, station, overriding, command } = await timed();
    overriding.setOverrideOn("*", { failsafeRevert: false }, command());
    await clock.advance(31 * MINUTE);
    expect(station().writes).toEqual(CLEARED);
    await devices.stop();
  });

  it("E7: at its original time after a restart in between", async () => {
    const before = await timed();
    await before.clock.advance(10 * MINUTE);
    const { devices, clock, station } = await restarted(before, 5 * MINUTE);
    await clock.advance(15 * MINUTE - 1000);
    expect(station().writes).toEqual([]);
    await clock.advance(3000);
    expect(station().writes).toEqual(["revert limit"]);
    await devices.stop();
  });

  it("E7: at the start, when that was while the bridge was down; a lease likewise", async () => {
    for (const durationMinutes of [30, undefined]) {
      const before = await timed();
      const more = durationMinutes === undefined ? {} : { durationMinutes };
      await before.within(0, before.commands.set("site/s1", "limit", 9, before.command(more)));
      const { devices, clock, station, notices } = await restarted(before, 61 * MINUTE);
      await clock.advance(3000);
      expect(station().writes).toEqual(["revert limit"]);
      expect(notices.map(({ kind }) => kind)).toEqual(["hold_cleared"]);
      await devices.stop();
    }
  });

  it("E8: what has ended by itself while the bridge was down is not written at the start", async () => {
    const before = await timed();
    before.station().values.set("limit", 0);
    const { devices, clock, station, state } = await restarted(before, 61 * MINUTE);
    await clock.advance(10 * MINUTE);
    expect(station().writes).toEqual([]);
    expect(state.namespace("holds").entries()).toEqual([]);
    await devices.stop();
  });

  it("D3, E7: a clock that is set moves no end, after a restart neither", async () => {
    for (const jump of [3_600_000, -3_600_000, Date.UTC(2040, 0) - Date.UTC(2026, 10, 21)]) {
      const running = await timed();
      await running.clock.advance(10 * MINUTE);
      running.clock.set(running.clock.now() + jump);
      await running.clock.advance(20 * MINUTE - 1000);
      expect(running.station().writes).toHaveLength(1);
      await running.clock.advance(3000);
      expect(running.station().writes).toEqual(CLEARED);
      await running.devices.stop();

      const before = await timed();
      before.clock.set(before.clock.now() + jump);
      await before.clock.advance(10 * MINUTE);
      const { devices, clock, station } = await restarted(before, 0);
      await clock.advance(20 * MINUTE - 1000);
      expect(station().writes).toEqual([]);
      await clock.advance(3000);
      expect(station().writes).toEqual(["revert limit"]);
      await devices.stop();
    }
  });
});
