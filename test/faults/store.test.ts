import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { influxInstalled } from "../helpers/influxdb.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Rig } from "../helpers/rig.ts";
import type { Trouble } from "../helpers/tcp-proxy.ts";
import { figures, quantile } from "./figures.ts";
import { seconds } from "./scale.ts";

describe.skipIf(!mosquittoInstalled || !influxInstalled)("the store", () => {
  let rig: Rig;
  afterEach(() => rig.end());

  /** Milliseconds from scrape to subscriber, 95 of 100, while this much time passes. */
  async function latency(ms: number): Promise<number> {
    const from = rig.recorder.messages.length;
    await delay(ms);
    return quantile(
      rig.scrapes(from).map(({ at, takenAt }) => at - takenAt),
      0.95,
    );
  }

  test("A7: is down: MQTT does not notice, and afterwards the backlog drains faster than it grew", async ({
    annotate,
  }) => {
    rig = await Rig.start({ stations: 20, store: "influxdb" });
    await rig.startService();
    await rig.startBridge();
    await rig.heard(5);
    const up: number[] = [];
    const down: number[] = [];
    const drains: string[] = [];
    for (let outage = 0; outage < 2; outage++) {
      up.push(await latency(seconds(12)));
      await rig.influxd!.kill();
      const [downAt, waitingAt] = [Date.now(), rig.waiting("spool")];
      down.push(await latency(seconds(25)));
      const backlog = rig.waiting("spool");
      const input = (backlog - waitingAt) / (Date.now() - downAt);
      await rig.influxd!.start();
      const backAt = Date.now();
      // With the first batch that it takes, the drain begins.
      await eventually(() => expect(rig.waiting("spool")).toBeLessThan(backlog * 0.9), 40_000, 10);
      const [begun, rest] = [Date.now(), rig.waiting("spool")];
      expect(begun - backAt).toBeLessThan(30_000);
      await eventually(() => expect(rig.waiting("spool")).toBeLessThan(backlog / 10), 40_000, 10);
      const times = (rest - rig.waiting("spool")) / Math.max(Date.now() - begun, 1) / input;
      drains.push(
        `${backlog} values at ${Math.round(times)} times their input, first after ${begun - backAt} ms`,
      );
      if (rest > backlog / 5) expect(times).toBeGreaterThan(10);
    }
    up.push(await latency(seconds(12)));
    const { mqtt, historian } = await rig.balance();
    expect([mqtt.left, historian.waiting, historian.left]).toEqual([0, 0, 0]);
    await annotate(
      `MQTT, 95 of 100: ${up.join(", ")} ms while the store is there, ${down.join(", ")} ms while it is not`,
    );
    await annotate(`drained: ${drains.join("; ")}`);
    // A tenth, and what a machine that does other work adds.
    expect(Math.min(...down)).toBeLessThan(Math.max(...up) * 1.1 + 20);
  });

  test("A8: is not there at the start, and neither is its database: all is stored once it comes", async ({
    annotate,
  }) => {
    rig = await Rig.start({ store: "influxdb" });
    await rig.influxd!.kill();
    await rig.startService();
    await rig.startBridge();
    await rig.heard(2);
    await delay(seconds(20));
    await rig.influxd!.start();
    const { historian } = await rig.balance();
    expect([historian.waiting, historian.left]).toEqual([0, 0]);
    await annotate(figures(historian));
  });

  test("A9, A28: hangs, stalls and cuts its answers: every call ends, and it goes on without a restart", async ({
    annotate,
  }) => {
    rig = await Rig.start({ store: "influxdb" });
    await rig.startService();
    await rig.startBridge();
    await rig.heard(2);
    const proxy = rig.toStore!;
    const troubles: readonly (Trouble | "stopped")[] = [
      "stopped",
      { kind: "hold-body", bytes: 0 },
      { kind: "cut-body", bytes: 0 },
      { kind: "cut", bytes: 20 },
      { kind: "hold" },
      { kind: "drip", bytesPerSecond: 20 },
    ];
    const recoveries: number[] = [];
    for (const trouble of troubles) {
      if (trouble === "stopped") rig.influxd!.pause();
      else proxy.trouble = trouble;
      await delay(seconds(13));
      if (trouble === "stopped") rig.influxd!.resume();
      proxy.heal();
      const healed = Date.now();
      const grown = rig.waiting("spool");
      // Nothing but the body of an answer that has none can be cut without harm.
      if (trouble === "stopped" || !trouble.kind.endsWith("-body"))
        expect(grown).toBeGreaterThan((seconds(13) / 1000) * 80);
      await eventually(() => expect(rig.waiting("spool")).toBeLessThan(Math.max(grown / 2, 200)), 40_000);
      recoveries.push((Date.now() - healed) / 1000);
    }
    const { historian, mqtt } = await rig.balance();
    expect([historian.waiting, historian.left, mqtt.left]).toEqual([0, 0, 0]);
    expect(Math.max(...recoveries)).toBeLessThan(31);
    await annotate(
      `stored again after ${recoveries.map((s) => s.toFixed(1)).join(", ")} s; ${figures(historian)}`,
    );
  });
});
