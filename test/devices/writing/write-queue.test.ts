import { describe, expect, it } from "vitest";
import { WritePace } from "../../../src/devices/writing/write-pace.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { type RigOptions, rig } from "../rig.ts";

const MINUTE = 60_000;
const points = Array.from({ length: 100 }, (_, n) => ({ name: `p${n}`, attribute: `p${n}`, writable: true }));

/** Most writes that went to a device in any minute of those at these times. */
function mostInAMinute(times: readonly number[]): number {
  return Math.max(...times.map((from) => times.filter((at) => at >= from && at < from + MINUTE).length));
}

function timedRig(options: RigOptions = {}) {
  const times: number[] = [];
  const made = rig({
    ...options,
    prepare(device) {
      const { setPoint, revertPoint } = device;
      device.setPoint = (...args) => {
        times.push(device.clock.monotonic());
        return setPoint.apply(device, args);
      };
      device.revertPoint = (...args) => {
        times.push(device.clock.monotonic());
        return revertPoint.apply(device, args);
      };
      options.prepare?.(device);
    },
  });
  return { ...made, times };
}

describe("a storm", () => {
  it("E17: on one point: not more than writes_per_minute, each sender answered, the last value wins", async () => {
    const { commands, command, clock, station, times } = timedRig({ actuator: { writesPerMinute: 10 } });
    const sent = [];
    for (let n = 0; n < 1000; n++) {
      sent.push(commands.set("site/s1", "limit", n / 20, command()));
      await clock.advance(1);
    }
    await clock.advance(2 * MINUTE);
    const results = await Promise.all(sent);
    expect(mostInAMinute(times)).toBeLessThanOrEqual(10);
    expect(station().values.get("limit")).toBe(999 / 20);
    expect(results.at(-1)).toMatchObject({ status: "confirmed", readBack: 999 / 20 });
    const replaced = results.filter(({ error }) => error === "SupersededError");
    expect(replaced.length).toBe(1000 - times.length);
    expect(replaced[0]!.text).toBe(
      "a later set took the place of this one while it waited; nothing was sent",
    );
  });

  it("E17: on a hundred points: the pace holds, each sender is answered, what waits too long expires", async () => {
    const { commands, command, clock, times } = timedRig({ rows: points, actuator: { writesPerMinute: 60 } });
    const sent = [];
    for (let round = 0; round < 10; round++)
      for (const { name } of points) sent.push(commands.set("site/s1", name, round, command()));
    await clock.advance(3 * MINUTE);
    const results = await Promise.all(sent);
    expect(mostInAMinute(times)).toBeLessThanOrEqual(60);
    expect(times.length).toBeGreaterThan(45);
    const kinds = new Set(results.map(({ status, error }) => error ?? status));
    expect(kinds).toEqual(new Set(["SupersededError", "confirmed", "CommandExpiredError"]));
  });

  it("E17: a revert goes through at once, and takes the place of what waits for its point", async () => {
    const { commands, command, clock, within, station } = timedRig({ actuator: { writesPerMinute: 20 } });
    for (let n = 0; n < 7; n++) await within(0, commands.set("site/s1", "label", `${n}`, command()));
    const sent = Array.from({ length: 50 }, (_, n) => {
      return commands.set("site/s1", n % 2 ? "percent" : "limit", n % 50, command());
    });
    await clock.advance(100);
    const waiting = station().writes.length;
    const done = await within(100, commands.revertPoint("site/s1", "limit", command()));
    expect(done.status).toBe("confirmed");
    // What waited for the other point was asked before, and went before.
    expect(station().writes.slice(waiting)).toEqual(["set percent 49", "revert limit"]);
    await clock.advance(MINUTE);
    expect(station().writes.slice(waiting)).toHaveLength(2);
    await Promise.all(sent);
  });

  it("E17: a revert of the whole device takes the place of all that wait", async () => {
    const { commands, command, clock, within, station } = rig({ actuator: { writesPerMinute: 4 } });
    const sent = ["limit", "label", "percent"].map((point) => commands.set("site/s1", point, 1, command()));
    await clock.advance(0);
    await within(100, commands.revertDevice("site/s1", command()));
    const results = await Promise.all(sent);
    expect(results.map(({ error }) => error)).toEqual([undefined, "SupersededError", "SupersededError"]);
    expect(station().writes).toEqual(["set limit 1", "revert limit", "revert enabled"]);
  });

  it("E17, E7: leases are renewed and heartbeats written in the middle of it", async () => {
    const made = timedRig({
      actuator: { writesPerMinute: 2 },
      device: { heartbeatPoint: "label" },
      prepare: (device) => void Object.assign(device, { leaseSeconds: 600 }),
    });
    const { devices, commands, command, clock, within, station } = made;
    devices.start();
    await within(100, commands.set("site/s1", "limit", 5, command()));
    station().calls.length = 0;
    for (let second = 0; second < 330; second++) {
      void commands.set("site/s1", "enabled", second % 2 === 0 || "yes", command());
      await clock.advance(1000);
    }
    expect(station().writes.filter((call) => call.startsWith("set label"))).toHaveLength(5);
    expect(devices.counters().holds.renewed).toBeGreaterThan(0);
    await devices.stop();
  });
});

describe("the pace", () => {
  it.each([1, 2, 3, 7, 60, 1000])("E17: %d a minute are never more", (perMinute) => {
    const clock = new ManualClock();
    const pace = new WritePace(clock, perMinute);
    const times: number[] = [];
    for (let n = 0; n < 3 * perMinute + 5; n++) {
      clock.block(pace.waitMs("d", false));
      pace.take("d");
      times.push(clock.monotonic());
    }
    expect(mostInAMinute(times)).toBeLessThanOrEqual(perMinute);
    // And not far less in the long run.
    expect(times.at(-1)! - times[0]!).toBeLessThan(12 * MINUTE);
  });

  it("holds for each device by itself", () => {
    const pace = new WritePace(new ManualClock(), 1);
    pace.take("a");
    expect(pace.waitMs("a", false)).toBeGreaterThan(0);
    expect(pace.waitMs("b", false)).toBe(0);
  });
});
