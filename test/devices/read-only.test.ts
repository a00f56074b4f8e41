import { describe, expect, it } from "vitest";
import { StateStore } from "../../src/storage/state-store.ts";
import { ManualClock } from "../helpers/manual-clock.ts";
import { type RigOptions, rig, type ScriptedDevice } from "./rig.ts";

const HOUR = 3_600_000;

function readOnly(options: RigOptions = {}) {
  const made = rig({
    readOnly: true,
    driver: { writeStartingValues: true, heartbeatIntervalSeconds: 5 },
    device: { heartbeatPoint: "percent" },
    ...options,
  });
  made.devices.start();
  return made;
}

describe("a read-only bridge", () => {
  it("writes no set point, revert, Starting Value or heartbeat, and says why; it reads", async () => {
    const { devices, commands, overriding, clock, command, within, station, writes, notices } = readOnly();
    await clock.advance(2 * HOUR);
    const answers = [
      commands.set("site/s1", "limit", 5, command({ requester: "ems" })),
      commands.revertPoint("site/s1", "limit", command()),
      commands.revertDevice("site/s1", command()),
    ];
    for (const answer of answers)
      expect(await within(0, answer)).toMatchObject({
        status: "refused",
        error: "ReadOnlyBridgeError",
        text: expect.stringContaining("read-only"),
      });
    expect(writes.at(0)).toMatchObject({ requester: "ems", from: 0, requested: 5, status: "refused" });
    overriding.setOverrideOn("site/*", {}, command());
    await clock.advance(HOUR);
    expect(station().writes).toEqual([]);
    expect(await within(0, commands.get("site/s1", "load"))).toBe(7.2);
    expect(notices[0]).toMatchObject({
      kind: "read_only",
      text: "the bridge is read-only: it writes to no device",
    });
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("lets what was held before end by itself, and says until when", async () => {
    const state = StateStore.open(":memory:");
    const leased = (device: ScriptedDevice) => void Object.assign(device, { leaseSeconds: 3600 });
    const before = rig({ state, prepare: leased });
    before.devices.start();
    await before.within(0, before.commands.set("site/s1", "limit", 5, before.command()));
    const { devices, clock, station, notices } = readOnly({
      state,
      prepare: leased,
      clock: new ManualClock(before.clock.now() + HOUR / 4),
    });
    await clock.advance(HOUR / 2);
    expect(devices.counters().holds.held).toBe(1);
    await clock.advance(HOUR / 2);
    expect(devices.counters().holds).toEqual({ held: 0, renewed: 0, notRenewed: 0 });
    expect(station().writes).toEqual([]);
    expect(notices[0]?.text).toMatch(
      /; 1 set points? held since the last run .* the last at 2026-11-21T09:00:00.000Z$/,
    );
    await devices.stop();
  });
});
