import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Notice } from "../../../src/bus.ts";
import { RetentionKeeper, type RetentionOptions } from "../../../src/historian/delivery/retention.ts";
import { HistorianError } from "../../../src/historian/errors.ts";
import { createLog } from "../../../src/log/log.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { DoubleBackend } from "../double-backend.ts";
import { NOON, SETTINGS } from "../settings.ts";

const DAY = 86_400_000_000;
const NOW = NOON.getTime() * 1000;
const BYTES = 1024 ** 3 / 100;

/** A store of equal samples that removes a few in a step. */
class OldStore extends DoubleBackend {
  /** In the order of time. */
  times: number[] = [];
  steps: number[] = [];
  perStep = 10;
  /** Whether samples leave day by day. */
  byDay = false;
  fails: Error | undefined;
  readonly retention = {
    removeBefore: async (before: number): Promise<number> => {
      if (this.fails) throw this.fails;
      const limit = this.byDay ? before - (before % DAY) : before;
      const old = this.times.filter((time) => time < limit).length;
      const removed = Math.min(old, this.perStep);
      this.times.splice(0, removed);
      this.steps.push(removed);
      return removed;
    },
    oldest: async (_?: AbortSignal, from = Number.NEGATIVE_INFINITY): Promise<number | undefined> =>
      this.times.find((time) => time >= from),
    size: async (): Promise<number | undefined> => this.times.length * BYTES,
  };
}

