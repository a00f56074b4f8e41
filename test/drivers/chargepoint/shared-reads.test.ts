import { expect, test } from "vitest";
import { SharedReads } from "../../../src/drivers/chargepoint/account/shared-reads.ts";

const never = new AbortController().signal;

function source() {
  const calls: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const fetch = () =>
    new Promise<string>((resolve, reject) => {
      calls.push({ resolve, reject });
    });
  return { calls, fetch };
}

test("C3: a scrape and a get that overlap are one call, and both are answered", async () => {
  const { calls, fetch } = source();
  const reads = new SharedReads(() => 0);
  const both = Promise.all([reads.read("load 1", 0, never, fetch), reads.read("load 1", 40, never, fetch)]);
  expect(calls).toHaveLength(1);
  calls[0]?.resolve("answer");
  expect(await both).toEqual(["answer", "answer"]);
});

test("C3: a failed shared call fails for both and is not kept", async () => {
  const { calls, fetch } = source();
  const reads = new SharedReads(() => 0);
  const both = Promise.allSettled([
    reads.read("load 1", 40, never, fetch),
    reads.read("load 1", 40, never, fetch),
  ]);
  calls[0]?.reject(new Error("away"));
  expect((await both).map((result) => result.status)).toEqual(["rejected", "rejected"]);
  const again = reads.read("load 1", 40, never, fetch);
  expect(calls).toHaveLength(2);
  calls[1]?.resolve("answer");
  expect(await again).toBe("answer");
});

test("an answer is given again only while it is younger than the reader allows", async () => {
  let now = 100;
  const { calls, fetch } = source();
  const reads = new SharedReads(() => now);
  const first = reads.read("load 1", 0, never, fetch);
  calls[0]?.resolve("old");
  await first;
  now = 139;
  expect(await reads.read("load 1", 40, never, fetch)).toBe("old");
  now = 140;
  const second = reads.read("load 1", 40, never, fetch);
  expect(calls).toHaveLength(2);
  calls[1]?.resolve("new");
  expect(await second).toBe("new");
});

test("E14: after forget, a read joins nothing that was under way, and what was under way is not kept", async () => {
  const { calls, fetch } = source();
  const reads = new SharedReads(() => 0);
  const before = reads.read("load 1", 40, never, fetch);
  reads.forget("load 1");
  const after = reads.read("load 1", 40, never, fetch);
  expect(calls).toHaveLength(2);
  calls[0]?.resolve("before the write");
  calls[1]?.resolve("after the write");
  expect(await before).toBe("before the write");
  expect(await after).toBe("after the write");
  expect(await reads.read("load 1", 40, never, fetch)).toBe("after the write");
});

test("a reader that gives up does not end the call of the others", async () => {
  const { calls, fetch } = source();
  const reads = new SharedReads(() => 0);
  const impatient = new AbortController();
  const one = reads.read("load 1", 0, impatient.signal, fetch);
  const other = reads.read("load 1", 0, never, fetch);
  impatient.abort(new Error("no longer wanted"));
  await expect(one).rejects.toThrow("no longer wanted");
  calls[0]?.resolve("answer");
  expect(await other).toBe("answer");
});
