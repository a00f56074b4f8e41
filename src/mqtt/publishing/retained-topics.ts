import { isDeepStrictEqual } from "node:util";
import type { MqttSettings } from "../../config/settings.ts";
import type { Log } from "../../log/log.ts";
import type { DeviceInfo } from "../../points/index.ts";
import type { Delivery } from "../broker/delivery.ts";
import type { Link } from "../broker/link.ts";
import type { OtherBridges } from "../commands/other-bridges.ts";
import { type RetainedDevice, type RetainedRecord, retainedTopics } from "../commands/retained-record.ts";

export interface RetainedTopicsOptions {
  readonly settings: Pick<MqttSettings, "state" | "retain" | "baseTopic">;
  readonly link: Link;
  readonly delivery: Delivery;
  readonly others: Pick<OtherBridges, "have">;
  /** The devices as they are now. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  /** What earlier runs published. Absent: only what goes while this one runs is cleared. */
  readonly record?: RetainedRecord;
  readonly log: Log;
}

/** How long after a connect other bridges may take to be heard of. */
const SETTLE_MS = 2000;
/** Changes of the devices that follow each other are recorded together. */
const RECORD_MS = 1000;
const BATCH = 500;

/**
 * Clears what the broker keeps on topics that the bridge no longer publishes: of devices that are gone for good, of points
 * that were renamed and of views that were switched off since an earlier run. While the broker is away, it waits; a topic
 * of a device that another bridge has now is left alone.
 */
export class RetainedTopics {
  readonly #options: RetainedTopicsOptions;
  /** Topics that are not known to be cleared, each with the path of its device. */
  readonly #waiting = new Map<string, string>();
  /** Devices that are gone, while the broker may keep something of them; by path. */
  readonly #leaving = new Map<string, { readonly device: DeviceInfo; readonly forgotten: boolean }>();
  readonly #views = new Map<string, RetainedDevice["views"]>();
  #clearing = false;
  /** What earlier runs published is compared once. */
  #compared = false;
  #settle: NodeJS.Timeout | undefined;
  #recordSoon: NodeJS.Timeout | undefined;

  constructor(options: RetainedTopicsOptions) {
    this.#options = options;
  }

  /** Records what will be published, beside what earlier runs did. Before anything is. */
  start(): void {
    this.#record();
  }

  stop(): void {
    clearTimeout(this.#settle);
    if (this.#recordSoon) this.#record();
  }

  /** The device may come back: its topics stay until it is known not to. */
  gone(device: DeviceInfo): void {
    this.#leaving.set(device.path, { device, forgotten: false });
  }

  clear(device: DeviceInfo): void {
    this.#leaving.set(device.path, { device, forgotten: true });
    for (const topic of this.#topicsOf(device)) this.#waiting.set(topic, device.path);
    void this.#clear();
    this.#changed();
  }

  /** The device is back: its topics are its own again. */
  keep(path: string): void {
    this.#leaving.delete(path);
    for (const [topic, device] of this.#waiting) if (device === path) this.#waiting.delete(topic);
    this.#changed();
  }

  /** The devices are others than those recorded. */
  #changed(): void {
    this.#recordSoon ??= setTimeout(() => this.#record(), RECORD_MS);
  }

  linkUp(): void {
    void this.#clear();
    clearTimeout(this.#settle);
    if (!this.#compared) this.#settle = setTimeout(() => this.#compare(), SETTLE_MS);
  }

  /** Adds what earlier runs published and this one does not. */
  #compare(): void {
    const { record, others, devices } = this.#options;
    this.#compared = true;
    const old = new Map<string, string>();
    for (const device of record?.earlier() ?? []) {
      const now = devices.get(device.path);
      if (now && isDeepStrictEqual(device, this.#published(now))) continue;
      const own = new Set(now && this.#topicsOf(now));
      for (const topic of retainedTopics(device)) if (!own.has(topic)) old.set(topic, device.path);
    }
    // The topic of a device can be that of a point elsewhere.
    if (old.size > 0)
      for (const device of devices.values()) for (const topic of this.#topicsOf(device)) old.delete(topic);
    for (const [topic, path] of old) if (!others.have({ path })) this.#waiting.set(topic, path);
    if (this.#waiting.size === 0) this.#record();
    else void this.#clear();
  }

  async #clear(): Promise<void> {
    const { link, delivery } = this.#options;
    if (this.#clearing) return;
    this.#clearing = true;
    let dropped = false;
    while (link.up && !dropped && this.#waiting.size > 0) {
      const batch = [...this.#waiting.keys()].slice(0, BATCH);
      const sent = batch.map(async (topic) => {
        const outcome = await delivery.send({ topic, payload: "", qos: 1, retain: true });
        if (outcome === "dropped") dropped = true;
        else this.#waiting.delete(topic);
      });
      await Promise.all(sent);
      if (this.#waiting.size === 0 && this.#compared) this.#record();
    }
    this.#clearing = false;
  }

  #record(): void {
    clearTimeout(this.#recordSoon);
    this.#recordSoon = undefined;
    const { record, devices, log } = this.#options;
    // Until everything old is cleared, the next run has to know of it.
    const isCleared = this.#compared && this.#waiting.size === 0;
    if (this.#waiting.size === 0)
      for (const [path, { forgotten }] of this.#leaving) if (forgotten) this.#leaving.delete(path);
    const leaving = [...this.#leaving.values()].map(({ device }) => device);
    const published = [...devices.values(), ...leaving].map((device) => this.#published(device));
    try {
      record?.save(published, !isCleared);
    } catch (err) {
      log.error("cannot record what the broker retains; topics of devices that are removed may stay there", {
        err,
      });
    }
  }

  #topicsOf(device: DeviceInfo): string[] {
    return retainedTopics(this.#published(device));
  }

  #published({ path, points, publish }: DeviceInfo): RetainedDevice {
    const { state, retain, baseTopic } = this.#options.settings;
    const flags = JSON.stringify(publish);
    const views = this.#views.get(flags) ?? { baseTopic, state, ...(retain && { publish }) };
    this.#views.set(flags, views);
    return { path, points: namesOf(points), views };
  }
}

/** Devices of one registry have their points in common. */
const known = new WeakMap<DeviceInfo["points"], readonly string[]>();

function namesOf(points: DeviceInfo["points"]): readonly string[] {
  const names =
    known.get(points) ?? [...points.values()].filter((p) => p.publish !== "never").map(({ name }) => name);
  known.set(points, names);
  return names;
}
