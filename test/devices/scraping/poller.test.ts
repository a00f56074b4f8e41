import { describe, expect, it } from "vitest";
import type { Device } from "../../../src/devices/device.ts";
import { Poller, type PollerOptions } from "../../../src/devices/scraping/poller.ts";
import { Scraper } from "../../../src/devices/scraping/scraper.ts";
import type { Scrape } from "../../../src/points/index.ts";
import { ManualClock, settled } from "../../helpers/manual-clock.ts";

const START = Date.UTC(2026, 10, 21, 8, 0, 10);

function device(path: string, offsetMs: number, intervalSeconds = 60): Device {
  const publish = { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false };
  const info = { path, driverType: "fake", points: new Map(), timezone: "UTC", intervalSeconds, publish };
  return { info, offsetMs, driver: undefined as never };
}

/** A poller over devices whose scrapes take `takesMs`, and everything it did. */
function rig(devices: Device[], takesMs = 0, clock = new ManualClock(START)) {
  const begun: { path: string; at: number; elapsed: number }[] = [];
  const scraped: Scrape[] = [];
  const failed: string[] = [];
  const skipped: string[] = [];
  const jumps: number[] = [];
  const state = { takesMs, inFlight: 0, most: 0, heedAbort: true, paused: new Set<string>() };
  const results: PollerOptions["results"] = {
    scraped: (scrape) => void scraped.push(scrape),
    failed: (_, error) => void failed.push((error as Error).message),
    skipped: ({ info }) => void skipped.push(info.path),
    clockJumped: (ms) => void jumps.push(ms),
  };
  const begin: PollerOptions["scraper"]["begin"] = ({ info }, sink, signal) => {
    begun.push({ path: info.path, at: clock.now(), elapsed: clock.monotonic() });
    state.inFlight++;
    state.most = Math.max(state.most, state.inFlight);
    const cancel = clock.after(state.takesMs, () => {
      state.inFlight--;
      sink.read({ values: new Map(), failures: new Map() });
    });
    signal.addEventListener("abort", () => {
      if (!state.heedAbort) return;
      cancel();
      state.inFlight--;
      sink.failed(signal.reason);
    });
  };
  const poller = new Poller({
    devices,
    clock,
    scraper: Object.assign(new Scraper(clock), { begin }),
    results,
    isPaused: (path) => state.paused.has(path),
  });
  const clockTimes = () => begun.map(({ at }) => new Date(at).toISOString().slice(11, 23));
  /** The scrapes so far by the time of their round, hours to seconds. */
  const rounds = () => [
    ...Map.groupBy(scraped, ({ synchronizedAt }) => synchronizedAt.toISOString().slice(11, 19)),
  ];
  return { poller, clock, begun, scraped, rounds, failed, skipped, jumps, state, clockTimes };
}

