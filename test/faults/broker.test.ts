import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { eventually } from "../helpers/eventually.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Rig } from "../helpers/rig.ts";
import { figures } from "./figures.ts";
import { seconds } from "./scale.ts";

describe.skipIf(!mosquittoInstalled)("the broker", () => {
  let rig: Rig;
  afterEach(() => rig.end());

  async function begin(careful = false): Promise<void> {
    rig = await Rig.start({ careful });
    await rig.startService();
    await rig.startBridge();
    await rig.heard(3);
  }

  for (const signal of ["stop", "kill"] as const)
    test(`A1, A28: is ended (${signal}) for a while`, async ({ annotate }) => {
      await begin(signal === "kill");
      const gone = Date.now();
      await rig.restartBroker(signal, seconds(30));
      const back = Date.now();
      const live = await eventually(() => {
        const found = rig.scrapes().find(({ at, late }) => at > back && !late);
        expect(found).toBeDefined();
        return found!;
      });
      expect(live.at - back).toBeLessThan(30_000);
      await rig.heard(2);
      const { mqtt, historian } = await rig.balance();
      expect([mqtt.waiting, mqtt.left, historian.waiting, historian.left]).toEqual([0, 0, 0, 0]);

      const came = rig.scrapes();
      const outage = came.filter(({ takenAt }) => takenAt > gone && takenAt < back - 2000);
      expect(outage.length).toBeGreaterThan(4);
      expect(outage.filter(({ late }) => !late)).toEqual([]);
      for (const of of Object.values(Object.groupBy(came, ({ topic }) => topic)))
        for (const late of [true, false]) {
          const times = of!.filter((one) => one.late === late).map(({ takenAt }) => takenAt);
          const first = times.filter((time, i) => times.indexOf(time) === i);
          expect(first).toEqual(first.toSorted((a, b) => a - b));
        }
      const wait = ((live.at - back) / 1000).toFixed(1);
      await annotate(
        `${signal}: live again after ${wait} s, ${outage.length} scrapes came late; ${figures(mqtt)}`,
      );
    });

  test("A2: hangs: the loss is noticed, and what waits is not in memory", async ({ annotate }) => {
    await begin();
    const before = rig.rss;
    rig.broker.pause();
    const paused = Date.now();
    await eventually(() => expect(rig.bridge.stderr).toMatch(/"msg":"lost mqtt/), 60_000);
    const noticed = Date.now() - paused;
    // keepalive is 10 s here.
    expect(noticed).toBeLessThan(17_000);
    await delay(Math.max(0, seconds(40) - noticed));
    const grown = rig.rss - before;
    rig.broker.resume();
    const { mqtt } = await rig.balance();
    expect([mqtt.waiting, mqtt.left]).toEqual([0, 0]);
    expect(grown).toBeLessThan(30e6);
    await annotate(
      `noticed after ${(noticed / 1000).toFixed(1)} s, ${(grown / 1e6).toFixed(1)} MB more memory; ${figures(mqtt)}`,
    );
  });

  test("A3: the connection is reset every 3 s: nothing is lost, little comes twice, it does not storm", async ({
    annotate,
  }) => {
    await begin();
    const [before, begun] = [rig.toBroker.accepted, Date.now()];
    rig.toBroker.cutEvery(3000);
    await delay(seconds(60));
    rig.toBroker.heal();
    const took = (Date.now() - begun) / 1000;
    const connects = rig.toBroker.accepted - before;
    const { mqtt } = await rig.balance();
    expect([mqtt.waiting, mqtt.left]).toEqual([0, 0]);
    expect(connects / took).toBeLessThanOrEqual(1);
    expect(mqtt.duplicates).toBeLessThanOrEqual((took / 3) * 256);
    expect(rig.log).not.toContain("MaxListeners");
    await annotate(`${connects} connects in ${took.toFixed(0)} s; ${figures(mqtt)}`);
  });
});
