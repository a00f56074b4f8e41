import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { influxInstalled } from "../helpers/influxdb.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { eventually, Rig } from "../helpers/rig.ts";
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
    const usual = await latency(seconds(15));
    await rig.influxd!.kill();
    const [downAt, waitingAt] = [Date.now(), rig.waiting("spool")];
    const down = await latency(seconds(40));
    const backlog = rig.waiting("spool");
    const input = (backlog - waitingAt) / (Date.now() - downAt);
    await rig.influxd!.start();
    const backAt = Date.now();
    // In the first batch that it takes, the drain begins.
    await eventually(() => expect(rig.waiting("spool")).toBeLessThan(backlog * 0.9));
    const [begun, rest] = [Date.now(), rig.waiting("spool")];
    expect(begun - backAt).toBeLessThan(30_000);
    await eventually(() => expect(rig.waiting("spool")).toBeLessThan(backlog / 10));
    const drained = (rest - rig.waiting("spool")) / Math.max(Date.now() - begun, 1);
    const after = await latency(seconds(10));
    const { mqtt, historian } = await rig.balance();
    expect([mqtt.left, historian.waiting, historian.left]).toEqual([0, 0, 0]);
    await annotate(
      `MQTT, 95 of 100: ${usual} ms before, ${down} ms while it is down, ${after} ms afterwards; ${backlog} values drain at ${Math.round(drained / input)} times their input; first after ${begun - backAt} ms`,
    );
    // A tenth, and what a machine with other work adds.
    expect(down).toBeLessThan(Math.max(usual, after) * 1.1 + 50);
    if (rest > backlog / 5) expect(drained / input).toBeGreaterThan(10);
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