describe("B8: removing the oldest", () => {
  let clock: ManualClock;
  let store: OldStore;
  let notices: Notice[];
  let keeper: RetentionKeeper | undefined;

  beforeEach(() => {
    clock = new ManualClock(NOON.getTime());
    store = new OldStore();
    notices = [];
    keeper = undefined;
  });
  afterEach(async () => {
    await keeper?.stop();
    expect(clock.waiting).toBe(0);
  });

  function start(settings: object, options: Partial<RetentionOptions> = {}): void {
    keeper = new RetentionKeeper({
      backend: store,
      settings: { ...SETTINGS, ...settings },
      log: createLog({ level: "silent" }),
      onNotice: (notice) => notices.push(notice),
      clock,
      ...options,
    });
    keeper.start();
  }

  it("by age: in small steps with pauses, newer samples remain", async () => {
    store.times = Array.from({ length: 200 }, (_, i) => NOW - 2 * DAY + i * (DAY / 100));
    start({ historyLimitDays: 1 });
    await clock.advance(10_000);
    expect(store.times).toHaveLength(190);
    await clock.advance(1000);
    expect(store.times).toHaveLength(180);
    await clock.advance(20_000);
    expect(store.times.every((time) => time >= NOW - DAY)).toBe(true);
    expect(store.times.length).toBeGreaterThan(97);
    // An hour later the next are too old.
    await clock.advance(3_600_000);
    expect(store.times.length).toBeLessThan(97);
    expect(store.times[0]).toBeGreaterThanOrEqual(NOW - DAY);
  });

  it("T17: history_limit_days 0.001 are 86.4 seconds", async () => {
    store.times = [NOW - 100_000_000, NOW - 60_000_000];
    start({ historyLimitDays: 0.001 });
    await clock.advance(10_000);
    expect(store.times).toEqual([NOW - 60_000_000]);
  });

  it("by size: the oldest are removed until the store fits, and little more", async () => {
    store.perStep = 1000;
    store.times = Array.from({ length: 1000 }, (_, i) => NOW - DAY + i * (DAY / 1000));
    start({ storageLimitGb: 5 });
    await clock.advance(60_000);
    expect(store.times.length).toBeLessThanOrEqual(500);
    expect(store.times.length).toBeGreaterThan(450);
    expect(store.times.at(-1)).toBe(NOW - DAY + 999 * (DAY / 1000));
    expect(store.times[0]).toBeGreaterThan(NOW - DAY / 1.9);
  });

  it("by size also where the oldest share a day with newer ones, whatever their age is", async () => {
    store.byDay = true;
    store.times = Array.from({ length: 110 }, (_, i) => NOW - 10 * DAY + i * (DAY / 11));
    const inDays = (time: number) => Math.floor(time / DAY);
    const [oldest] = store.times.map(inDays);
    // The limit of age lies within the oldest day: nothing is removed by age.
    start({ storageLimitGb: 1.05, historyLimitDays: 10 - 0.2 });
    await clock.advance(300_000);
    expect(store.times.length * BYTES).toBeLessThanOrEqual(1.05 * 1024 ** 3);
    expect(inDays(store.times[0]!)).toBe(oldest! + 1);
  });

  it("late samples that are already too old are stored and then removed", async () => {
    start({ historyLimitDays: 1 });
    await clock.advance(10_000);
    store.times = [NOW - 5 * DAY, NOW - 4 * DAY, NOW - DAY / 2, NOW];
    await clock.advance(60_000);
    expect(store.times).toEqual([NOW - DAY / 2, NOW]);
  });

  it("a failing store is reported once and retried", async () => {
    store.times = [NOW - 2 * DAY, NOW - DAY / 2];
    store.fails = new HistorianError("retry", "busy");
    start({ historyLimitDays: 1 });
    await clock.advance(200_000);
    expect(notices).toMatchObject([{ kind: "retention_failing", text: expect.stringContaining("busy") }]);
    store.fails = undefined;
    await clock.advance(60_000);
    expect(store.times).toEqual([NOW - DAY / 2]);
  });

  it("a hanging store does not delay the stop", async () => {
    store.retention.oldest = () => new Promise(() => {});
    start({ historyLimitDays: 1 });
    await clock.advance(40_000);
    expect(notices).toMatchObject([{ kind: "retention_failing" }]);
    await clock.advance(60_000);
    await keeper?.stop();
  });

  describe("by age, where the clock may be wrong", () => {
    const YEAR = 365 * DAY;
    const clockAt = () => clock.now() * 1000;
    const held = () => notices.filter(({ kind }) => kind === "retention_held");
    /** A value every so often, by the clock as it is. */
    async function run(days: number): Promise<void> {
      for (let part = 0; part < days * 2; part++) {
        store.times.push(clockAt());
        await clock.advance(DAY / 2 / 1000);
      }
    }
    beforeEach(() => {
      store.perStep = 1000;
      store.times = Array.from({ length: 300 }, (_, i) => NOW - 300 * DAY + i * DAY);
    });

    it("ten years ahead from the start: nothing is removed, this is reported once a day with the remedy, and a restart changes nothing", async () => {
      const history = [...store.times];
      clock.set(NOON.getTime() + (10 * YEAR) / 1000);
      start({ historyLimitDays: 365 });
      await run(3);
      expect(store.steps).toEqual([]);
      expect(held()).toHaveLength(3);
      expect(held()[0]).toMatchObject({
        severity: "warning",
        text: expect.stringMatching(/2036-11-18.*from 2026-01-25.*history_limit_wait_days to 0/),
      });
      await keeper?.stop();
      start({ historyLimitDays: 365 });
      await run(3);
      expect(store.steps).toEqual([]);
      clock.set(NOON.getTime() + (6 * DAY) / 1000);
      await run(1);
      expect(store.times.slice(0, 300)).toEqual(history);
      expect(store.steps).toEqual([]);
    });

    it("the clock jumps two years ahead at run time with a limit of three: the oldest remain too", async () => {
      store.times = Array.from({ length: 1100 }, (_, i) => NOW - 1100 * DAY + i * DAY);
      start({ historyLimitDays: 3 * 365 });
      await run(1);
      const { length } = store.times;
      expect(store.times[0]).toBeGreaterThanOrEqual(NOW - 3 * YEAR);
      clock.set(clock.now() + (2 * YEAR) / 1000);
      await run(2);
      expect(store.times).toHaveLength(length + 4);
      expect(held()).toHaveLength(2);
    });

    it("off for longer than the limit: cleaned when it has run for the wait", async () => {
      clock.set(NOON.getTime() + (2 * YEAR) / 1000);
      start({ historyLimitDays: 365 });
      await run(6.5);
      expect(store.steps).toEqual([]);
      await run(1);
      expect(store.times).toHaveLength(15);
      expect(held()).toHaveLength(7);
    });

    it("by size no more is removed than necessary, ten years ahead too", async () => {
      store.perStep = 100_000;
      store.times = Array.from({ length: 1000 }, (_, i) => NOW - 100 * DAY + i * (DAY / 10));
      clock.set(NOON.getTime() + (10 * YEAR) / 1000);
      start({ storageLimitGb: 9, historyLimitDays: 365 });
      await clock.advance(600_000);
      expect(store.times.length).toBeLessThanOrEqual(900);
      expect(store.times.length).toBeGreaterThan(880);
      expect(held()).toHaveLength(1);
    });

    it("history_limit_wait_days 0: at once, whatever the clock", async () => {
      clock.set(NOON.getTime() + (2 * YEAR) / 1000);
      start({ historyLimitDays: 365, historyLimitWaitDays: 0 });
      await run(0.5);
      expect(store.times).toHaveLength(1);
      expect(held()).toEqual([]);
    });

    it("off for some weeks: the limit is kept all the same", async () => {
      clock.set(NOON.getTime() + (30 * DAY) / 1000);
      start({ historyLimitDays: 100 });
      await run(1);
      expect(store.times[0]).toBeGreaterThanOrEqual(NOW - 71 * DAY);
      expect(held()).toEqual([]);
    });

    it("a clock that was never set removes nothing", async () => {
      clock.set(0);
      start({ historyLimitDays: 1 });
      await clock.advance(DAY / 1000);
      expect(store.steps).toEqual([]);
    });

    it("a limit shorter than the wait waits for half of itself", async () => {
      store.times = [NOW - 10 * DAY];
      start({ historyLimitDays: 2 });
      await run(0.5);
      expect(store.steps).toEqual([]);
      await run(1);
      expect(store.times).toHaveLength(3);
    });
  });

  it("a store without removal is reported at the start; without limits nothing is removed", async () => {
    start({ historyLimitDays: 1 }, { backend: new DoubleBackend() });
    expect(notices).toMatchObject([{ severity: "warning", kind: "retention_unsupported" }]);
    start({}, { backend: new DoubleBackend() });
    start({});
    await clock.advance(1_000_000);
    expect(notices).toHaveLength(1);
    expect(store.steps).toEqual([]);
  });
});
