import { expect, test } from "vitest";
import {
  GatheredReads,
  type Source,
} from "../../../../../src/drivers/chargepoint/account/reads/gathered-reads.ts";
import type { Waiter } from "../../../../../src/drivers/chargepoint/account/reads/station-answers.ts";
import { systemClock } from "../../../../../src/time/clock.ts";

interface Call {
  readonly stations: readonly string[];
  resolve(value: string): void;
  reject(error: Error): void;
}

/** Reads of answers that are texts, from a service whose calls the test answers. */
function rig(spent?: Source<string>["spent"]) {
  const clock = { now: 100 };
  const calls: Call[] = [];
  const call = (stations: readonly string[]) =>
    new Promise<string>((resolve, reject) => calls.push({ stations, resolve, reject }));
  const reads = new GatheredReads<string>(
    "load",
    {
      ...(spent && { spent }),
      fetchAlone: (stationID) => call([stationID]),
      async fetch(batch) {
        batch.fill(10);
        const stations = batch.missing();
        const answer = await call(stations);
        for (const stationID of stations) batch.answer(stationID, `${answer} of ${stationID}`);
      },
    },
    {
      clock: { ...systemClock, monotonic: () => clock.now * 1000 },
      gather: (then) => queueMicrotask(then),
    },
  );
  const told = <T>(tell: (waiter: Waiter) => void) =>
    new Promise<T>((resolve, reject) => {
      tell({
        answered: (_kind, answer) => resolve(answer as T),
        failed: (_kind, error) => reject(error),
      });
    });
  const read = (maxAgeSeconds: number) =>
    told<string>((waiter) => reads.read("load 1", maxAgeSeconds, waiter));
  const reader = (stationID: string, maxAgeSeconds = 0) => {
    const member = reads.join(stationID, { maxAgeSeconds, intervalSeconds: 60 });
    return {
      ask: () => told<string>((waiter) => reads.ask(member, waiter)),
      leave: () => reads.leave(member),
    };
  };
  return { clock, calls, reads, read, reader };
}

const moment = () => new Promise((resolve) => setImmediate(resolve));

test("C3: a scrape and a get that overlap are one call, and both are answered", async () => {
  const { calls, read, reader } = rig();
  const { ask } = reader("load 1");
  const both = Promise.all([ask(), read(0), read(40)]);
  await moment();
  expect(calls).toHaveLength(1);
  calls[0]!.resolve("answer");
  expect(await both).toEqual(["answer of load 1", "answer of load 1", "answer of load 1"]);
});

test("C3: a failed shared call fails for both and is not kept", async () => {
  const { calls, read } = rig();
  const both = Promise.allSettled([read(40), read(40)]);
  calls[0]!.reject(new Error("away"));
  expect((await both).map((result) => result.status)).toEqual(["rejected", "rejected"]);
  const again = read(40);
  expect(calls).toHaveLength(2);
  calls[1]!.resolve("answer");
  expect(await again).toBe("answer");
});

test("an answer is given again only while it is younger than the reader allows", async () => {
  const { clock, calls, read } = rig();
  const first = read(0);
  calls[0]!.resolve("old");
  await first;
  clock.now += 39;
  expect(await read(40)).toBe("old");
  clock.now += 1;
  const second = read(40);
  expect(calls).toHaveLength(2);
  calls[1]!.resolve("new");
  expect(await second).toBe("new");
});

test("E14: after forget, a read joins nothing that was under way, and what was under way is not kept", async () => {
  const { calls, reads, read } = rig();
  const before = read(40);
  reads.forget("load 1");
  const after = read(40);
  expect(calls).toHaveLength(2);
  calls[0]!.resolve("before the write");
  calls[1]!.resolve("after the write");
  expect(await before).toBe("before the write");
  expect(await after).toBe("after the write");
  expect(await read(40)).toBe("after the write");
});

test("what is asked in one moment is one call, with those that will ask soon; each has an answer once", async () => {
  const { clock, calls, reader } = rig();
  const [a, b, c] = ["a", "b", "c"].map((stationID) => reader(stationID));
  const first = Promise.all([a!.ask(), b!.ask()]);
  await moment();
  expect(calls.map(({ stations }) => stations)).toEqual([["a", "b", "c"]]);
  calls[0]!.resolve("first");
  expect(await first).toEqual(["first of a", "first of b"]);
  clock.now += 30;
  expect(await c!.ask()).toBe("first of c");
  const again = c!.ask();
  await moment();
  expect(calls[1]!.stations).toEqual(expect.arrayContaining(["c"]));
  calls[1]!.resolve("second");
  expect(await again).toBe("second of c");
});

test("a failure is that of the round it was fetched for", async () => {
  const { clock, calls, reader } = rig();
  const [a, b] = [reader("a"), reader("b")];
  const first = a.ask();
  await moment();
  calls[0]!.reject(new Error("away"));
  await expect(first).rejects.toThrow("away");
  await expect(b.ask()).rejects.toThrow("away");
  expect(calls).toHaveLength(1);
  clock.now += 60;
  const second = a.ask();
  await moment();
  expect(calls).toHaveLength(2);
  calls[1]!.resolve("answer");
  expect(await second).toBe("answer of a");
});

test("a station that is forgotten before its call is made is asked for once, for both", async () => {
  const { calls, reads, reader } = rig();
  const { ask } = reader("a");
  const before = ask();
  reads.forget("a");
  const after = ask();
  await moment();
  expect(calls.map(({ stations }) => stations)).toEqual([["a"]]);
  calls[0]!.resolve("answer");
  expect(await Promise.all([before, after])).toEqual(["answer of a", "answer of a"]);
});

test("what all had who read it in rounds is let go, or what remains of it kept; another reader has it first", async () => {
  const { calls, reads, reader } = rig({ remains: () => "a little" });
  const one = reader("a");
  const first = one.ask();
  await moment();
  calls[0]!.resolve("all");
  expect(await first).toBe("all of a");
  expect(reads.last("a")).toBe("a little");
  const other = reader("a");
  const second = one.ask();
  await moment();
  calls[1]!.resolve("more");
  expect([await second, await other.ask()]).toEqual(["more of a", "more of a"]);
  expect(reads.last("a")).toBe("more of a");
  other.leave();
  const third = one.ask();
  await moment();
  calls[2]!.resolve("last");
  expect(await third).toBe("last of a");
  expect(reads.last("a")).toBe("a little");
});

test("a reader that left is not counted on any more", async () => {
  const { calls, reader } = rig();
  const [a, b] = [reader("a"), reader("b")];
  b.leave();
  void a.ask();
  await moment();
  expect(calls.map(({ stations }) => stations)).toEqual([["a"]]);
  calls[0]!.resolve("answer");
});
