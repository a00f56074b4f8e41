import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { Notice } from "../../../src/bus.ts";
import type { HistorianSettings } from "../../../src/config/index.ts";
import { type Archive, openArchive, openHistorian, type Sample } from "../../../src/historian/index.ts";
import { createLog } from "../../../src/log/log.ts";
import { openQueue } from "../../../src/queue/index.ts";
import { SETTINGS } from "../settings.ts";

const NOW = Date.now();
const META = { units: "kW", type: "float", tz: "UTC" } as const;
const log = createLog({ level: "silent" });

/** A scrape of 40 points. */
function scrape(second: number, device = "site/s1"): Sample[] {
  const time = (NOW - 3_600_000 + second * 1000) * 1000;
  return Array.from({ length: 40 }, (_, i) => ({
    topic: `${device}/p${i}`,
    time,
    value: second + i / 100,
    meta: META,
  }));
}

describe("archive: spool and SQLite", () => {
  let folder: string;
  let archive: Archive;
  let notices: Notice[];

  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "voltbridge-archive-"));
    notices = [];
    archive = await open();
  });
  afterEach(async () => {
    await archive.stop();
    // The balance, from the queue's own file.
    const queue = await openQueue({ file: join(folder, "spool.sqlite"), log });
    const { accepted, delivered, waiting, dropped, deadLettered } = await queue.counters();
    await queue.close();
    const sum = (counts: Readonly<Record<string, number>>) =>
      Object.values(counts).reduce((all, count) => all + count, 0);
    expect(accepted).toBe(delivered + waiting + sum(dropped) + sum(deadLettered));
    rmSync(folder, { recursive: true });
  });

  const open = (settings: Partial<HistorianSettings> = {}) =>
    openArchive({ ...SETTINGS, retryPeriodSeconds: 0.1, ...settings }, folder, {
      log,
      onNotice: (notice) => notices.push(notice),
    });

  async function restart(settings: Partial<HistorianSettings> = {}): Promise<void> {
    await archive.stop();
    archive = await open(settings);
  }

  const delivered = (count: number) =>
    vi.waitFor(() => expect(archive.counters).toMatchObject({ delivered: count, waiting: 0 }), {
      timeout: 10_000,
    });
  const rows = () => {
    const db = new DatabaseSync(join(folder, "historian.sqlite"), { readOnly: true });
    const { count } = db.prepare("SELECT count(*) AS count FROM sample").get() as { count: number };
    db.close();
    return count;
  };

  it("A7: a locked store does not delay accepting samples; the spool is then drained at more than ten times the input rate", async () => {
    await archive.accept(scrape(0), "site/s1");
    await delivered(40);
    const lock = new DatabaseSync(join(folder, "historian.sqlite"));
    lock.exec("BEGIN IMMEDIATE");
    const begun = performance.now();
    for (let second = 1; second <= 300; second++)
      expect(await archive.accept(scrape(second), "site/s1")).toBe(true);
    // 300 scrapes, each on disk; no call waits for the lock.
    expect(performance.now() - begun).toBeLessThan(15_000);
    expect(archive.counters.waiting).toBe(12_000);
    lock.exec("COMMIT");
    lock.close();
    await delivered(301 * 40);
    expect(rows()).toBe(301 * 40);
  });

  it("A8, A14: samples accepted before the store exists, and across restarts, are stored once it does", async () => {
    await restart({ connection: { path: join(folder, "missing", "h.sqlite") } });
    await archive.stop();
    archive = await open({ cacheOnlyEnabled: true });
    for (let second = 0; second < 50; second++) await archive.accept(scrape(second), "site/s1");
    await restart({ cacheOnlyEnabled: true });
    expect(archive.counters).toMatchObject({ accepted: 2000, waiting: 2000, delivered: 0 });
    await restart();
    await delivered(2000);
    expect(rows()).toBe(2000);
  });

  it("B12: a store removed at run time is created again, and no waiting sample is lost", async () => {
    await archive.accept(scrape(0), "site/s1");
    await delivered(40);
    for (const end of ["", "-wal", "-shm"]) rmSync(join(folder, `historian.sqlite${end}`), { force: true });
    await archive.accept(scrape(1), "site/s1");
    await delivered(80);
    expect(rows()).toBe(40);
  });

  it("B13: 10,000 samples shuffled over a day are all there, in order", async () => {
    const seconds = Array.from({ length: 250 }, (_, i) => (i * 7919) % 250);
    await Promise.all(seconds.map((second) => archive.accept(scrape(second * 345), "site/s1")));
    await delivered(10_000);
    const { values } = await archive.historian.query({ topic: "site/s1/p7" });
    expect(values["site/s1/p7"]?.map(([, value]) => value)).toEqual(
      Array.from({ length: 250 }, (_, i) => i * 345 + 0.07),
    );
  });

  it("D7: values set aside are dead letters at once, are no loss, and a retry stores them", async () => {
    const why = { reason: "time_tolerance", detail: "its time is 9 s before its arrival" };
    await archive.setAside(scrape(0), "devices/site/s1/all", why, new Date(NOW));
    await archive.accept(scrape(1), "site/s1");
    await delivered(40);
    expect(archive.counters).toMatchObject({ deadLettered: { time_tolerance: 40 } });
    expect(archive.takeLosses()).toEqual([]);
    expect(notices).toHaveLength(40);
    expect(notices[0]).toMatchObject({ kind: "historian_set_aside", text: expect.stringContaining("9 s") });
    await restart();
    const other = await openQueue({ file: join(folder, "spool.sqlite"), log, shared: true });
    expect(await other.deadLetters()).toMatchObject([{ ...why, key: "devices/site/s1/all", samples: 40 }]);
    expect(await other.retry()).toBe(1);
    await other.close();
    await delivered(80);
    expect(archive.counters.deadLettered).toEqual({});
    expect(rows()).toBe(80);
  });

  describe("several stores", () => {
    const also = [
      { name: "second", backend: "sqlite", connection: { path: "second.sqlite" }, historyLimitWaitDays: 7 },
      { backend: "volttron-sqlite", connection: {}, historyLimitWaitDays: 7 },
    ];

    it("each gets every value; one that is away delays no other, and gets all of it later", async () => {
      writeFileSync(join(folder, "second.sqlite"), "not a database".padEnd(5000));
      await restart({ also });
      const begun = performance.now();
      for (let second = 0; second < 20; second++)
        expect(await archive.accept(scrape(second), "s")).toBe(true);
      await delivered(800);
      await vi.waitFor(() => expect(archive.counters.also?.["volttron-sqlite"]?.delivered).toBe(800), 10_000);
      expect(performance.now() - begun).toBeLessThan(10_000);
      expect(archive.counters.also?.second).toMatchObject({
        waiting: 800,
        failing: { error: expect.any(String) },
      });
      expect(archive.isFailing).toBe(true);
      expect(notices.map(({ text }) => text)).toEqual([
        expect.stringMatching(/^store "second" of historian\.also: /),
      ]);
      await archive.stop();
      rmSync(join(folder, "second.sqlite"));
      // The order of the list does not matter.
      archive = await open({ also: also.toReversed() });
      await vi.waitFor(
        () => expect(archive.counters.also?.second).toMatchObject({ delivered: 800, waiting: 0 }),
        10_000,
      );
      expect(archive.counters.delivered).toBe(800);
    });

    it("a loss names its store; a removed entry leaves its spool, which is reported with what to do", async () => {
      await restart({ also: also.slice(0, 1) });
      const bad = { ...scrape(0)[0]!, topic: "x".repeat(70_000) };
      await archive.accept([bad], "site/s1");
      const losses: (string | undefined)[] = [];
      await vi.waitFor(() => {
        for (const { store } of archive.takeLosses()) losses.push(store);
        expect(losses.toSorted()).toEqual(["second", undefined]);
      }, 10_000);
      notices = [];
      await restart();
      expect(notices).toMatchObject([
        {
          kind: "spool_left",
          text: expect.stringMatching(/spool-second\.sqlite .* 0 waiting values and 1 in dead/),
        },
      ]);
      const queue = await openQueue({ file: join(folder, "spool-second.sqlite"), log });
      await queue.discard();
      await queue.close();
      notices = [];
      await restart();
      expect(notices).toMatchObject([{ text: expect.stringContaining("it is empty; delete it") }]);
    });
  });

  it("A10: dead letters can be retried from another process", async () => {
    const bad = { ...scrape(0)[0]!, topic: "x".repeat(70_000) };
    await archive.accept([bad, ...scrape(0)], "site/s1");
    await vi.waitFor(() => expect(archive.counters.deadLettered).toEqual({ rejected: 1 }), { timeout: 5000 });
    expect(archive.counters).toMatchObject({ delivered: 40, waiting: 0 });
    expect(notices).toMatchObject([{ kind: "historian_rejected" }]);
    const other = await openQueue({ file: join(folder, "spool.sqlite"), log, shared: true });
    const [letter] = await other.deadLetters();
    expect(letter).toMatchObject({ reason: "rejected", detail: expect.stringContaining("65535 bytes") });
    expect(await other.retry()).toBe(1);
    await other.close();
    let lost = 0;
    await vi.waitFor(
      () => {
        for (const { reason, values } of archive.takeLosses()) if (reason === "dead_letter") lost += values;
        expect(lost).toBe(2);
      },
      { timeout: 5000 },
    );
    await vi.waitFor(() =>
      expect(archive.counters).toMatchObject({ deadLettered: { rejected: 1 }, waiting: 0 }),
    );
  });

  it("A15: a full spool drops the oldest samples and reports the range of the loss", async () => {
    await restart({ cacheOnlyEnabled: true, backupStorageLimitGb: 1 / 1024 });
    await archive.accept(scrape(0), "site/s1");
    expect(archive.takeLosses()).toEqual([]);
    for (let second = 1; second < 1500; second++) await archive.accept(scrape(second), "site/s1");
    const { dropped, waiting, accepted } = archive.counters;
    expect(dropped.limit).toBeGreaterThan(0);
    expect(waiting + (dropped.limit ?? 0)).toBe(accepted);
    expect(notices.map(({ kind }) => kind)).toEqual(expect.arrayContaining(["queue_filling", "queue_full"]));
    const [loss] = archive.takeLosses();
    expect(loss).toMatchObject({ reason: "limit", values: dropped.limit });
    expect(loss!.to).toBeGreaterThan(loss!.from);
    await restart();
    await delivered(waiting);
    expect(rows()).toBe(waiting);
  });

  it("B8: removal by age under load: old rows are removed, waiting samples are stored first, writing continues", async () => {
    await archive.accept(scrape(0), "site/s1");
    await delivered(40);
    const settings = { ...SETTINGS, historyLimitDays: 0.01 };
    const reader = await openHistorian(settings, folder, { log, readonly: false });
    const before = (NOW - 0.01 * 86_400_000) * 1000;
    while ((await reader.backend.retention!.removeBefore(before)) > 0);
    expect(rows()).toBe(0);
    await archive.accept([...scrape(1), ...scrape(3600)], "site/s1");
    await delivered(120);
    expect(rows()).toBe(80);
    while ((await reader.backend.retention!.removeBefore(before)) > 0);
    await reader.close();
    expect(rows()).toBe(40);
  });
});
