import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { readingRecord } from "../../../src/mqtt/publishing/reading.ts";
import { isFull } from "../../faults/scale.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { Mosquitto, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { connected, until } from "../rig.ts";
import {
  eventually,
  expectAll,
  heard,
  listen,
  numbered,
  openQueue,
  proxyBefore,
  read,
  STATIONS,
  start,
} from "./outbox-rig.ts";

const QUICK = { firstPauseMs: 50, longestPauseMs: 200, stableMs: 100, connectTimeoutMs: 2000 };

/** What is in use within this process. Bytes. */
function memory(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

describe.skipIf(!mosquittoInstalled)("nothing is lost between bridge and broker", () => {
  for (const [version, signal] of [
    [5, "stop"],
    [4, "kill"],
  ] as const)
    test(`A1, A28: MQTT ${version}: the broker is ended (${signal}) and comes back`, async () => {
      const mosquitto = await broker();
      const { proxy, url } = await proxyBefore(mosquitto);
      const ledger = await start({ url, protocolVersion: version, retain: true });
      await connected(ledger.rig.mqtt);
      const before = await listen(mosquitto);
      for (let i = 0; i < 20; i++) ledger.round();
      await until(() => before.messages.length === ledger.messages, "live values");
      expectAll(before, ledger);
      expect(before.messages.some((message) => read(message).late)).toBe(false);

      proxy.refusing = true;
      await mosquitto[signal]();
      await until(() => !ledger.rig.mqtt.connected, "the loss is noticed");
      const first = ledger.round();
      for (let i = 0; i < 200; i++) ledger.round();
      await ledger.accepted();
      await mosquitto.start();
      const ear = await listen(mosquitto);
      proxy.refusing = false;
      const backAt = performance.now();
      await until(() => ear.messages.length > 0, "the first delivery");
      expect(performance.now() - backAt).toBeLessThan(2000);
      const live = ledger.round();
      await ledger.balance();
      for (const [topic, numbers] of ledger.emitted) {
        await until(() => heard(ear, topic).length === numbers.length - first, `all of ${topic}`);
        const came = heard(ear, topic);
        expect(came.filter(({ late }) => late).map(({ n }) => n)).toEqual(numbers.slice(first, -1));
        expect(came.filter(({ late }) => !late)).toEqual([{ n: live, late: false, retained: false }]);
      }
      // What the broker keeps is the newest, and no late one.
      const later = await listen(mosquitto);
      await until(() => later.messages.length === STATIONS.length, "what is retained");
      expect(later.messages.map((message) => read(message).n)).toEqual(STATIONS.map(() => live));
    });

  test("A3: a connection that is reset again and again loses nothing and repeats little", async () => {
    const mosquitto = await broker();
    const { proxy, url } = await proxyBefore(mosquitto);
    const ledger = await start({ url });
    await connected(ledger.rig.mqtt);
    const ear = await listen(mosquitto);
    const resets = 8;
    for (let i = 0; i < resets; i++) {
      for (let k = 0; k < 25; k++) ledger.round();
      await new Promise((resolve) => setTimeout(resolve, 5 * i));
      proxy.cut();
      await until(() => !ledger.rig.mqtt.connected, "the loss is noticed");
      await connected(ledger.rig.mqtt);
    }
    await ledger.balance();
    expectAll(ear, ledger);
    expect(ear.messages.length - ledger.messages).toBeLessThanOrEqual(resets * 256);
  });

  test("A21: a stop with a backlog and no broker is quick; the next run delivers it, the broker says offline", async () => {
    const mosquitto = await Mosquitto.prepare();
    endings.push(() => mosquitto.dispose());
    const queue = await openQueue();
    const first = await start({ url: mosquitto.url }, { outbox: queue });
    for (let i = 0; i < 500; i++) first.round();
    await first.accepted();
    const stopped = performance.now();
    await first.rig.mqtt.stop();
    expect(performance.now() - stopped).toBeLessThan(1000);
    expect((await queue.counters()).waiting).toBe(first.messages * 40);

    await mosquitto.start();
    const ear = await listen(mosquitto, "#");
    const second = await start({ url: mosquitto.url }, { outbox: queue });
    await eventually(async () => expect((await queue.counters()).waiting).toBe(0));
    expectAll(ear, first);
    await second.rig.mqtt.stop();
    await ear.find("voltbridge/bridge-1/state", ({ text }) => text === "offline");
  });

  test("A25: live values are on time while a backlog drains", async () => {
    const mosquitto = await broker();
    const queue = await openQueue();
    const [station] = STATIONS;
    const waiting = isFull ? 20_000 : 6000;
    for (let done = 0; done < waiting; done += 1000)
      await queue.append(
        Array.from({ length: 1000 }, (_, i) => {
          const { takenAt } = numbered(station!, done + i);
          return readingRecord({
            ...{ topic: "devices/site/old/all", body: [`{"p0":${done + i}}`, "{}"], samples: 1 },
            headers: JSON.stringify({ TimeStamp: takenAt.toISOString().replace("Z", "000+00:00") }),
            time: takenAt.getTime(),
          });
        }),
      );
    const ear = await listen(mosquitto);
    const ledger = await start({ url: mosquitto.url }, { outbox: queue });
    await connected(ledger.rig.mqtt);
    const lags: number[] = [];
    let live = 0;
    ear.client.on("message", (topic) => {
      if (topic !== "devices/site/old/all") live++;
    });
    while (ear.messages.length - live < waiting) {
      ledger.round();
      const sent = performance.now();
      await until(() => live === ledger.messages, "live values");
      lags.push(performance.now() - sent);
    }
    await until(() => ear.messages.length === waiting + live, "everything");
    await eventually(async () => expect((await queue.counters()).waiting).toBe(0));
    expect(lags.length).toBeGreaterThan(5);
    expect(Math.max(...lags)).toBeLessThan(2000);
    const came = heard(ear, "devices/site/old/all");
    expect(came.map(({ n }) => n)).toEqual(Array.from({ length: waiting }, (_, i) => i));
    expect(came.every(({ late }) => late)).toBe(true);
    const { accepted, delivered } = await queue.counters();
    expect([accepted, delivered]).toEqual([waiting + ledger.messages * 40, waiting + ledger.messages * 40]);
  });

  test("A6: a broker that keeps its state is killed again and again: what it had not acknowledged comes", async () => {
    const config = [
      "persistence true",
      "autosave_interval 1",
      "autosave_on_changes true",
      "max_queued_messages 0",
    ];
    const mosquitto = await Mosquitto.prepare({ config: [...config] });
    endings.push(() => mosquitto.dispose());
    await mosquitto.start();
    const { proxy, url } = await proxyBefore(mosquitto);
    const kept = { clean: false, clientId: "keeper", properties: { sessionExpiryInterval: 3600 } };
    const ear = await listen(mosquitto, "devices/+/+/all", kept);
    const ledger = await start({ url });
    for (let round = 0; round < 3; round++) {
      proxy.refusing = false;
      await connected(ledger.rig.mqtt);
      for (let i = 0; i < 50; i++) ledger.round();
      proxy.refusing = true;
      await mosquitto.kill();
      await until(() => !ledger.rig.mqtt.connected, "the loss is noticed");
      const first = ledger.round();
      for (let i = 0; i < 50; i++) ledger.round();
      await ledger.accepted();
      await mosquitto.start();
      await until(() => ear.client.connected, "the subscriber is back");
      await ear.client.subscribeAsync("devices/+/+/all", { qos: 1 });
      proxy.refusing = false;
      for (const [topic, numbers] of ledger.emitted) {
        const outage = numbers.filter((n) => n >= first).length;
        await until(
          () => heard(ear, topic).filter(({ n }) => n >= first).length === outage,
          `all of ${topic}`,
        );
      }
    }
    await ledger.balance();
  });

  test("A2: a broker that hangs costs no memory: what it does not take is on disk", async () => {
    const mosquitto = await broker();
    const ledger = await start({ url: mosquitto.url }, { times: { ...QUICK, publishTimeoutMs: 1500 } });
    await connected(ledger.rig.mqtt);
    ledger.round();
    await ledger.balance();
    mosquitto.pause();
    const before = memory();
    // About 40 MB of messages.
    for (let i = 0; i < 2500; i++) {
      ledger.round();
      if (i % 100 === 0) await ledger.accepted();
    }
    await ledger.accepted();
    expect(memory() - before).toBeLessThan(30e6);
    await until(() => !ledger.rig.mqtt.connected, "the loss is noticed");
    mosquitto.resume();
    await ledger.balance();
  });
});
