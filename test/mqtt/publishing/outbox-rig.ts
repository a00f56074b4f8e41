import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { IClientOptions } from "mqtt";
import { expect } from "vitest";
import type { MqttSettings } from "../../../src/config/index.ts";
import { createLog } from "../../../src/log/log.ts";
import type { MqttOptions } from "../../../src/mqtt/index.ts";
import type { DeviceInfo, Scrape } from "../../../src/points/index.ts";
import { openQueue as openQueueFile, type Queue, type QueueOptions } from "../../../src/queue/index.ts";
import { endings } from "../../helpers/endings.ts";
import type { Mosquitto } from "../../helpers/mosquitto.ts";
import { type Recorded, Recorder } from "../../helpers/mqtt-recorder.ts";
import { TcpProxy } from "../../helpers/tcp-proxy.ts";
import { device, point, type Rig, scrape, startRig } from "../rig.ts";

export async function proxyBefore(mosquitto: Mosquitto): Promise<{ proxy: TcpProxy; url: string }> {
  const proxy = await TcpProxy.before(mosquitto.port);
  endings.push(() => proxy.close());
  return { proxy, url: `mqtt://127.0.0.1:${proxy.port}` };
}

export async function listen(
  mosquitto: Mosquitto,
  filter = "devices/+/+/all",
  options: IClientOptions = {},
): Promise<Recorder> {
  const ear = await Recorder.connect(mosquitto.url, { protocolVersion: 5, ...options }, filter);
  endings.push(() => ear.close());
  return ear;
}

const ONLY_ALL = { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false };

/** Four stations of forty points: the values say which scrape it was. */
export const STATIONS = ["a", "b", "c", "d"].map((name) =>
  device(
    `site/${name}`,
    Array.from({ length: 40 }, (_, i) => point(`p${i}`, { units: "kW" })),
    { publish: ONLY_ALL },
  ),
);
const DEVICES = new Map(STATIONS.map((station) => [station.path, station]));

/** A scrape whose time and values say that it is the n-th. */
export function numbered(station: DeviceInfo, n: number): Scrape {
  const takenAt = new Date(Date.UTC(2026, 10, 21) + n * 1000);
  const values = Object.fromEntries([...station.points.keys()].map((name) => [name, n]));
  return scrape(station, values, { takenAt, synchronizedAt: takenAt });
}

/** What the test handed over, to be found again at a subscriber and in the counters. */
export class Ledger {
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

export async function eventually(holds: () => Promise<unknown>, deadlineMs = 8000): Promise<void> {
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
export async function openQueue(options: Partial<QueueOptions> = {}): Promise<Queue> {
  const folder = mkdtempSync(join(tmpdir(), "outbox-"));
  const log = createLog({ level: "silent" });
  const queue = await openQueueFile({ file: join(folder, "outbox.sqlite"), log, ...options });
  endings.push(async () => {
    await queue.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return queue;
}

export async function start(
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
export function heard(ear: Recorder, topic: string): Heard[] {
  const found = new Map<number, Heard>();
  for (const message of ear.on(topic)) {
    const one = read(message);
    if (!found.has(one.n)) found.set(one.n, one);
  }
  return [...found.values()];
}

export function read({ text, retained }: Recorded): Heard {
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
export function expectAll(ear: Recorder, ledger: Ledger): void {
  for (const [topic, numbers] of ledger.emitted) {
    const came = heard(ear, topic);
    expect(came.map(({ n }) => n).sort((a, b) => a - b)).toEqual(numbers);
    for (const late of [true, false]) {
      const inOrder = came.filter((one) => one.late === late).map(({ n }) => n);
      expect(inOrder).toEqual([...inOrder].sort((a, b) => a - b));
    }
  }
}
