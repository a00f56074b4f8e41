import { describe, expect, it } from "vitest";
import type { CommandResult } from "../../../src/devices/commands.ts";
import { ServiceError } from "../../../src/drivers/errors.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { rig } from "../rig.ts";

describe("set", () => {
  it("writes, reads back past every cache, and answers confirmed; asked and answered are on the bus", async () => {
    const { commands, within, command, station, writes } = rig();
    const result = await within(0, commands.set("site/s1", "limit", 12.5, command({ id: "id-1" })));
    expect(result).toEqual({
      id: "id-1",
      device: "site/s1",
      point: "limit",
      requested: 12.5,
      status: "confirmed",
      readBack: 12.5,
      code: "100",
      tookMs: 0,
    });
    expect(station().calls).toEqual(["set limit 12.5", "get limit"]);
    expect(writes.map(({ status, requested, point, via }) => [status, requested, point, via])).toEqual([
      [undefined, 12.5, "limit", "test"],
      ["confirmed", 12.5, "limit", "test"],
    ]);
  });

  it("scrapes the device soon after, so that everybody sees the new value", async () => {
    const { devices, commands, clock, within, command, scrapes } = rig();
    devices.start();
    await clock.advance(1000);
    const before = scrapes.length;
    await within(0, commands.set("site/s1", "limit", 20, command()));
    await clock.advance(300);
    expect(scrapes.length).toBe(before + 1);
    expect(scrapes.at(-1)!.values.get("limit")).toBe(20);
    expect(devices.latest.get("site/s1")!.values.get("limit")!.value).toBe(20);
    await devices.stop();
  });

  for (const [name, point, value] of [
    ["0", "limit", 0],
    ["0 as text", "limit", "0"],
    ["false", "enabled", false],
    ["a number as text", "percent", "30"],
  ] as const)
    it(`E15: ${name} is a value`, async () => {
      const { commands, within, command } = rig();
      const result = await within(0, commands.set("site/s1", point, value, command()));
      expect(result.status).toBe("confirmed");
    });

  const deep = JSON.parse('{"__proto__": {"polluted": 1}}');
  for (const [point, value] of [
    ["limit", null],
    ["limit", undefined],
    ["limit", ""],
    ["limit", "abc"],
    ["limit", [1]],
    ["limit", {}],
    ["limit", Number.NaN],
    ["limit", Number.POSITIVE_INFINITY],
    ["limit", 10n],
    ["limit", -1],
    ["limit", 50.001],
    ["limit", true],
    ["limit", "__proto__"],
    ["limit", deep],
    ["percent", 101],
    ["percent", 12.5],
    ["enabled", "perhaps"],
    ["enabled", 2],
    ["label", "x".repeat(65_536)],
  ] as const)
    it(`E15: ${typeof value === "bigint" ? "10n" : (JSON.stringify(value)?.slice(0, 30) ?? "undefined")} is no value for ${point}: refused, no call`, async () => {
      const { commands, within, command, station, writes } = rig();
      const result = await within(0, commands.set("site/s1", point, value, command()));
      expect(result).toMatchObject({ status: "refused", error: "InvalidValueError" });
      expect(result.text).toContain(`point "${point}" of device site/s1`);
      expect(result.text!.length).toBeLessThan(400);
      expect(station().calls).toEqual([]);
      // Attempted writes are on the bus once, answered.
      expect(writes.map(({ status }) => status)).toEqual(["refused"]);
      expect(() => JSON.stringify(writes[0]!.requested)).not.toThrow();
    });

  it("tells the range when a value is out of it", async () => {
    const { commands, within, command } = rig();
    const result = await within(0, commands.set("site/s1", "percent", 101, command()));
    expect(result.text).toBe(
      '101 is not a valid value for point "percent" of device site/s1: expected a number from 0 to 100',
    );
  });

  it("refuses unknown devices, unknown points and read-only points, and names what was meant", async () => {
    const { commands, within, command, station, writes } = rig();
    const answers = [
      await within(0, commands.set("site/s2", "limit", 1, command())),
      await within(0, commands.set("site/s1", "limmit", 1, command())),
      await within(0, commands.set("site/s1", "load", 1, command())),
      await within(0, commands.revertPoint("site/s1", "load", command())),
      await within(0, commands.revertDevice("nowhere", command())),
    ];
    expect(answers.map(({ status, error }) => [status, error])).toEqual([
      ["refused", "DeviceNotFoundError"],
      ["refused", "PointNotFoundError"],
      ["refused", "PointReadOnlyError"],
      ["refused", "PointReadOnlyError"],
      ["refused", "DeviceNotFoundError"],
    ]);
    expect(answers[0]!.text).toContain("did you mean site/s1?");
    expect(answers[1]!.text).toContain('did you mean "limit"?');
    expect(station().calls).toEqual([]);
    // What names no point of a device is nobody's write.
    expect(writes.map(({ point }) => point)).toEqual(["load", "load"]);
  });

  it("E2, E4: a command that is too old or has expired is refused, and one from a clock ahead is not", async () => {
    const { commands, clock, within, command, station } = rig();
    const ago = (seconds: number) => new Date(clock.now() - seconds * 1000);
    const set = (more: object) => within(0, commands.set("site/s1", "limit", 1, command(more)));
    expect(await set({ sentAt: ago(61) })).toMatchObject({ status: "refused", error: "CommandExpiredError" });
    expect(await set({ expiresAt: ago(0) })).toMatchObject({
      status: "refused",
      error: "CommandExpiredError",
    });
    expect(station().calls).toEqual([]);
    expect(await set({ sentAt: ago(59) })).toMatchObject({ status: "confirmed" });
    expect(await set({ sentAt: ago(-600) })).toMatchObject({ status: "confirmed" });
    expect(await set({ sentAt: ago(-600), expiresAt: ago(1) })).toMatchObject({ status: "refused" });
  });

  it("D4, E4: with a clock that was never set, a command that gives its time is refused, and a bare one is not", async () => {
    const { commands, clock, within, command } = rig({ clock: new ManualClock(20_000) });
    const set = (more: object) => within(0, commands.set("site/s1", "limit", 1, command(more)));
    const sentAt = new Date("2026-11-21T08:00:00Z");
    expect(await set({ sentAt })).toMatchObject({ status: "refused", error: "CommandExpiredError" });
    expect((await set({ expiresAt: sentAt })).text).toContain("clock is not set");
    expect(await set({ sentAt: new Date(clock.now()) })).toMatchObject({ status: "confirmed" });
  });

  it("E4: a command that expires while it waits for others is not sent", async () => {
    const { commands, clock, command, station } = rig({
      prepare: (d) => void Object.assign(d, { writeMs: 20_000 }),
    });
    const first = commands.set("site/s1", "limit", 1, command());
    const expiresAt = new Date(clock.now() + 10_000);
    const second = commands.set("site/s1", "percent", 2, command({ expiresAt }));
    await clock.advance(90_000);
    expect((await first).status).toBe("confirmed");
    expect(await second).toMatchObject({ status: "refused", error: "CommandExpiredError" });
    expect(station().writes).toEqual(["set limit 1"]);
  });

  it("refuses a duration that is no whole number of minutes above 0, and hands on one that is", async () => {
    const { commands, within, command, station } = rig();
    for (const durationMinutes of [0, -5, 1.5, Number.NaN]) {
      const result = await within(0, commands.set("site/s1", "limit", 1, command({ durationMinutes })));
      expect(result.status).toBe("refused");
    }
    await within(0, commands.set("site/s1", "limit", 1, command({ durationMinutes: 15 })));
    expect(station().writes).toEqual(["set limit 1 for 15 min"]);
  });

  it("E13: the service's no is an answer with its code and text, once, without another try", async () => {
    const { commands, within, command, station, writes } = rig();
    station().writeError = new ServiceError("shedLoad: 179, other mode in force", "179", false);
    const result = await within(0, commands.set("site/s1", "limit", 5, command()));
    expect(result).toMatchObject({
      status: "failed",
      code: "179",
      error: "ServiceError",
      text: "shedLoad: 179, other mode in force",
    });
    expect(result).not.toHaveProperty("readBack");
    expect(station().writes).toEqual(["set limit 5"]);
    expect(writes.at(-1)).toMatchObject({ status: "failed", code: "179" });
  });

  it("E14: a cloud that shows the change late is asked again until it does", async () => {
    const { commands, clock, within, command, station } = rig();
    station().lagMs = 10_000;
    const result = await within(20_000, commands.set("site/s1", "limit", 5, command()));
    expect(result).toMatchObject({ status: "confirmed", readBack: 5 });
    expect(result.tookMs).toBeGreaterThanOrEqual(10_000);
    expect(result.tookMs).toBeLessThan(17_000);
    // Growing pauses: few readings.
    expect(station().calls.length).toBeLessThan(10);
    expect(clock.waiting).toBe(0);
  });

  it("E14: what is never seen is unconfirmed, with what was read instead", async () => {
    const { commands, within, command, station } = rig();
    station().lagMs = 1e9;
    const result = await within(61_000, commands.set("site/s1", "limit", 5, command()));
    expect(result).toMatchObject({ status: "unconfirmed", readBack: 0, code: "100" });
    expect(result.text).toContain("0 was read back");
    expect(result.tookMs).toBe(60_000);
  });

  it("E14: what cannot be read back is accepted, with the reason", async () => {
    const { commands, within, command, station } = rig();
    station().readError = new Error("network away");
    const result = await within(61_000, commands.set("site/s1", "limit", 5, command()));
    expect(result).toMatchObject({ status: "accepted", code: "100" });
    expect(result.text).toContain("network away");
    expect(result).not.toHaveProperty("readBack");
  });

  it("E14: another value that was read before the device could not be read any more counts for nothing", async () => {
    const { commands, clock, within, command, station } = rig();
    station().lagMs = 1e9;
    clock.after(5000, () => {
      station().readError = new Error("network away");
    });
    const result = await within(61_000, commands.set("site/s1", "limit", 5, command()));
    expect(result).toMatchObject({ status: "accepted", code: "100" });
    expect(result.text).toContain("network away; before that, 0 was read");
    expect(result).not.toHaveProperty("readBack");
  });

  it("E14: another value that was read early, before readings went without an answer, counts for nothing", async () => {
    const { commands, clock, within, command, station } = rig();
    station().lagMs = 1e9;
    clock.after(5000, () => {
      station().getPoint = () => new Promise(() => undefined);
    });
    const result = await within(61_000, commands.set("site/s1", "limit", 5, command()));
    expect(result).toMatchObject({ status: "accepted", code: "100", tookMs: 60_000 });
    expect(result.text).toContain("could not be read back for 60 s: reading back took longer than");
    expect(result.text).toContain("before that, 0 was read");
  });

  it("E16: a device that does not answer: unconfirmed after the deadline and the read-back, early too, not kept", async () => {
    const { commands, clock, within, command, station } = rig();
    station().writeMs = 1e9;
    const early: CommandResult[] = [];
    const onAccepted = (result: CommandResult) => void early.push(result);
    const result = await within(91_000, commands.set("site/s1", "limit", 5, command({ onAccepted })));
    expect(early).toMatchObject([{ status: "unconfirmed", tookMs: 35_000 }]);
    expect(result).toMatchObject({
      status: "unconfirmed",
      error: "TimeoutError",
      readBack: 0,
      tookMs: 90_000,
    });
    expect(result.text).toContain("not known");
    station().writeMs = 0;
    await clock.advance(600_000);
    expect(station().writes).toEqual(["set limit 5"]);
  });

  it("E18: one write at a time for a device, in order of arrival, while another device goes on", async () => {
    const { commands, clock, command, station } = rig({ paths: ["site/s1", "site/s2"] });
    station().writeMs = 1000;
    const order: string[] = [];
    const set = (path: string, point: string, value: number) =>
      commands.set(path, point, value, command()).then(() => void order.push(`${path} ${point} ${value}`));
    const all = [set("site/s1", "limit", 1), set("site/s1", "label", 2), set("site/s1", "percent", 3)];
    all.push(set("site/s2", "limit", 4));
    await clock.advance(1500);
    expect(station().writes).toEqual(["set limit 1", 'set label "2"']);
    await clock.advance(2000);
    await Promise.all(all);
    expect(order[0]).toBe("site/s2 limit 4");
    expect(station().writes).toEqual(["set limit 1", 'set label "2"', "set percent 3"]);
  });

  it("a later write of the same ends the reading back of the earlier; another point's does not", async () => {
    const { commands, within, clock, command, station } = rig();
    station().lagMs = 5000;
    const label = commands.set("site/s1", "label", "a", command());
    const first = commands.set("site/s1", "limit", 5, command());
    await clock.advance(1000);
    const second = commands.set("site/s1", "percent", 50, command());
    const overtaken = await within(100, first);
    expect(overtaken.status).toBe("accepted");
    expect(overtaken.text).toContain("a later write came before it could be read back");
    expect((await within(10_000, second)).status).toBe("confirmed");
    expect((await within(10_000, label)).status).toBe("confirmed");
  });

  it("E17: a storm on one point: bounded, every sender answered, the last value wins", async () => {
    const { commands, clock, command, station } = rig();
    station().writeMs = 100;
    const answers = Array.from({ length: 1000 }, (_, i) =>
      commands.set("site/s1", "limit", i / 20, command()),
    );
    await clock.advance(5000);
    const results = await Promise.all(answers);
    expect(station().writes.length).toBeLessThan(30);
    expect(station().values.get("limit")).toBe(999 / 20);
    expect(results.at(-1)!.status).toBe("confirmed");
    expect(results.filter(({ status }) => status === "refused").length).toBeGreaterThan(900);
  });
});

