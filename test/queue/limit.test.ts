import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiskQueue, QueuedRecord, QueueNotice } from "../../src/queue/index.ts";
import { expectBalance, readAll, record } from "../contracts/queue-contract.ts";
import { openAt, temporaryFolder } from "./queue-place.ts";

const LIMIT = 2 * 1024 * 1024;

describe("a queue with a limit", () => {
  let folder: string;
  let queue: DiskQueue;
  let time = 0;
  const notices: QueueNotice[] = [];
  const open = () =>
    openAt(folder, { limitBytes: LIMIT, now: () => time, onNotice: (notice) => notices.push(notice) });
  const fileBytes = () => statSync(join(folder, "queue.sqlite")).size;
  const kinds = () => notices.map(({ kind }) => kind);

  beforeEach(async () => {
    folder = temporaryFolder();
    notices.length = 0;
    time = 0;
    queue = await open();
  });
  afterEach(async () => {
    expectBalance(await queue.counters());
    await queue.close();
    rmSync(folder, { recursive: true });
  });

  /** Appends until three times the limit went in; checks file and use after each step. */
  async function fillThrice(textBytes: number): Promise<number> {
    let appended = 0;
    let full = false;
    const before = (await queue.counters()).dropped.limit ?? 0;
    const count = Math.max(Math.round(50_000 / textBytes), 1);
    for (let bytes = 0; bytes < 3 * LIMIT; bytes += count * textBytes) {
      const batch = Array.from({ length: count }, () =>
        record(String(appended).padEnd(textBytes, "x"), 2, appended++ * 1000),
      );
      await queue.append(batch);
      expect(fileBytes()).toBeLessThan(LIMIT * 1.1);
      const { bytes: used, dropped } = await queue.counters();
      full ||= (dropped.limit ?? 0) > before;
      if (full) expect(used).toBeGreaterThan(LIMIT * 0.8);
    }
    expect(full).toBe(true);
    return appended;
  }

  test.each([100, 1000, 2100, 4300, 50_000])(
    "A15: the oldest go first, exactly counted, and the file stays within the limit; records of %i bytes",
    async (textBytes) => {
      const appended = await fillThrice(textBytes);
      const left = await readAll(queue);
      expect(left.map(({ time }) => time / 1000)).toEqual(
        Array.from({ length: left.length }, (_, i) => appended - left.length + i),
      );
      const counters = await queue.counters();
      expect(counters).toMatchObject({
        accepted: 2 * appended,
        waiting: 2 * left.length,
        dropped: { limit: 2 * (appended - left.length) },
      });
    },
  );

  test("A15: it tells once that it fills up, and what it lost, at most once a minute", async () => {
    const appended = await fillThrice(1000);
    expect(kinds()).toEqual(["queue_filling", "queue_full"]);
    expect(notices[1]!.text).toContain("from 1970-01-01T00:00:00.000Z to ");
    time += 60_000;
    await queue.append([record("x".repeat(500_000))]);
    expect(kinds()).toEqual(["queue_filling", "queue_full", "queue_full"]);
    const lost = notices.flatMap(({ text }) => text.match(/(\d+) values from/)?.[1] ?? []).map(Number);
    expect(lost[0]! + lost[1]!).toBe((await queue.counters()).dropped.limit);
    const rest = await readAll(queue);
    expect(rest.length).toBeLessThan(appended);
    await queue.settle(rest.map(({ id, samples }) => ({ id, delivered: samples })));
    await fillThrice(1000);
    expect(kinds().slice(3)).toContain("queue_filling");
  });

  test("A16: of one burst over the limit the newest that fit are kept", async () => {
    const burst = Array.from({ length: 20_000 }, (_, i) => record(String(i).padEnd(300, "x"), 1, i));
    const kept = await queue.append(burst);
    expect(fileBytes()).toBeLessThan(LIMIT * 1.1);
    expect(await readAll(queue)).toEqual(kept);
    expect(kept.map(({ time }) => time)).toEqual(
      Array.from({ length: kept.length }, (_, i) => 20_000 - kept.length + i),
    );
    expect(kept.length * 300).toBeGreaterThan(LIMIT * 0.7);
    expect(await queue.counters()).toMatchObject({
      accepted: 20_000,
      waiting: kept.length,
      dropped: { limit: 20_000 - kept.length },
    });
  });

  test("a record evicted during delivery counts once, by its settlement", async () => {
    await queue.append(Array.from({ length: 10 }, (_, i) => record(`${i}`.padEnd(1000, "x"), 2)));
    const held = await queue.read({ count: 10 });
    for (let batch = 0; batch < 6; batch++)
      await queue.append(Array.from({ length: 500 }, (_, i) => record(`${i}`.padEnd(1000, "x"), 1)));
    const { dropped, waiting } = await queue.counters();
    expect((await readAll(queue)).map(({ id }) => id)).not.toContain(held[9]!.id);
    const letter = { text: "x", key: "k", time: 0, samples: 1, reason: "bad", detail: "no" };
    const settlements = held.slice(0, 4).map(({ id }) => ({ id, delivered: 2 }));
    await queue.settle([...settlements, { id: held[4]!.id, delivered: 1, dead: [letter] }]);
    const after = {
      delivered: 9,
      deadLettered: { bad: 1 },
      waiting,
      dropped: { limit: dropped.limit! - 10 },
    };
    expect(await queue.counters()).toMatchObject(after);
    await queue.settle(settlements);
    expect(await queue.counters()).toMatchObject(after);
  });

  test("a record larger than the limit is dropped alone", async () => {
    const [small] = await queue.append([record("small")]);
    expect(await queue.append([record("x".repeat(LIMIT))])).toEqual([]);
    expect(await readAll(queue)).toEqual([small]);
    expect(await queue.counters()).toMatchObject({ waiting: 1, dropped: { limit: 1 } });
  });

  test("shared texts count too: unused ones are deleted to make room", async () => {
    const shared = (i: number) => `${i} `.padEnd(50_000, "shared ");
    const left: QueuedRecord[] = [];
    let dropped = 0;
    for (let i = 0; i < 200; i++) {
      left.push(
        ...(await queue.append(
          Array.from({ length: 20 }, () => ({ ...record(String(i).padEnd(1000, "x")), shared: shared(i) })),
        )),
      );
      expect(fileBytes()).toBeLessThan(LIMIT * 1.1);
      const lost = (await queue.counters()).dropped.limit ?? 0;
      left.splice(0, lost - dropped);
      dropped = lost;
    }
    expect(left.length).toBeGreaterThan(250);
    expect(await readAll(queue, 50)).toEqual(left);
    for (const { text, shared: whole } of left) expect(whole).toBe(shared(Number.parseInt(text, 10)));
  });

  test("a burst that takes the place of all others keeps what it shares", async () => {
    const shared = "of all ".repeat(1000);
    await queue.append([record("x".repeat(Math.floor(0.89 * LIMIT)))]);
    const kept = await queue.append(
      Array.from({ length: 4 }, (_, i) => ({ ...record(`${i} `.padEnd(300_000, "x")), shared })),
    );
    expect(kept).toHaveLength(4);
    await queue.close();
    queue = await open();
    expect(await readAll(queue)).toEqual(kept);
  });

  test("dead letters take a quarter of it at most, the oldest go", async () => {
    for (let round = 0; round < 20; round++) {
      const appended = await queue.append(Array.from({ length: 100 }, () => record("x".repeat(1000))));
      await queue.settle(
        appended.map(({ id, ...rest }) => ({
          id,
          delivered: 0,
          dead: [{ ...rest, reason: "bad", detail: "no" }],
        })),
      );
    }
    const { deadLettered, dropped } = await queue.counters();
    expect(deadLettered.bad! + dropped.limit!).toBe(2000);
    expect(deadLettered.bad! * 1000).toBeLessThanOrEqual(LIMIT / 4);
    expect(deadLettered.bad! * 1000).toBeGreaterThan(LIMIT / 5);
    expect(await queue.deadLetters({ count: 5000 })).toHaveLength(deadLettered.bad!);
    expect(fileBytes()).toBeLessThan(LIMIT * 1.1);
  });

  test("a smaller limit than before holds after the next append", async () => {
    await fillThrice(1000);
    await queue.close();
    queue = await openAt(folder, { limitBytes: LIMIT / 4 });
    await queue.append([record("new")]);
    const { bytes } = await queue.counters();
    expect(bytes).toBeLessThan(LIMIT / 4);
    expect((await readAll(queue)).at(-1)?.text).toBe("new");
  });
});
