import { describe, expect, it } from "vitest";
import type { CommandResult } from "../../../src/devices/commands.ts";
import { ServiceError } from "../../../src/drivers/errors.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { rig, type ScriptedDevice } from "../rig.ts";

const HOUR = 3_600_000;
const ID = { id: "dr-17", requester: "ems" };
type Rig = ReturnType<typeof rig>;

/** The bridge was killed; another one starts with what is on the disk. The device is as it was. */
async function restarted(before: Rig, prepare: (device: ScriptedDevice) => void = () => undefined) {
  const clock = new ManualClock(before.clock.now() + 1000);
  const standing = before.station().values;
  const made = rig({
    state: before.state,
    clock,
    prepare(device) {
      for (const [point, value] of standing) device.values.set(point, value);
      prepare(device);
    },
  });
  made.devices.start();
  await clock.advance(0);
  return made;
}

describe("the same command again", () => {
  it("E3: is answered with the first result and not written again, after a restart too", async () => {
    const before = rig();
    const { commands, command, within, station, writes } = before;
    const first = await within(0, commands.set("site/s1", "limit", 5, command(ID)));
    expect(first.status).toBe("confirmed");
    await before.clock.advance(30_000);
    expect(await within(0, commands.set("site/s1", "limit", 5, command(ID)))).toEqual({
      ...first,
      repeated: true,
    });
    // It is no attempt of its own.
    expect(writes).toHaveLength(2);
    const after = await restarted(before);
    const again = await after.within(0, after.commands.set("site/s1", "limit", 5, after.command(ID)));
    expect(again).toEqual({ ...first, repeated: true });
    expect([...station().writes, ...after.station().writes]).toEqual(["set limit 5"]);
    await after.devices.stop();
  });

  it("E3: while the first is under way it waits for that one's result, and hears early of it too", async () => {
    const { commands, command, clock, station } = rig();
    station().lagMs = 10_000;
    const early: CommandResult[] = [];
    const onAccepted = (result: CommandResult) => void early.push(result);
    const first = commands.set("site/s1", "limit", 5, command({ ...ID, onAccepted }));
    const second = commands.set("site/s1", "limit", 5, command({ ...ID, onAccepted }));
    await clock.advance(6000);
    const third = commands.set("site/s1", "limit", 5, command({ ...ID, onAccepted }));
    expect(early.map(({ status, repeated }) => [status, repeated])).toEqual([
      ["accepted", undefined],
      ["accepted", true],
      ["accepted", true],
    ]);
    await clock.advance(20_000);
    const results = await Promise.all([first, second, third]);
    expect(results.map(({ status, repeated }) => [status, repeated])).toEqual([
      ["confirmed", undefined],
      ["confirmed", true],
      ["confirmed", true],
    ]);
    expect(station().writes).toEqual(["set limit 5"]);
  });

  it("E3: a failure is a result too", async () => {
    const { commands, command, within, station } = rig();
    station().writeError = new ServiceError("no", "177", false);
    const first = await within(0, commands.set("site/s1", "limit", 5, command(ID)));
    station().writeError = undefined;
    const again = await within(0, commands.set("site/s1", "limit", 5, command(ID)));
    expect(again).toEqual({ ...first, repeated: true });
    expect(again).toMatchObject({ status: "failed", code: "177" });
    expect(station().writes).toHaveLength(1);
  });

  it("E3: under the id of another command it is refused, and says which; ids are each requester's own", async () => {
    const { commands, command, within, station, writes } = rig();
    await within(0, commands.set("site/s1", "limit", 5, command(ID)));
    for (const other of [
      commands.set("site/s1", "limit", 6, command(ID)),
      commands.set("site/s1", "percent", 5, command(ID)),
      commands.set("site/s1", "limit", 5, command({ ...ID, durationMinutes: 5 })),
      commands.revertPoint("site/s1", "limit", command(ID)),
      commands.revertDevice("site/s1", command(ID)),
    ]) {
      const result = await within(0, other);
      expect(result).toMatchObject({ status: "refused", error: "DuplicateIdError" });
      expect(result.text).toContain('ems used the id "dr-17" for another command (set site/s1/limit to 5)');
    }
    expect(writes.at(-1)).toMatchObject({ status: "refused" });
    const mine = await within(0, commands.set("site/s1", "limit", 6, command({ ...ID, requester: "bms" })));
    expect(mine.status).toBe("confirmed");
    // The first result is still the first command's.
    const again = await within(0, commands.set("site/s1", "limit", 5, command(ID)));
    expect(again).toMatchObject({ status: "confirmed", readBack: 5, repeated: true });
    expect(station().writes).toEqual(["set limit 5", "set limit 6"]);
  });

  it("E3: what was refused was not sent, and may be asked again", async () => {
    const { commands, command, within, overriding, station } = rig();
    overriding.setOverrideOn("*", { failsafeRevert: false }, command());
    const set = () => within(0, commands.set("site/s1", "limit", 5, command(ID)));
    expect((await set()).status).toBe("refused");
    overriding.clearOverrides(command());
    expect((await set()).status).toBe("confirmed");
    expect(station().writes).toEqual(["set limit 5"]);
  });

  it("E5: commands that look alike and have ids of their own are all carried out", async () => {
    const { commands, command, within, station } = rig();
    for (let n = 0; n < 3; n++) await within(0, commands.set("site/s1", "limit", 5, command()));
    expect(station().writes).toHaveLength(3);
  });

  it("E3: a day later its id is forgotten, on the disk too", async () => {
    const { commands, command, clock, within, state } = rig();
    await within(0, commands.set("site/s1", "limit", 5, command(ID)));
    await clock.advance(24 * HOUR + 1000);
    const late = await within(0, commands.set("site/s1", "limit", 6, command(ID)));
    expect(late).toMatchObject({ status: "confirmed", readBack: 6 });
    await within(0, commands.set("site/s1", "limit", 7, command()));
    expect(state.namespace("commands").entries()).toHaveLength(2);
  });
});