describe("get", () => {
  it("reads past every cache, and rejects with what went wrong", async () => {
    const { commands, within, station } = rig();
    expect(await within(0, commands.get("site/s1", "load"))).toBe(7.2);
    expect(station().calls).toEqual(["get load"]);
    await expect(commands.get("site/s1", "lod")).rejects.toThrow('did you mean "load"?');
    await expect(commands.get("site", "load")).rejects.toThrow("there is no device site");
    station().readError = new ServiceError("no", "126", true);
    await expect(commands.get("site/s1", "load")).rejects.toMatchObject({
      name: "ServiceError",
      code: "126",
    });
  });

  it("ends when its caller gives up", async () => {
    const { commands, station } = rig();
    const giveUp = new AbortController();
    station().getPoint = () => new Promise(() => {});
    const got = commands.get("site/s1", "load", giveUp.signal);
    giveUp.abort(new Error("enough"));
    await expect(got).rejects.toThrow("enough");
  });
});

describe("revert", () => {
  it("reverts a point and reads back", async () => {
    const { commands, within, command, station } = rig();
    await within(0, commands.set("site/s1", "limit", 5, command()));
    const result = await within(0, commands.revertPoint("site/s1", "limit", command()));
    expect(result).toMatchObject({ status: "confirmed", requested: null, readBack: 0 });
    expect(station().writes).toEqual(["set limit 5", "revert limit"]);
  });

  it("E9: a device: what was written and what has a Starting Value, each once; nothing that is read-only or untouched", async () => {
    const { commands, within, command, station, writes } = rig();
    await within(0, commands.set("site/s1", "limit", 5, command()));
    await within(0, commands.set("site/s1", "percent", 50, command()));
    writes.length = 0;
    const result = await within(0, commands.revertDevice("site/s1", command()));
    // percent took the place of limit, so there is one shed to clear.
    expect(station().writes.slice(2)).toEqual(["revert percent", "revert enabled"]);
    expect(result).toMatchObject({ status: "confirmed", text: "percent: confirmed; enabled: confirmed" });
    expect(result).not.toHaveProperty("point");
    expect(writes.map(({ action, status, point }) => [action, status, point])).toEqual([
      ["revert", undefined, undefined],
      ["revert", "confirmed", undefined],
    ]);
  });

  it("E9: a point that fails does not stop the others, and the answer says which", async () => {
    const { commands, within, command, station } = rig();
    await within(0, commands.set("site/s1", "label", "x", command()));
    station().writeError = new ServiceError("no", "126", true);
    const failed = await within(0, commands.revertDevice("site/s1", command()));
    expect(failed).toMatchObject({
      status: "failed",
      code: "126",
      text: "enabled: failed (no); label: failed (no)",
    });
    station().writeError = undefined;
    expect((await within(0, commands.revertDevice("site/s1", command()))).text).toBe(
      "enabled: confirmed; label: confirmed",
    );
    expect((await within(0, commands.revertDevice("site/s1", command()))).text).toBe("enabled: confirmed");
  });

  it("E9: what was written before a restart is reverted after it", async () => {
    const before = rig();
    await before.within(0, before.commands.set("site/s1", "label", "x", before.command()));
    await before.devices.stop();
    const { devices, commands, within, command } = rig({ state: before.state, clock: before.clock });
    devices.start();
    const result = await within(0, commands.revertDevice("site/s1", command({ id: "after" })));
    expect(result.text).toBe("enabled: confirmed; label: confirmed");
    await devices.stop();
  });
});

