import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import type { MqttSettings } from "../../src/config/settings.ts";
import { createLog } from "../../src/log.ts";
import type { MqttOptions } from "../../src/mqtt/index.ts";
import { readingRecord } from "../../src/mqtt/reading.ts";
import type { DeviceInfo, Scrape } from "../../src/points/index.ts";
import { openQueue as openQueueFile, type Queue, type QueueOptions } from "../../src/queue/index.ts";
import { Mosquitto, type MosquittoOptions, mosquittoInstalled } from "../helpers/mosquitto.ts";
import { type Recorded, Recorder } from "../helpers/mqtt-recorder.ts";
import { TcpProxy } from "../helpers/tcp-proxy.ts";
import { connected, device, point, type Rig, scrape, startRig, until } from "./rig.ts";

const endings: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

async function broker(options: MosquittoOptions = {}): Promise<Mosquitto> {
  const mosquitto = await Mosquitto.run(options);
  endings.push(() => mosquitto.dispose());
  return mosquitto;
}

async function proxyBefore(mosquitto: Mosquitto): Promise<{ proxy: TcpProxy; url: string }> {
  const proxy = await TcpProxy.before(mosquitto.port);
  endings.push(() => proxy.close());
  return { proxy, url: `mqtt://127.0.0.1:${proxy.port}` };
}

async function listen(mosquitto: Mosquitto, filter = "devices/+/+/all"): Promise<Recorder> {
  const ear = await Recorder.connect(mosquitto.url, { protocolVersion: 5 }, filter);
  endings.push(() => ear.close());
  return ear;
}

const ONLY_ALL = { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false };

/** Four stations of forty points: the values say which scrape it was. */
const STATIONS = ["a", "b", "c", "d"].map((name) =>
  device(
    `site/${name}`,
    Array.from({ length: 40 }, (_, i) => point(`p${i}`, { units: "kW" })),
    { publish: ONLY_ALL },
  ),
);
const DEVICES = new Map(STATIONS.map((station) => [station.path, station]));

/** A scrape whose time and values say that it is the n-th. */
function numbered(station: DeviceInfo, n: number): Scrape {
  const takenAt = new Date(Date.UTC(2026, 10, 21) + n * 1000);
  const values = Object.fromEntries([...station.points.keys()].map((name) => [name, n]));
  return scrape(station, values, { takenAt, synchronizedAt: takenAt });
}

/** What the test handed over, to be found again at a subscriber and in the counters. */
class Ledger {
  readonly rig: Rig;
  readonly queue: Queue;
  readonly emitted = new Map<string, number[]>();
  #next = 0;

  constructor(rig: Rig, queue: Queue) {
    this.rig = rig;
    this.queue = queue;
  }

  /** One scrape of every station. */
  round(): number {
    const n = this.#next++;
    for (const station of STATIONS) {
      const topic = `devices/${station.path}/all`;
      const known = this.emitted.get(topic) ?? [];
      this.emitted.set(topic, known);
      known.push(n);
      this.rig.bus.emit("scrape", numbered(station, n));
    }
    return n;
  }

  get messages(): number {
    return this.#next * STATIONS.length;
  }

  /** Waits until everything is on disk. */
  accepted(): Promise<void> {
    return eventually(async () => expect((await this.queue.counters()).accepted).toBe(this.messages * 40));
  }

  /** Waits until everything is delivered, and compares books. */
  async balance(more: { dead?: number } = {}): Promise<void> {
    const dead = more.dead ?? 0;
    const all = this.messages * 40;
    await eventually(async () => {
      const { accepted, delivered, waiting, deadLettered, dropped } = await this.queue.counters();
      expect({ accepted, delivered, waiting, dropped }).toEqual({
        ...{ accepted: all, delivered: all - dead, waiting: 0, dropped: {} },
      });
      expect(Object.values(deadLettered).reduce((sum, n) => sum + n, 0)).toBe(dead);
    });
    await eventually(async () => expect(this.rig.mqtt.outbox).toEqual(await this.queue.counters()));
  }
}

async function eventually(holds: () => Promise<unknown>, deadlineMs = 8000): Promise<void> {
  const end = Date.now() + deadlineMs;
  for (;;) {
    try {
      await holds();
      return;
    } catch (error) {
      if (Date.now() > end) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** A queue on disk, in a folder of its own. */
async function openQueue(options: Partial<QueueOptions> = {}): Promise<Queue> {
  const folder = mkdtempSync(join(tmpdir(), "outbox-"));
  const log = createLog({ level: "silent" });
  const queue = await openQueueFile({ file: join(folder, "outbox.sqlite"), log, ...options });
  endings.push(async () => {
    await queue.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return queue;
}

async function start(
  settings: Partial<MqttSettings>,
  more: Partial<MqttOptions> & { outbox?: Queue } = {},
): Promise<Ledger> {
  const queue = more.outbox ?? (await openQueue());
  const rig = await startRig(
    { state: "off", ...settings },
    { devices: DEVICES, outbox: queue, now: () => new Date(), ...more },
  );
  endings.push(() => rig.mqtt.stop());
  return new Ledger(rig, queue);
}

interface Heard {
  readonly n: number;
  readonly late: boolean;
  readonly retained: boolean;
}

/** The readings of a topic as a subscriber had them, first deliveries only. */
function heard(ear: Recorder, topic: string): Heard[] {
  const found = new Map<number, Heard>();
  for (const message of ear.on(topic)) {
    const one = read(message);
    if (!found.has(one.n)) found.set(one.n, one);
  }
  return [...found.values()];
}

function read({ text, retained }: Recorded): Heard {
  const [values, , headers] = JSON.parse(text) as [
    { p0: number },
    unknown,
    { TimeStamp: string; Late?: true },
  ];
  const n = values.p0;
  expect(headers.TimeStamp).toBe(
    new Date(Date.UTC(2026, 10, 21) + n * 1000).toISOString().replace("Z", "000+00:00"),
  );
  return { n, late: headers.Late === true, retained };
}

/** Every reading has come, each kind in its order. */
function expectAll(ear: Recorder, ledger: Ledger): void {
  for (const [topic, numbers] of ledger.emitted) {
    const came = heard(ear, topic);
    expect(came.map(({ n }) => n).sort((a, b) => a - b)).toEqual(numbers);
    for (const late of [true, false]) {
      const inOrder = came.filter((one) => one.late === late).map(({ n }) => n);
      expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
    }
  }
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
    const waiting = 20_000;
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
});