describe("a crash in the middle", () => {
  /** Killed while the device carries the write out. */
  async function killed(act: (made: Rig) => unknown) {
    const before = rig();
    before.station().writeMs = 1000;
    act(before);
    await before.clock.advance(500);
    expect(before.station().writes).toHaveLength(1);
    return before;
  }
  const command = (made: Rig) => made.command({ ...ID, replyTo: "here" });

  it("E6: settled by reading back: confirmed where the device took it; held from then on; nothing is written", async () => {
    const before = await killed((made) => void made.commands.set("site/s1", "limit", 5, command(made)));
    before.station().values.set("limit", 5);
    const after = await restarted(before);
    await after.clock.advance(100);
    expect(after.writes).toEqual([
      expect.objectContaining({ ...ID, replyTo: "here", action: "set", status: "confirmed", readBack: 5 }),
    ]);
    expect(after.station().writes).toEqual([]);
    expect(after.devices.counters().holds.held).toBe(1);
    const again = await after.within(0, after.commands.set("site/s1", "limit", 5, command(after)));
    expect(again).toMatchObject({ status: "confirmed", readBack: 5, repeated: true });
    expect(after.station().writes).toEqual([]);
    await after.devices.stop();
    const later = await restarted(after);
    await later.clock.advance(100_000);
    expect(later.writes).toEqual([]);
    await later.devices.stop();
  });

  it("E6: unconfirmed where it did not, with what was read, and the same to whoever repeats it meanwhile", async () => {
    const before = await killed((made) => void made.commands.set("site/s1", "limit", 5, command(made)));
    const after = await restarted(before);
    const again = after.commands.set("site/s1", "limit", 5, command(after));
    await after.clock.advance(61_000);
    const text = expect.stringContaining("it is not known whether the device accepted it (0 was read back)");
    expect(after.writes).toEqual([
      expect.objectContaining({ ...ID, status: "unconfirmed", readBack: 0, text }),
    ]);
    expect(await again).toMatchObject({ status: "unconfirmed", text, repeated: true });
    expect(after.devices.control.sheds().held).toMatchObject([{ value: 5, state: "unknown" }]);
    await after.clock.advance(180_000);
    expect(after.devices.counters().holds.held).toBe(0);
    expect(after.station().writes).toEqual([]);
    await after.devices.stop();
  });

  it("E6: unconfirmed where the device cannot be read, or is not there any more", async () => {
    const before = await killed((made) => void made.commands.set("site/s1", "limit", 5, command(made)));
    const after = await restarted(before, (device) => {
      device.readError = new Error("network away");
    });
    await after.clock.advance(61_000);
    expect(after.writes[0]).toMatchObject({
      status: "unconfirmed",
      text: expect.stringContaining("network away"),
    });
    await after.devices.stop();
  });

  it("E6: a revert of a whole device is settled by what is still held", async () => {
    const before = rig();
    await before.within(0, before.commands.set("site/s1", "label", "x", before.command()));
    before.station().writeMs = 1000;
    void before.commands.revertDevice("site/s1", command(before));
    await before.clock.advance(500);
    const after = await restarted(before);
    // That something is gone takes two readings after confirm_timeout.
    await after.clock.advance(70_000);
    expect(after.writes[0]).toMatchObject({ ...ID, action: "revert", status: "unconfirmed" });
    expect(after.devices.counters().holds.held).toBe(1);
    expect(after.station().writes).toEqual([]);
    await after.devices.stop();
  });

  it("E6: what was only waiting was not sent, and may be asked again", async () => {
    const before = rig();
    before.station().writeMs = 1000;
    void before.commands.set("site/s1", "percent", 1, before.command());
    void before.commands.set("site/s1", "limit", 5, command(before));
    await before.clock.advance(500);
    const after = await restarted(before);
    const again = await after.within(100, after.commands.set("site/s1", "limit", 5, command(after)));
    expect(again).not.toHaveProperty("repeated");
    expect(after.station().writes).toEqual(["set limit 5"]);
    await after.devices.stop();
  });
});