describe("stop", () => {
  it("E24: a write under way is let finish, those that wait are refused, and all are answered", async () => {
    const { devices, commands, clock, command, station, closed } = rig();
    station().leaseSeconds = 3600;
    station().writeMs = 2000;
    const first = commands.set("site/s1", "limit", 1, command());
    const second = commands.set("site/s1", "percent", 2, command());
    await clock.advance(500);
    const stopped = devices.stop();
    const late = commands.set("site/s1", "limit", 3, command());
    await clock.advance(3000);
    await stopped;
    expect((await first).status).toMatch(/^(confirmed|accepted)$/);
    expect(await second).toMatchObject({ status: "refused" });
    expect(await late).toMatchObject({ status: "refused" });
    expect(station().writes).toEqual(["set limit 1"]);
    expect(closed).toEqual(["scripted"]);
    expect(clock.waiting).toBe(0);
  });

  it("E24: one that does not end is given up and answered, as not known", async () => {
    const { devices, commands, clock, command, station } = rig();
    station().writeMs = 1e9;
    const write = commands.set("site/s1", "limit", 1, command());
    await clock.advance(100);
    const stopped = devices.stop();
    await clock.advance(5000);
    await stopped;
    expect(await write).toMatchObject({ status: "unconfirmed", error: "TimeoutError" });
    expect(clock.waiting).toBe(0);
  });

  it("E24: one that is being read back is answered as accepted", async () => {
    const { devices, commands, clock, command, station } = rig();
    station().lagMs = 1e9;
    const write = commands.set("site/s1", "limit", 1, command());
    await clock.advance(2000);
    await devices.stop();
    expect(await write).toMatchObject({ status: "accepted" });
  });
});
