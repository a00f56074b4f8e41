import { rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Sample } from "../../../src/historian/contract.ts";
import { Delivery } from "../../../src/historian/delivery/index.ts";
import { HistorianError } from "../../../src/historian/errors.ts";
import type { DiskQueue } from "../../../src/queue/index.ts";
import { ManualClock } from "../../helpers/manual-clock.ts";
import { openAt, silent, temporaryFolder } from "../../queue/queue-place.ts";
import { DoubleBackend } from "../double-backend.ts";
import { NOON, SETTINGS } from "../settings.ts";

const LIMIT = 512 * 1024;
const AWAY = new HistorianError("retry", "the store is away; start it");
const META = { units: "kW", type: "float", tz: "UTC" } as const;
/** Samples of one scrape. */
const SCRAPE = 20;

describe("the balance of a spool on disk that reaches its limit", () => {
  let folder: string;
  let queue: DiskQueue;
  let backend: DoubleBackend;
  let clock: ManualClock;
  let delivery: Delivery;
  let accepted: number;

  beforeEach(async () => {
    folder = temporaryFolder();
    queue = await openAt(folder, { limitBytes: LIMIT });
    backend = new DoubleBackend();
    clock = new ManualClock(NOON.getTime());
    accepted = 0;
    const settings = { ...SETTINGS, submitSizeLimit: 1000 };
    const parts = { backend, queue, settings, log: silent, onNotice: () => {}, clock, random: () => 1 };
    delivery = new Delivery(parts);
    delivery.start();
  });
  afterEach(async () => {
    const stopped = delivery.stop();
    await clock.advance(5000);
    await stopped;
    await queue.close();
    rmSync(folder, { recursive: true });
  });

  async function scrape(times: number): Promise<void> {
    const appends: Promise<unknown>[] = [];
    for (let i = 0; i < times; i++) {
      const time = (NOON.getTime() + accepted) * 1000;
      const samples = Array.from({ length: SCRAPE }, (_, n): Sample => {
        return { topic: `site/station-with-a-long-name/point_${n}`, time, value: n, meta: META };
      });
      accepted += SCRAPE;
      appends.push(delivery.accept(samples, "site/station-with-a-long-name"));
    }
    await Promise.all(appends);
  }

  /** Lets the delivery run until its queue is empty. */
  async function drained(): Promise<void> {
    for (let i = 0; delivery.counters.waiting > 0 && i < 500; i++) {
      await clock.advance(1000);
      await queue.counters();
    }
    expect(delivery.counters.waiting).toBe(0);
  }

  it("A15: every accepted sample is stored or counted as dropped, once", async () => {
    backend.fail = () => Promise.reject(AWAY);
    for (let round = 0; round < 20; round++) {
      await scrape(200);
      await clock.advance(1000);
      await queue.counters();
    }
    backend.fail = async () => {};
    await drained();
    const missing = accepted - backend.stored.size;
    const { dropped, delivered } = delivery.counters;
    expect(missing).toBeGreaterThan(0);
    expect({ dropped, delivered }).toEqual({ dropped: { limit: missing }, delivered: backend.stored.size });
  });
});