describe("an answer that takes long", () => {
  it("E14: is accepted first and confirmed later; quick ones get one answer", async () => {
    const { commands, command, clock, station, writes } = rig();
    const early: CommandResult[] = [];
    const onAccepted = (result: CommandResult) => void early.push(result);
    const quick = commands.set("site/s1", "percent", 5, command({ onAccepted }));
    await clock.advance(6000);
    expect((await quick).status).toBe("confirmed");
    expect(early).toEqual([]);
    station().lagMs = 10_000;
    const slow = commands.set("site/s1", "limit", 5, command({ onAccepted }));
    await clock.advance(5000);
    expect(early).toEqual([expect.objectContaining({ status: "accepted", code: "100", tookMs: 5000 })]);
    expect(early[0]).not.toHaveProperty("readBack");
    await clock.advance(10_000);
    expect(await slow).toMatchObject({ status: "confirmed", readBack: 5 });
    expect(early).toHaveLength(1);
    // On record is the end.
    expect(writes.map(({ status }) => status)).toEqual([undefined, "confirmed", undefined, "confirmed"]);
  });

  it("E14: unconfirmed at the end, where it is never seen; a device's revert likewise", async () => {
    const { commands, command, clock, station } = rig();
    station().lagMs = 1e9;
    const early: string[] = [];
    const onAccepted = ({ status }: CommandResult) => void early.push(status);
    const set = commands.set("site/s1", "limit", 5, command({ onAccepted }));
    await clock.advance(61_000);
    expect((await set).status).toBe("unconfirmed");
    station().values.set("enabled", false);
    const reverted = commands.revertDevice("site/s1", command({ onAccepted }));
    await clock.advance(61_000);
    expect((await reverted).status).toBe("unconfirmed");
    expect(early).toEqual(["accepted", "accepted"]);
  });
});
