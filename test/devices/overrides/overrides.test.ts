import { describe, expect, it } from "vitest";
import type { OverrideOptions } from "../../../src/devices/commands.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig } from "../rig.ts";

const MINUTE = 60_000;
const PATHS = ["site/a/s1", "site/a/s2", "site/b/s1"];

async function running(options: RigOptions = {}) {
  const made = rig({ paths: PATHS, ...options });
  made.devices.start();
  await made.clock.advance(0);
  const { commands, overriding, command, within } = made;
  const on = (pattern: string, asked: OverrideOptions = { failsafeRevert: false }) =>
    overriding.setOverrideOn(pattern, asked, command({ requester: "op" }));
  const off = (pattern: string) => overriding.setOverrideOff(pattern, command({ requester: "op" }));
  const set = async (device = PATHS[0]!) => {
    const { status, error } = await within(0, commands.set(device, "limit", 5, command()));
    return error ?? status;
  };
  const wrote = () => PATHS.flatMap((path) => made.station(path).writes.map((write) => `${path} ${write}`));
  return { ...made, on, off, set, wrote };
}

/** The bridge is killed: no stop, nothing said. */
async function restarted(
  before: Awaited<ReturnType<typeof running>>,
  downMs: number,
  options: RigOptions = {},
) {
  const clock = new ManualClock(before.clock.now() + downMs);
  return running({ ...options, state: before.state, clock });
}

