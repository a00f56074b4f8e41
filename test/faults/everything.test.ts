import { setTimeout as delay } from "node:timers/promises";
import { afterEach, describe, expect, test } from "vitest";
import { influxInstalled } from "../helpers/influxdb.ts";
import { mosquittoInstalled } from "../helpers/mosquitto.ts";
import { Rig } from "../helpers/rig.ts";
import { figures } from "./figures.ts";
import { rounds, soakMinutes } from "./scale.ts";

describe.skipIf(!mosquittoInstalled || !influxInstalled)("broker, store and service", () => {
  let rig: Rig;
  afterEach(() => rig.end());

  test("A6: are killed with -9 in random order", async ({ annotate }) => {
    rig = await Rig.start({ store: "influxdb", careful: true });
    await rig.startService();
    await rig.startBridge();
    await rig.heard(2);
    const away = () => Math.random() * 1500;
    const kill = {
      broker: () => rig.restartBroker("kill", away()),
      store: async () => {
        await rig.influxd!.kill();
        await delay(away());
        await rig.influxd!.start();
      },
      service: async () => {
        await rig.killService();
        await delay(away());
        await rig.startService();
      },
    };
    const all = () => Promise.all(Object.values(kill).map((one) => one()));
    const choices = [...Object.values(kill), all];
    for (let round = 0; round < rounds(20); round++) {
      await choices[Math.floor(Math.random() * choices.length)]!();
      await delay(500 + Math.random() * 2000);
    }
    await rig.heard(1);
    // What the broker had acknowledged before it died is the broker's.
    const { mqtt, historian } = await rig.balance({ lost: Number.POSITIVE_INFINITY });
    expect([historian.waiting, historian.left, mqtt.waiting]).toEqual([0, 0, 0]);
    await annotate(`historian: ${figures(historian)}`);
    await annotate(
      `MQTT: ${mqtt.delivered} of ${mqtt.accepted} heard; ${mqtt.left} were acknowledged by a broker that then died`,
    );
  });

  test("A1, A2, A3, A9, A28: broker and store are stopped, stalled and cut at random for minutes: the balance is zero", async ({
    annotate,
  }) => {
    rig = await Rig.start({ stations: 20, intervalSeconds: 2, store: "influxdb" });
    await rig.startService();
    await rig.startBridge();
    await rig.heard(2);
    const { broker, influxd, toBroker, toStore } = rig;
    const wait = (least: number, most: number) => delay(least + Math.random() * (most - least));
    const proxied = (proxy: NonNullable<typeof toStore>) => ({
      cut: async () => proxy.cut(),
      refuse: async () => {
        proxy.refusing = true;
        proxy.cut();
        await wait(1000, 12_000);
        proxy.heal();
      },
      hold: async () => {
        proxy.trouble = { kind: "hold" };
        await wait(1000, 25_000);
        proxy.heal();
      },
      drip: async () => {
        proxy.trouble = { kind: "drip", bytesPerSecond: 2000 };
        await wait(1000, 12_000);
        proxy.heal();
      },
      flap: async () => {
        proxy.cutEvery(700);
        await wait(1000, 12_000);
        proxy.heal();
      },
    });
    const stalled = (server: { pause(): void; resume(): void }) => async () => {
      server.pause();
      await wait(1000, 25_000);
      server.resume();
    };
    const troubles = {
      broker: {
        ...proxied(toBroker),
        stop: () => rig.restartBroker("stop", Math.random() * 12_000),
        stall: stalled(broker),
      },
      store: {
        ...proxied(toStore!),
        stop: async () => {
          await influxd!.kill();
          await wait(0, 12_000);
          await influxd!.start();
        },
        stall: stalled(influxd!),
        "cut the answer": async () => {
          toStore!.trouble = { kind: Math.random() < 0.5 ? "cut-body" : "hold-body", bytes: 0 };
          await wait(1000, 25_000);
          toStore!.heal();
        },
      },
    };
    const end = Date.now() + soakMinutes * 60_000;
    const counts: Record<string, number> = {};
    const suffer = async (name: string, kinds: Record<string, () => Promise<unknown>>) => {
      const names = Object.keys(kinds);
      while (Date.now() < end) {
        const kind = names[Math.floor(Math.random() * names.length)]!;
        counts[`${name} ${kind}`] = (counts[`${name} ${kind}`] ?? 0) + 1;
        await kinds[kind]!();
        await wait(500, 6000);
      }
    };
    let largest = 0;
    const watch = setInterval(() => {
      largest = Math.max(largest, rig.rss);
    }, 1000);
    try {
      await Promise.all(Object.entries(troubles).map(([name, kinds]) => suffer(name, kinds)));
      await rig.heard(1);
    } finally {
      clearInterval(watch);
    }
    const { mqtt, historian } = await rig.balance();
    expect([mqtt.waiting, mqtt.left, historian.waiting, historian.left]).toEqual([0, 0, 0, 0]);
    await annotate(
      `${soakMinutes} minutes, ${Object.values(counts).reduce((a, b) => a + b, 0)} troubles, at most ${Math.round(largest / 1e6)} MB`,
    );
    await annotate(`MQTT: ${figures(mqtt)}`);
    await annotate(`historian: ${figures(historian)}`);
  });
});
