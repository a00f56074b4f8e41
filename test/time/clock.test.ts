import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { pause, systemClock, TimeoutError, withDeadline } from "../../src/time/clock.ts";
import { ManualClock } from "../helpers/manual-clock.ts";

describe("system clock", () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  it("waits longer than a Node timer can, and can be called off at any time", () => {
    const day = 86_400_000;
    const fired: string[] = [];
    systemClock.after(60 * day, () => void fired.push("far"));
    const cancel = systemClock.after(60 * day, () => void fired.push("never"));
    systemClock.after(-5, () => void fired.push("past"));
    vi.advanceTimersByTime(0);
    expect(fired).toEqual(["past"]);
    vi.advanceTimersByTime(59 * day);
    cancel();
    expect(fired).toEqual(["past"]);
    vi.advanceTimersByTime(day);
    expect(fired).toEqual(["past", "far"]);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe("deadlines", () => {
  it("settle with the work where it is in time, and leave nothing behind", async () => {
    const clock = new ManualClock();
    const work = { clock, ms: 1000, what: "it" };
    expect(await withDeadline(work, async () => 5)).toBe(5);
    await expect(withDeadline(work, () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    await expect(
      withDeadline(work, () => {
        throw new Error("at once");
      }),
    ).rejects.toThrow("at once");
    expect(clock.waiting).toBe(0);
  });

  it("end work that does not heed its signal, in time or when its caller gives up", async () => {
    const clock = new ManualClock();
    const caller = new AbortController();
    const signals: AbortSignal[] = [];
    const start = (signal?: AbortSignal) =>
      withDeadline({ clock, ms: 1000, what: "it", signal }, (inner) => {
        signals.push(inner);
        return new Promise<never>(() => {});
      }).catch((error: unknown) => error);
    const late = start();
    const givenUp = start(caller.signal);
    caller.abort(new Error("enough"));
    expect(await givenUp).toMatchObject({ message: "enough" });
    await clock.advance(1000);
    expect(await late).toBeInstanceOf(TimeoutError);
    expect(await late).toMatchObject({ message: "it took longer than 1 s" });
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect(await start(caller.signal)).toMatchObject({ message: "enough" });
    expect(signals).toHaveLength(2);
  });

  it("a pause ends with its time or with its signal", async () => {
    const clock = new ManualClock();
    const giveUp = new AbortController();
    const ended: string[] = [];
    void pause(clock, 1000, giveUp.signal).then(() => ended.push("over"));
    void pause(clock, 2000, giveUp.signal).catch(() => ended.push("given up"));
    await clock.advance(1500);
    giveUp.abort(new Error("enough"));
    await clock.advance(0);
    expect(ended).toEqual(["over", "given up"]);
    expect(clock.waiting).toBe(0);
    await expect(pause(clock, 1, giveUp.signal)).rejects.toThrow("enough");
  });
});
