import { expect, test } from "vitest";
import {
  AccountBusyError,
  CallLimits,
} from "../../../../../src/drivers/chargepoint/account/limits/call-limits.ts";
import { ManualClock } from "../../../../helpers/manual-clock.ts";

const never = new AbortController().signal;
const turn = () => new Promise((resolve) => setImmediate(resolve));

function rig(inFlight: number, perMinute: number) {
  const clock = new ManualClock();
  const limits = new CallLimits({
    inFlight,
    perMinute,
    clock,
  });
  const begun: string[] = [];
  const ends = new Map<string, () => void>();
  const ask = (name: string, { write = false, lane = "", signal = never } = {}) =>
    limits.run({ write, lane, signal }, () => {
      begun.push(name);
      return new Promise<void>((resolve) => ends.set(name, resolve));
    });
  const end = async (name: string) => {
    ends.get(name)!();
    await turn();
  };
  const start = clock.monotonic();
  const advance = async (to: number) => {
    await clock.advance(start + to * 1000 - clock.monotonic());
    await turn();
  };
  return { ask, end, begun, advance, clock, limits };
}

test("reads leave a place in flight to writes, and a waiting write goes before waiting reads", async () => {
  const { ask, end, begun } = rig(3, 100);
  for (const name of ["r1", "r2", "r3", "r4"]) void ask(name);
  await turn();
  expect(begun).toEqual(["r1", "r2"]);
  void ask("w1", { write: true });
  void ask("w2", { write: true });
  await turn();
  expect(begun).toEqual(["r1", "r2", "w1"]);
  await end("r1");
  expect(begun.at(-1)).toBe("w2");
});

test("a device that asks much does not hold up the others", async () => {
  const { ask, end, begun } = rig(2, 100);
  for (let n = 1; n <= 5; n++) void ask(`a${n}`, { lane: "a" });
  void ask("b1", { lane: "b" });
  await turn();
  await end("a1");
  await end("a2");
  expect(begun).toContain("b1");
});

test("calls a minute are kept to, with room for writes, and go on when the minute is over", async () => {
  const { ask, end, begun, advance, limits } = rig(100, 10);
  for (let n = 1; n <= 9; n++) void ask(`r${n}`);
  expect(limits.isUsedUp).toBe(false);
  for (let n = 10; n <= 12; n++) void ask(`r${n}`);
  expect(limits.isUsedUp).toBe(true);
  void ask("w", { write: true });
  await turn();
  expect(begun).toEqual(["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9", "w"]);
  await end("r1");
  await advance(59);
  expect(begun).toHaveLength(10);
  await advance(60);
  expect(begun).toHaveLength(13);
  expect(limits.isUsedUp).toBe(false);
});

test("an abort takes a waiting call out, and it never runs; no timer is left for it", async () => {
  const { ask, end, begun, clock } = rig(2, 100);
  void ask("r1");
  const caller = new AbortController();
  const waiting = ask("r2", { signal: caller.signal });
  expect(clock.waiting).toBe(1);
  caller.abort(new Error("no longer wanted"));
  await expect(waiting).rejects.toThrow("no longer wanted");
  expect(clock.waiting).toBe(0);
  await end("r1");
  expect(begun).toEqual(["r1"]);
});

test("who would wait too long is refused at once, with what to do", async () => {
  const { ask } = rig(1, 100);
  const all = Array.from({ length: 1002 }, (_, n) => ask(`r${n}`));
  await expect(all.at(-1)).rejects.toThrow(AccountBusyError);
  await expect(all.at(-1)).rejects.toThrow(/calls_per_minute/);
});
