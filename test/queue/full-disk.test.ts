import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { DiskQueue, QueueNotice } from "../../src/queue/index.ts";
import { expectBalance, readAll, record } from "../contracts/queue-contract.ts";
import { openAt } from "./queue-place.ts";
import { noSmallDisk, SmallDisk } from "./small-disk.ts";

const BALLAST = 512 * 1024;
const text = "x".repeat(1000);

describe.skipIf(noSmallDisk)(`A17: a full disk${noSmallDisk ? ` (skipped: ${noSmallDisk})` : ""}`, () => {
  let disk: SmallDisk;
  let queue: DiskQueue;
  const notices: QueueNotice[] = [];
  const kinds = () => notices.map(({ kind }) => kind);
  const open = () =>
    openAt(disk.data, {
      reserveBytes: BALLAST,
      memoryBytes: 100_000,
      retryMs: 50,
      onNotice: (notice) => notices.push(notice),
    });
  const ballast = () => existsSync(join(disk.data, "queue.sqlite-ballast"));
  const records = (count: number) => Array.from({ length: count }, () => record(text));

  beforeEach(async () => {
    notices.length = 0;
    disk = new SmallDisk(8 * 1024 * 1024);
    queue = await open();
  });
  afterEach(async () => {
    await queue.close();
    disk.remove();
  });

  async function drain(): Promise<number> {
    let drained = 0;
    for (;;) {
      const page = await queue.read({ count: 100 });
      if (page.length === 0) return drained;
      await queue.settle(page.map(({ id, samples }) => ({ id, delivered: samples })));
      drained += page.length;
    }
  }

  test("values wait in bounded memory, then are counted as lost; the queue drains; with space all is normal", async () => {
    await queue.append(records(2000));
    expect(statSync(join(disk.data, "queue.sqlite-ballast")).blocks * 512).toBe(BALLAST);
    disk.fill();
    const appends: Promise<readonly unknown[]>[] = [];
    while (!kinds().includes("queue_blocked")) {
      appends.push(queue.append(records(1)));
      await Promise.race([appends.at(-1), delay(20)]);
    }
    const more = Array.from({ length: 300 }, () => queue.append(records(1)));
    const refused = Array.from({ length: 50 }, () => queue.append(records(1)));
    expect(await Promise.all(refused)).toEqual(refused.map(() => []));
    const during = await queue.counters();
    expectBalance(during);
    expect(during.dropped.disk).toBeGreaterThan(200);
    expect(queue.latest).toEqual(during);

    // The disk stays as full as it is.
    disk.fill();
    expect(await drain()).toBeGreaterThanOrEqual(2000);
    disk.fill();
    expectBalance(await queue.counters());

    disk.empty();
    const answers = await Promise.all([...appends, ...more]);
    await expect.poll(kinds).toContain("queue_resumed");
    await expect.poll(ballast).toBe(true);
    await queue.append(records(1));
    await drain();
    const after = await queue.counters();
    expectBalance(after);
    const accepted = answers.filter((answer) => answer.length === 1).length;
    expect(after.waiting).toBe(0);
    expect(after.dropped).toEqual({ disk: answers.length + 50 - accepted });
    expect(after.delivered).toBe(2000 + accepted + 1);
    // Space that came back while it drained may have let it go on for a while.
    expect(kinds()).toEqual(kinds().map((_, i) => (i % 2 === 0 ? "queue_blocked" : "queue_resumed")));
  });

  test("drained space is released to the disk, and new values fit without freeing space", async () => {
    await queue.append(records(3000));
    disk.fill();
    const late = queue.append(records(20));
    await expect.poll(kinds).toContain("queue_blocked");
    await drain();
    expect(await late).toHaveLength(20);
    expectBalance(await queue.counters());
  });

  test("opens on a full disk, reads and drains", async () => {
    await queue.append(records(1000));
    await queue.close();
    disk.fill();
    queue = await open();
    expect(await readAll(queue)).toHaveLength(1000);
    expect(await drain()).toBe(1000);
    expectBalance(await queue.counters());
    await queue.close();
    const file = new DatabaseSync(join(disk.data, "queue.sqlite"));
    expect(file.prepare("PRAGMA integrity_check").get()?.integrity_check).toBe("ok");
    file.close();
    queue = await open();
    expect(kinds()).toEqual([]);
  });

  test("records waiting in memory at the close are lost, and this is reported", async () => {
    await queue.append(records(3000));
    disk.fill();
    let last = queue.append(records(1));
    while (!kinds().includes("queue_blocked")) {
      last = queue.append(records(5));
      await Promise.race([last, delay(20)]);
    }
    await queue.close();
    expect(await last).toEqual([]);
  });
});