describe("E19: an override", () => {
  it("blocks set and revert of the devices under its pattern, and nothing else", async () => {
    const { devices, on, off, set, commands, command, within, clock, station, overriding, wrote } =
      await running();
    expect(on("site/a/*")).toEqual({ pattern: "site/a/*", devices: ["site/a/s1", "site/a/s2"] });
    const path = "site/a/s1";
    const answers = await within(
      0,
      Promise.all([
        commands.set(path, "limit", 5, command()),
        commands.revertPoint(path, "limit", command()),
        commands.revertDevice(path, command()),
      ]),
    );
    const ending = "device site/a/s1 since global override is set (site/a/*); switch it off first";
    expect(answers.map(({ status, error, text }) => [status, error, text])).toEqual([
      ["refused", "OverrideError", `Cannot set point on ${ending}`],
      ["refused", "OverrideError", `Cannot revert point on ${ending}`],
      ["refused", "OverrideError", `Cannot revert ${ending}`],
    ]);
    expect(wrote()).toEqual([]);
    expect(await within(0, commands.get(path, "limit"))).toBe(0);
    const scrapes = () => station(path).calls.filter((call) => call === "scrape").length;
    const before = scrapes();
    await clock.advance(MINUTE);
    expect(scrapes()).toBeGreaterThan(before);
    expect(await set("site/b/s1")).toBe("confirmed");
    expect(overriding.overrideDevices()).toEqual(["site/a/s1", "site/a/s2"]);
    off("site/a/*");
    expect(await set()).toBe("confirmed");
    expect(overriding.overrideDevices()).toEqual([]);
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("several add up, and only the very pattern switches one off", async () => {
    const { devices, on, off, set, overriding, command } = await running();
    on("site/a/*");
    on("*/s1");
    expect(overriding.overrideDevices()).toEqual(PATHS);
    expect(() => off("site/*")).toThrow(
      "Pattern site/* does not exist in list of override patterns; there are: site/a/*, */s1",
    );
    expect(() => off("site/a/s1")).toThrow(expect.objectContaining({ name: "OverrideError" }));
    off("site/a/*");
    expect([await set("site/a/s1"), await set("site/a/s2")]).toEqual(["OverrideError", "confirmed"]);
    overriding.clearOverrides(command());
    expect(overriding.overridePatterns()).toEqual([]);
    expect(await set("site/a/s1")).toBe("confirmed");
    expect(() => off("*/s1")).toThrow("there are no overrides");
    await devices.stop();
  });

  it.each<[name: string, durations: (number | undefined)[], endsAfter: number | undefined]>([
    ["with a duration ends by itself", [60], 60],
    ["without one, or of 0 or less, stands", [undefined], undefined],
    ["of 0 stands", [0], undefined],
    ["of -1 stands", [-1], undefined],
    ["that is longer wins", [60, 120], 120],
    ["that is shorter changes nothing", [120, 60], 120],
    ["without an end wins", [60, 0], undefined],
    ["without an end stays", [0, 60], undefined],
    ["of years is no trouble", [3e8], 3e8],
  ])("%s", async (_, durations, endsAfter) => {
    const { devices, on, overriding, clock, set, notices } = await running();
    for (const durationSeconds of durations)
      on("site/a/s1", { failsafeRevert: false, ...(durationSeconds !== undefined && { durationSeconds }) });
    const ends = endsAfter === undefined ? {} : { endsAt: new Date(clock.now() + endsAfter * 1000) };
    expect(overriding.overridePatterns()).toEqual([
      { pattern: "site/a/s1", ...ends, devices: ["site/a/s1"] },
    ]);
    if (endsAfter !== undefined && endsAfter < 1000) {
      await clock.advance(endsAfter * 1000 - 1);
      expect(await set()).toBe("OverrideError");
      await clock.advance(1);
      expect(await set()).toBe("confirmed");
      expect(notices.at(-1)).toMatchObject({ kind: "override_off" });
    } else {
      await clock.advance(10 * MINUTE);
      expect(await set()).toBe("OverrideError");
    }
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });

  it("refuses what is no pattern, too many, and too late", async () => {
    const { devices, on, overriding, clock, command } = await running();
    expect(() => on("")).toThrow("the pattern must be text");
    expect(() => on("x".repeat(1025))).toThrow("the pattern must be text");
    expect(() => on("a", { durationSeconds: Number.NaN })).toThrow("a number of seconds");
    const late = command({ sentAt: new Date(clock.now() - 61_000) });
    expect(() => overriding.setOverrideOn("*", {}, late)).toThrow("older than max_command_age");
    on("a");
    expect(() => overriding.setOverrideOff("a", late)).toThrow("older than max_command_age");
    expect(() => overriding.clearOverrides(late)).toThrow("older than max_command_age");
    for (let i = 1; i < 1000; i++) on(`p${i}`);
    expect(() => on("one more")).toThrow("there are already 1000 overrides");
    on("p1", { failsafeRevert: false, durationSeconds: 5 });
    expect(overriding.overridePatterns()).toHaveLength(1000);
    await devices.stop();
  });

  it("stops what waits already, and lets what is under way end before its revert", async () => {
    const { devices, on, clock, commands, command, within, station } = await running();
    station("site/a/s1").writeMs = 1000;
    const both = [1, 2].map((value) => commands.set("site/a/s1", "limit", value, command()));
    await within(0, Promise.resolve());
    on("*", {});
    const answers = await within(10_000, Promise.all(both));
    expect(answers.map(({ error }) => error)).toEqual([undefined, "OverrideError"]);
    await clock.advance(10_000);
    expect(station("site/a/s1").writes).toEqual(["set limit 1", "revert limit", "revert enabled"]);
    await devices.stop();
  });

  it("comes before a reservation's holder too", async () => {
    const { devices, on, commands, scheduling, command, within, clock } = await running();
    const slots = [["site/a/s1", new Date(clock.now()).toISOString(), "2026-11-21T09:00:00Z"]];
    scheduling.requestNewSchedule({ taskId: "t", priority: "HIGH", slots }, command({ requester: "ann" }));
    on("site/a/s1");
    const set = commands.set("site/a/s1", "limit", 1, command({ requester: "ann" }));
    expect((await within(0, set)).error).toBe("OverrideError");
    await devices.stop();
  });
});

describe("E9, E19: the failsafe revert", () => {
  it("puts the devices under it back to their default, whoever holds them, and says who asked", async () => {
    const { devices, set, on, clock, wrote, within, commands, scheduling, command, ...heard } =
      await running();
    await set("site/a/s1");
    await set("site/b/s1");
    const slots = [["site/a/s1", new Date(clock.now()).toISOString(), "2026-11-21T09:00:00Z"]];
    scheduling.requestNewSchedule({ taskId: "t", priority: "HIGH", slots }, command({ requester: "ann" }));
    on("site/a/*", {});
    await clock.advance(0);
    expect(wrote()).toEqual([
      "site/a/s1 set limit 5",
      "site/a/s1 revert limit",
      "site/a/s1 revert enabled",
      "site/a/s2 revert enabled",
      "site/b/s1 set limit 5",
    ]);
    const reverts = heard.writes.filter(
      ({ action, status }) => action === "revert" && status === "confirmed",
    );
    expect(reverts.map(({ requester, device }) => [requester, device.path]).sort()).toEqual([
      ["op", "site/a/s1"],
      ["op", "site/a/s2"],
    ]);
    await devices.stop();
  });

  it("staggered, goes from device to device", async () => {
    const { devices, on, clock, wrote } = await running();
    on("*", { staggeredRevert: true });
    const steps: number[] = [];
    for (let i = 0; i < 4; i++) {
      await clock.advance(i === 0 ? 0 : 50);
      steps.push(wrote().length);
    }
    expect(steps).toEqual([1, 2, 3, 3]);
    await devices.stop();
  });

  it("that fails is tried again for as long as the override stands, and said", async () => {
    const { devices, on, off, set, clock, station, notices } = await running();
    await set();
    station("site/a/s1").writeError = new Error("network away");
    on("site/a/s1", {});
    await clock.advance(100_000);
    const told = notices.filter(({ kind }) => kind === "override_not_reverted");
    expect(told[0]).toMatchObject({ severity: "warning", device: "site/a/s1" });
    expect(told[0]!.text).toContain("network away");
    station("site/a/s1").writeError = undefined;
    station("site/a/s1").calls.length = 0;
    await clock.advance(20 * MINUTE);
    expect(station("site/a/s1").writes).toEqual(["revert limit", "revert enabled"]);
    station("site/a/s1").writeError = new Error("network away");
    on("site/a/s1", {});
    await clock.advance(0);
    off("site/a/s1");
    station("site/a/s1").calls.length = 0;
    await clock.advance(20 * MINUTE);
    expect(station("site/a/s1").writes).toEqual([]);
    await devices.stop();
  });

  it("that never succeeds is given up, as an error", async () => {
    const { devices, on, clock, station, notices } = await running();
    station("site/a/s1").writeError = new Error("network away");
    on("site/a/s1", {});
    await clock.advance(60 * MINUTE);
    expect(station("site/a/s1").writes).toHaveLength(6);
    expect(notices.filter(({ kind }) => kind === "override_not_reverted").at(-1)).toMatchObject({
      severity: "error",
    });
    await devices.stop();
    expect(clock.waiting).toBe(0);
  });
});

describe("E8, E19: after a restart", () => {
  it("overrides stand with the time they have left, and nothing is written", async () => {
    const first = await running();
    first.on("site/a/*", { durationSeconds: 600 });
    first.on("site/b/*", {});
    first.on("gone", { durationSeconds: 60 });
    await first.clock.advance(0);
    const second = await restarted(first, 5 * MINUTE, { driver: { writeStartingValues: true } });
    const { clock, overriding, set } = second;
    expect(overriding.overridePatterns().map(({ pattern, endsAt }) => [pattern, endsAt])).toEqual([
      ["site/a/*", new Date(clock.now() + 5 * MINUTE)],
      ["site/b/*", undefined],
    ]);
    expect([await set("site/a/s1"), await set("site/b/s1")]).toEqual(["OverrideError", "OverrideError"]);
    await clock.advance(5 * MINUTE - 1);
    expect(second.wrote()).toEqual([]);
    expect(await set("site/a/s1")).toBe("OverrideError");
    await clock.advance(1);
    expect(await set("site/a/s1")).toBe("confirmed");
    await second.devices.stop();
  });

  it("hold from the first moment, before anything runs", async () => {
    const first = await running();
    first.on("*");
    const second = rig({ paths: PATHS, state: first.state, clock: new ManualClock(first.clock.now()) });
    const answer = second.commands.set("site/a/s1", "limit", 5, second.command());
    expect(await second.within(0, answer)).toMatchObject({ error: "OverrideError" });
    await second.devices.stop();
  });

  it("D3: time that passed counts, not a clock that was set", async () => {
    for (const jump of [60, -60, -365 * 24 * 60, 14 * 365 * 24 * 60]) {
      const first = await running();
      first.on("*", { durationSeconds: 600, failsafeRevert: false });
      first.clock.set(first.clock.now() + jump * MINUTE);
      await first.clock.advance(4 * MINUTE);
      const second = await restarted(first, MINUTE);
      expect(second.overriding.overridePatterns().map(({ endsAt }) => endsAt?.getTime())).toEqual([
        second.clock.now() + 5 * MINUTE,
      ]);
      await first.clock.advance(6 * MINUTE - 1);
      expect(await first.set()).toBe("OverrideError");
      await first.clock.advance(1);
      expect(await first.set()).toBe("confirmed");
      for (const one of [first, second]) await one.devices.stop();
    }
  });

  it("D3: a clock set back while the bridge was down does not lengthen one beyond its duration", async () => {
    const first = await running();
    first.on("*", { durationSeconds: 600, failsafeRevert: false });
    const second = await restarted(first, -24 * 60 * MINUTE);
    await second.clock.advance(10 * MINUTE);
    expect(await second.set()).toBe("confirmed");
    await second.devices.stop();
  });

  it("an end that cannot be saved is an end all the same, and said", async () => {
    const { devices, on, state, clock, set, notices } = await running();
    on("*", { durationSeconds: 60, failsafeRevert: false });
    state.close();
    await clock.advance(MINUTE);
    expect(await set()).toBe("confirmed");
    expect(notices.map(({ kind }) => kind)).toContain("state_not_saved");
    await devices.stop();
  });
});
