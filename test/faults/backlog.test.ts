import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test, vi } from "vitest";
import { toRecord } from "../../src/historian/delivery/sample-record.ts";
import { timeText } from "../../src/mqtt/payloads.ts";
import { readingRecord } from "../../src/mqtt/publishing/reading.ts";
import type { NewRecord } from "../../src/queue/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Rig } from "../helpers/rig.ts";
import { RunningVoltbridge } from "../helpers/voltbridge.ts";
import { figures, quantile } from "./figures.ts";
import { rounds } from "./scale.ts";

/** What docs/performance.md advises for it. */
const SMALL = "--max-semi-space-size=8 --max-old-space-size=160";
const FIRST = Date.UTC(2026, 0, 1);

/** Scrapes of one device, a second apart, as the outbox keeps them. */
function messages(scrapes: number, points: number): NewRecord[] {
  return Array.from({ length: scrapes }, (_, n) => {
    const values = Object.fromEntries(Array.from({ length: points }, (_, p) => [`p${p}`, n + p / 100]));
    const time = timeText(new Date(FIRST + n * 1000));
    return readingRecord({
      topic: "devices/old/all",
      body: [JSON.stringify(values), "{}"],
      headers: JSON.stringify({ Date: time, TimeStamp: time, SynchronizedTimeStamp: time }),
      samples: points,
      time: FIRST + n * 1000,
    });
  });
}

function samples(scrapes: number, points: number): NewRecord[] {
  const meta = { units: "kW", type: "float", tz: "UTC" } as const;
  return Array.from({ length: scrapes }, (_, n) =>
    toRecord(
      Array.from({ length: points }, (_, p) => ({
        topic: `old/p${p}`,
        time: (FIRST + n * 1000) * 1000,
        value: n + p / 100,
        meta,
      })),
      "old",
    ),
  );
}

describe.skipIf(!mosquittoInstalled)("a backlog", () => {
  let rig: Rig;
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rig.end();
  });

  test("A21, A4: 100,000 records wait, the broker is away: start and stop are quick, and nothing is touched", async ({
    annotate,
  }) => {
    rig = await Rig.start({ historian: { cache_only_enabled: true } });
    await rig.startService();
    const empty = await rig.startBridge();
    await rig.endBridge("SIGTERM");
    await rig.ledger.fill("outbox", messages(rounds(100_000), 1));
    rig.toBroker.refusing = true;
    const started = await rig.startBridge();
    await delay(1000);
    const begun = performance.now();
    expect(await rig.endBridge("SIGTERM")).toBe(0);
    const stopped = performance.now() - begun;
    expect(stopped).toBeLessThan(10_000);
    expect(started - empty).toBeLessThan(5000);
    expect((await rig.ledger.counters("outbox")).waiting).toBeGreaterThanOrEqual(rounds(100_000));

    rig.toBroker.heal();
    const restarted = await rig.startBridge();
    await rig.heard(1);
    const ear = await rig.listen("voltbridge/+/state");
    const begunAgain = performance.now();
    expect(await rig.endBridge("SIGTERM")).toBe(0);
    expect(performance.now() - begunAgain).toBeLessThan(10_000);
    await ear.find("voltbridge/test/state", ({ text }) => text === "offline");
    await ear.close();
    // Killed with all that waiting, it is as quick.
    await rig.startBridge();
    await rig.endBridge("SIGKILL");
    const afterKill = await rig.startBridge();
    expect(afterKill - empty).toBeLessThan(5000);
    await rig.drain("outbox");
    await rig.endBridge("SIGTERM");
    const mqtt = await eventually(() => rig.ledger.mqtt(rig.recorder.messages));
    expect(mqtt.left).toBe(0);
    const ms = [empty, started, restarted, afterKill].map((one) => Math.round(one)).join(", ");
    await annotate(
      `starts: ${ms} ms (empty, full, again, after a kill); stopped after ${Math.round(stopped)} ms; ${figures(mqtt)}`,
    );
  });

  test.for([
    { memory: "as Node takes it", options: "", most: 550e6 },
    { memory: "of a small machine", options: SMALL, most: 300e6 },
  ])(
    "A25: a million values wait in both queues, and live ones come: these stay fresh while those drain, with memory $memory",
    async ({ options, most }, { annotate }) => {
      vi.stubEnv("NODE_OPTIONS", options);
      rig = await Rig.start({ stations: 50, intervalSeconds: 4 });
      await rig.startService();
      await rig.startBridge();
      await rig.heard(2);
      const usual = rig.rss;
      await rig.endBridge("SIGTERM");
      const scrapes = rounds(25_000);
      await rig.ledger.fill("outbox", messages(scrapes, 40));
      await rig.ledger.fill("spool", samples(scrapes, 40));
      const begun = performance.now();
      await rig.startBridge();
      let largest = 0;
      const watch = setInterval(() => {
        largest = Math.max(largest, rig.rss);
      }, 500);
      const took = { outbox: 0, spool: 0 };
      try {
        await eventually(() => {
          for (const queue of ["outbox", "spool"] as const)
            if (took[queue] === 0 && rig.waiting(queue) < 6000) took[queue] = performance.now() - begun;
          expect(Math.min(took.outbox, took.spool)).toBeGreaterThan(0);
        }, 600_000);
      } finally {
        clearInterval(watch);
      }
      const live = rig.scrapes().filter(({ topic, late }) => topic !== "devices/old/all" && !late);
      const ages = live.map(({ at, takenAt }) => at - takenAt);
      const { mqtt, historian } = await rig.balance();
      expect([mqtt.waiting, mqtt.left, historian.waiting, historian.left]).toEqual([0, 0, 0, 0]);
      expect(live.length).toBeGreaterThan(40);
      expect(Math.max(...ages)).toBeLessThan(8000);
      // Whatever waits, the same little of it is in memory; the rest is garbage that was not worth collecting yet.
      expect(Math.max(largest, usual)).toBeLessThan(most);
      const inSeconds = (ms: number) => (ms / 1000).toFixed(0);
      await annotate(
        `drained in ${inSeconds(took.outbox)} s to the broker and ${inSeconds(took.spool)} s to the store; live ones ${quantile(ages, 0.95)} ms old (95 of 100), at most ${Math.max(...ages)} ms; at most ${Math.round(largest / 1e6)} MB, without a backlog ${Math.round(usual / 1e6)} MB`,
      );
      await annotate(`MQTT: ${figures(mqtt)}; historian: ${figures(historian)}`);
    },
  );

  test("A22: a second bridge is refused and named the first; the lock of a killed one does not hold", async () => {
    rig = await Rig.start();
    await rig.startService();
    for (let i = 0; i < rounds(3); i++) {
      await rig.startBridge();
      const second = new RunningVoltbridge(["run", "--config", rig.site.config]);
      expect(await second.ended).toBe(78);
      expect(second.stderr).toContain(`in use by process ${rig.bridge.pid}`);
      await rig.heard(1);
      await rig.endBridge("SIGKILL");
    }
    await rig.startBridge();
    const { mqtt } = await rig.balance();
    expect(mqtt.left).toBe(0);
  });
});
