import { afterEach, describe, expect, test } from "vitest";
import { type GarageOptions, garage, SETTINGS } from "./garage.ts";

const MINUTE = 60_000;

let site: ReturnType<typeof garage>;
const open = (options: GarageOptions = {}) => {
  site = garage(options);
  return site;
};
afterEach(() => site.stop());

/** Devices and values of the writes that were sent. */
const sent = () =>
  site.writes
    .filter(({ status }) => status === undefined)
    .map(({ device, requested }) => `${device.path} ${requested === null ? "free" : requested}`);
const kinds = () => site.notices.map(({ kind }) => kind);

describe("the site limit controller", () => {
  test("keeps the sum under the limit, writes as limit:<group>, and tells each change in one line", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    expect(site.limitsKw()).toEqual([4, 4, 4, 0]);
    expect(site.sum()).toBe(12);
    expect(site.writes[0]).toMatchObject({ requester: "limit:garage", via: "limit", action: "set" });
    const changes = site.notices.filter(({ kind }) => kind === "limit_changed");
    expect(changes).toHaveLength(sent().length);
    expect(changes[0]?.text).toBe(
      "garage (21.6 of 12 kW, 3 busy): garage/s1/allowedLoad_1 no limit → 4 kW: together up to 28.8 kW could flow",
    );
    expect(site.limitLines.filter((line) => line.includes("limit_changed"))).toHaveLength(changes.length);
    const before = sent().length;
    await site.clock.advance(60 * MINUTE);
    expect(sent().length).toBe(before);
  });

  test("a vehicle that comes gets its share, one that leaves gives its own to the others", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    site.park(4, 7.2);
    await site.clock.advance(13 * MINUTE);
    expect(site.limitsKw()).toEqual([3, 3, 3, 3]);
    site.park(1, 0);
    site.park(2, 0);
    await site.clock.advance(13 * MINUTE);
    expect(site.limitsKw()).toEqual([0, 0, 6, 6]);
    expect(site.sum()).toBe(12);
  });

  test("never gives out what may not have been taken away: a failed write counts with all it can draw", async () => {
    open({ maxKw: 12 });
    site.station(1).writeError = new Error("no answer");
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    expect(site.loads()[0]).toBe(7.2);
    expect(site.sum()).toBeLessThanOrEqual(12);
    expect(kinds()).toContain("limit_not_set");
    expect(site.limits.limits()[0]?.outlets[0]).toMatchObject({ trouble: "Error: no answer", limitKw: null });
    site.station(1).writeError = undefined;
    await site.clock.advance(30 * MINUTE);
    expect(site.limitsKw()).toEqual([4, 4, 4, 0]);
    expect(site.limits.limits()[0]?.outlets[0]).not.toHaveProperty("trouble");
  });

  test("a station that cannot be read keeps its share, and nobody else gets it", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    site.station(1).scrapeError = new Error("out of reach");
    site.park(2, 0);
    await site.clock.advance(60 * MINUTE);
    expect(site.limitsKw()[0]).toBe(4);
    expect(site.loads()).toEqual([4, 0, 7.2, 0]);
    expect(site.limits.limits()[0]?.outlets[0]).toMatchObject({ state: "unknown", loadKw: null, limitKw: 4 });
    expect(site.limits.limits()[0]?.mayDrawKw).toBeLessThanOrEqual(12);
  });

  test("one that was never read is limited all the same, after a while", async () => {
    open({ maxKw: 12 });
    site.station(1).scrapeError = new Error("out of reach");
    for (const n of [2, 3]) site.park(n, 7.2);
    await site.clock.advance(90_000);
    expect(sent()).toEqual([]);
    await site.clock.advance(2 * MINUTE);
    expect(site.limits.limits()[0]?.mayDrawKw).toBeLessThanOrEqual(12);
    expect(site.limitsKw()[0]).not.toBe(null);
  });

  test("an override is respected: the others are kept in what is left, and it is said when that is not enough", async () => {
    open({ maxKw: 10 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    site.overriding.setOverrideOn("garage/s[12]", { failsafeRevert: false }, site.command());
    await site.clock.advance(3 * MINUTE);
    expect(site.limitsKw()).toEqual([null, null, 0, 0]);
    const alarms = site.notices.filter(({ kind }) => kind === "limit_not_kept");
    expect(alarms).toHaveLength(1);
    expect(alarms[0]?.text).toMatch(
      /^garage cannot be kept at 10 kW: garage\/s1\/allowedLoad_1 \(up to 7.2 kW\): OverrideError: /,
    );
    site.overriding.clearOverrides(site.command());
    await site.clock.advance(30 * MINUTE);
    expect(site.sum()).toBeLessThanOrEqual(10);
    expect(site.sum()).toBeGreaterThan(9);
    expect(kinds()).toContain("limit_kept");
  });

  test("after a restart what stands is taken up again without a write", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    const { state, clock } = site;
    const stood = site.shown();
    await site.stop();
    open({ maxKw: 12, state, clock, stood });
    await site.clock.advance(5 * MINUTE);
    expect(sent()).toEqual([]);
    expect(site.limits.limits()[0]).toMatchObject({ maxKw: 12, loadKw: 12, mayDrawKw: 12, busy: 3 });
  });

  test("limits of a group that the config has no more are taken away", async () => {
    open({ maxKw: 12 });
    site.park(1, 7.2);
    await site.clock.advance(2 * MINUTE);
    const limited = site.limitsKw().filter((kw) => kw !== null).length;
    expect(limited).toBeGreaterThan(0);
    const { state, clock } = site;
    const stood = site.shown();
    await site.stop();
    open({ groups: {}, state, clock, stood });
    await site.clock.advance(5 * MINUTE);
    expect(site.limitsKw()).toEqual([null, null, null, null]);
    expect(sent()).toHaveLength(limited);
  });

  test("a limit that is lost is found and set again", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    site.station(1).values.set("shedState_1", 0).set("allowedLoad_1", 0).set("portLoad_1", 7.2);
    await site.clock.advance(2 * MINUTE);
    expect(site.limitsKw()).toEqual([4, 4, 4, 0]);
  });

  test("somebody else's limit that is lower than a share is left alone, and its rest goes to the others", async () => {
    open({ maxKw: 12 });
    site.station(1).values.set("shedState_1", 1).set("allowedLoad_1", 2);
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(3 * MINUTE);
    expect(site.limitsKw()).toEqual([2, 5, 5, 0]);
    expect(sent().filter((write) => write.startsWith("garage/s1 "))).toEqual([]);
  });

  test("a disk that takes nothing more does not end the control", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    site.state.close();
    await site.clock.advance(2 * MINUTE);
    expect(site.limitsKw()).toEqual([4, 4, 4, 0]);
    expect(kinds()).toContain("state_not_saved");
  });

  test("with less than the minimum for each, they take turns", async () => {
    open({ maxKw: 3 });
    for (const n of [1, 2, 3, 4]) site.park(n, 7.2);
    const fed = new Set<number>();
    for (let minute = 0; minute < 60; minute++) {
      await site.clock.advance(MINUTE);
      const loads = site.loads();
      if (minute > 2) expect(site.sum()).toBeLessThanOrEqual(3);
      for (const [i, kw] of loads.entries()) if (kw > 0 && minute > 2) fed.add(i);
    }
    expect([...fed].sort()).toEqual([0, 1, 2, 3]);
  });
});