describe("poller", () => {
  it("D1: scrapes at once, spread by the offsets, and at the aligned times from then on", async () => {
    const { poller, clock, rounds, clockTimes } = rig([device("a", 0), device("b", 20), device("c", 5000)]);
    poller.start();
    await clock.advance(120_000);
    expect(clockTimes()).toEqual([
      "08:00:10.000",
      "08:00:10.020",
      "08:00:15.000",
      "08:01:00.000",
      "08:01:00.020",
      "08:01:05.000",
      "08:02:00.000",
      "08:02:00.020",
      "08:02:05.000",
    ]);
    expect(rounds().map(([sync, round]) => [sync, round.length])).toEqual([
      ["08:00:00", 3],
      ["08:01:00", 3],
      ["08:02:00", 3],
    ]);
    poller.stop();
    expect(clock.waiting).toBe(0);
  });

  it("D1: an aligned time that comes before the device's turn at the start is its first scrape", async () => {
    const { poller, clock, clockTimes } = rig([device("late", 20_000)]);
    poller.start();
    await clock.advance(80_000);
    expect(clockTimes()).toEqual(["08:00:20.000", "08:01:20.000"]);
    poller.stop();
  });

  it("D1: a day of scrapes that take their time does not drift", async () => {
    const { poller, clock, begun } = rig([device("a", 340, 300)], 7_777);
    poller.start();
    await clock.advance(86_400_000);
    for (const { at } of begun.slice(1)) expect(at % 300_000).toBe(340);
    expect(begun.length).toBe(1 + 288);
    poller.stop();
  });

  it("C6: never overlaps: a scrape that is due while the last one runs is skipped and counted", async () => {
    const { poller, clock, begun, skipped, state } = rig([device("slow", 0, 5)], 13_000);
    poller.start();
    await clock.advance(60_000);
    expect(state.most).toBe(1);
    expect(skipped.length).toBeGreaterThanOrEqual(6);
    expect(skipped.length + begun.length).toBe(13);
    expect(begun.length).toBeGreaterThanOrEqual(4);
    state.takesMs = 100;
    await clock.advance(20_000);
    const before = skipped.length;
    await clock.advance(60_000);
    expect(skipped.length).toBe(before);
    poller.stop();
  });

  it("C2: a scrape that hangs fails at its deadline, before the next one, and holds up nobody else", async () => {
    const { poller, clock, begun, failed, skipped, state } = rig([device("a", 0), device("b", 10)], 1e9);
    poller.start();
    await clock.advance(180_000);
    expect(failed.length).toBeGreaterThanOrEqual(4);
    expect(failed[0]).toBe("the scrape of a took longer than 54 s");
    expect(begun.filter(({ path }) => path === "b").length).toBeGreaterThanOrEqual(3);
    expect(skipped).toEqual([]);
    expect(state.most).toBe(2);
    poller.stop();
    expect(state.inFlight).toBe(0);
  });

  it("C6: a driver that does not heed its deadline is not called again until it answers", async () => {
    const { poller, clock, begun, failed, skipped, state } = rig([device("a", 0)], 200_000);
    state.heedAbort = false;
    poller.start();
    await clock.advance(170_000);
    expect(begun).toHaveLength(1);
    expect(failed).toHaveLength(1);
    // The first one was outside the schedule, so the one of 08:01 waits for its end.
    expect(skipped).toHaveLength(2);
    await clock.advance(120_000);
    expect(begun).toHaveLength(2);
    expect(state.most).toBe(1);
    poller.stop();
  });

  for (const [id, minutes] of [
    ["D2", 10],
    ["D6", 1],
  ] as const)
    it(`${id}: after ${minutes} min without a turn there is one scrape each, spread by the offsets, then alignment`, async () => {
      const { poller, clock, begun, clockTimes } = rig([device("a", 0), device("b", 500), device("c", 4000)]);
      poller.start();
      await clock.advance(60_000);
      begun.length = 0;
      clock.block(minutes * 60_000);
      const woke = clock.now();
      await clock.advance(10_000);
      expect(begun.map(({ path, at }) => [path, at - woke])).toEqual([
        ["a", 0],
        ["b", 500],
        ["c", 4000],
      ]);
      begun.length = 0;
      await clock.advance(60_000);
      expect(clockTimes().map((time) => time.slice(6))).toEqual(["00.000", "00.500", "04.000"]);
      poller.stop();
    });

  it("D6: a loop that is blocked again and again does not put a scrape off for ever", async () => {
    const { poller, clock, begun } = rig([device("a", 4000)]);
    poller.start();
    for (let turn = 0; turn < 100; turn++) {
      clock.block(6000);
      await clock.advance(0);
    }
    expect(begun.length).toBeGreaterThanOrEqual(8);
    poller.stop();
  });

  for (const [name, to] of [
    ["forward by an hour", START + 3_600_000 + 95_000],
    ["back by an hour", START - 3_600_000 + 95_000],
    ["to 1970", 17_000],
    ["to 2040", Date.UTC(2040, 0, 1, 0, 0, 31)],
  ] as const)
    it(`D3: the clock set ${name}: no burst, no stop, aligned again, and said once`, async () => {
      const { poller, clock, begun, scraped, rounds, jumps, clockTimes } = rig([
        device("a", 0),
        device("b", 2000),
      ]);
      poller.start();
      await clock.advance(95_000);
      begun.length = 0;
      scraped.length = 0;
      const jumpedAt = clock.monotonic();
      clock.set(to);
      await clock.advance(600_000);
      expect(jumps).toHaveLength(1);
      for (const path of ["a", "b"]) {
        const mine = begun.filter((scrape) => scrape.path === path);
        expect(mine.length).toBeGreaterThanOrEqual(10);
        expect(mine.length).toBeLessThanOrEqual(11);
        // The interval under way kept its length: 08:02 was 15 s away.
        expect(mine[0]!.elapsed - jumpedAt).toBe(path === "a" ? 15_000 : 17_000);
      }
      for (const time of clockTimes().slice(2)) expect(time.slice(6)).toMatch(/^(00|02)\.000$/);
      for (const [, round] of rounds().slice(0, -1))
        expect(round.map(({ device }) => device.path)).toEqual(["a", "b"]);
      poller.stop();
    });

  it("a gradual correction of the clock is no jump", async () => {
    const { poller, clock, begun, jumps } = rig([device("a", 0)]);
    poller.start();
    for (let minute = 0; minute < 60; minute++) {
      await clock.advance(60_000);
      clock.set(clock.now() + 30);
    }
    expect(jumps).toEqual([]);
    expect(begun.length).toBeGreaterThanOrEqual(60);
    expect(begun.length).toBeLessThanOrEqual(62);
    poller.stop();
  });

  it("a timer that fires a little early by the wall clock makes the scrape of its round, once", async () => {
    const { poller, clock, scraped, rounds } = rig([device("a", 0), device("b", 3000)]);
    poller.start();
    await clock.advance(30_000);
    scraped.length = 0;
    clock.set(clock.now() - 4);
    await clock.advance(300_000);
    expect(rounds().map(([sync, round]) => [sync, round.length])).toEqual([
      ["08:01:00", 2],
      ["08:02:00", 2],
      ["08:03:00", 2],
      ["08:04:00", 2],
      ["08:05:00", 2],
    ]);
    poller.stop();
  });

  it("an extra scrape comes soon, once for a burst, and leaves the schedule alone", async () => {
    const { poller, clock, clockTimes } = rig([device("a", 0)], 1000);
    poller.start();
    await clock.advance(5000);
    for (let write = 0; write < 50; write++) poller.scrapeSoon("a");
    await clock.advance(500);
    // While one is running: another follows it, because that one may have read before the write.
    poller.scrapeSoon("a");
    poller.scrapeSoon("nobody");
    await clock.advance(44_600);
    expect(clockTimes()).toEqual(["08:00:10.000", "08:00:15.250", "08:00:16.250", "08:01:00.000"]);
    poller.stop();
    await settled();
    expect(clock.waiting).toBe(0);
  });
});