describe("setting a limit", () => {
  test("takes effect at once, is told, and outlives a restart until the config says something else", async () => {
    open({ maxKw: 20 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    expect(site.limits.setLimit("garage", 9, site.command({ requester: "ann" }))).toMatchObject({ maxKw: 9 });
    await site.clock.advance(5_000);
    expect(site.sum()).toBeLessThanOrEqual(9);
    expect(site.notices.find(({ kind }) => kind === "limit_set")?.text).toMatch(
      /^the limit of garage was set by ann \(command c\d+\): 20 kW → 9 kW$/,
    );
    const { state, clock } = site;
    await site.stop();
    open({ maxKw: 20, state, clock });
    expect(site.limits.limits()[0]?.maxKw).toBe(9);
    await site.stop();
    open({ maxKw: 15, state, clock });
    expect(site.limits.limits()[0]?.maxKw).toBe(15);
  });

  test("off frees one outlet after the other, and nothing else", async () => {
    open({ maxKw: 12 });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(2 * MINUTE);
    site.limits.setLimit("garage", null, site.command());
    await site.clock.advance(7_000);
    expect(site.limitsKw().filter((kw) => kw === null)).toHaveLength(2);
    await site.clock.advance(MINUTE);
    expect(site.limitsKw()).toEqual([null, null, null, null]);
    expect(site.sum()).toBeCloseTo(21.6);
    const before = sent().length;
    await site.clock.advance(60 * MINUTE);
    expect(sent().length).toBe(before);
  });

  test("what cannot be meant is refused by name", () => {
    open({ maxKw: 12 });
    const set = (group: string, kw: unknown, more = {}) => {
      try {
        site.limits.setLimit(group, kw, site.command(more));
        return "done";
      } catch (error) {
        return `${(error as Error).name}: ${(error as Error).message}`;
      }
    };
    expect(set("garrage", 5)).toBe(
      "LimitGroupNotFoundError: there is no limit group garrage; did you mean garage?",
    );
    expect(set("garage", -1)).toMatch(
      /^InvalidLimitError: -1 is not a valid limit for garage: expected a number of kW/,
    );
    expect(set("garage", "12")).toMatch(/^InvalidLimitError/);
    expect(set("garage", 5, { sentAt: new Date(site.clock.now() - 61_000) })).toMatch(/^CommandExpiredError/);
    expect(site.limits.limits()[0]?.maxKw).toBe(12);
  });

  test("a read-only bridge neither takes limits nor writes any", async () => {
    open({ maxKw: 12, readOnly: true });
    for (const n of [1, 2, 3]) site.park(n, 7.2);
    await site.clock.advance(5 * MINUTE);
    expect(sent()).toEqual([]);
    expect(() => site.limits.setLimit("garage", 5, site.command())).toThrow("read-only");
  });

  test("a device without such points, and one of two groups, are told", () => {
    const points = { ...SETTINGS.points, limit: "nothing_*" };
    open({
      groups: { a: { ...SETTINGS, devices: ["garage/s1"], points }, b: { ...SETTINGS, devices: ["*"] } },
    });
    expect(kinds()).toEqual(expect.arrayContaining(["limit_without_points", "limit_twice"]));
  });
});
