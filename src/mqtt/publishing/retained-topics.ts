import { isDeepStrictEqual } from "node:util";
import { asLevel } from "../../config/devices/topic-template.ts";
import type { MqttSettings } from "../../config/index.ts";
import type { Log } from "../../log/log.ts";
import { type DeviceInfo, type PointValue, type PublishViews, portsOf } from "../../points/index.ts";
import type { DirectSender } from "../broker/direct-sender.ts";
import type { Link } from "../broker/link.ts";
import { isObject } from "../commands/command-payload.ts";
import type { OtherBridges } from "../commands/other-bridges.ts";
import { Topics } from "../topics.ts";

export interface RetainedTopicsOptions {
  readonly settings: Pick<MqttSettings, "state" | "retain" | "baseTopic">;
  readonly instance: string;
  readonly link: Link;
  readonly sender: DirectSender;
  readonly others: Pick<OtherBridges, "have">;
  /** The present devices, by path. */
  readonly devices: ReadonlyMap<string, DeviceInfo>;
  /** Record of what earlier runs published. Undefined: only topics that this run gives up are cleared. */
  readonly record?: RetainedRecord;
  readonly log: Log;
}

/** Time after a connect until other bridges are known, in milliseconds. */
const SETTLE_MS = 2000;
/** Time in which changes of the devices are recorded together, in milliseconds. */
const RECORD_MS = 1000;
const BATCH = 500;

/**
 * Clears retained topics that the bridge no longer publishes: of devices that are gone for good, and of points that were
 * renamed and views that were switched off since an earlier run. While the broker is away, it waits. Topics of a device that
 * another bridge has now are kept.
 */
export class RetainedTopics {
  readonly #options: RetainedTopicsOptions;
  /** Topics still to be cleared, each with the path of its device. */
  readonly #waiting = new Map<string, string>();
  /** Devices that are gone while the broker may retain topics of them, by path. */
  readonly #leaving = new Map<string, { readonly device: DeviceInfo; readonly forgotten: boolean }>();
  readonly #views = new Map<string, RetainedDevice["views"]>();
  #clearing = false;
  /** Whether the topics of earlier runs were compared, which is done once. */
  #compared = false;
  #settle: NodeJS.Timeout | undefined;
  #recordSoon: NodeJS.Timeout | undefined;

  constructor(options: RetainedTopicsOptions) {
    this.#options = options;
  }

  /** Records what will be published, beside what earlier runs published. Call it before anything is published. */
  start(): void {
    this.#record();
  }

  stop(): void {
    clearTimeout(this.#settle);
    if (this.#recordSoon) this.#record();
  }

  /** Call it when a device is gone. It may come back: its topics stay. */
  deviceGone(device: DeviceInfo): void {
    this.#leaving.set(device.path, { device, forgotten: false });
  }

  /** Clears the topics that the device no longer has. */
  deviceChanged(before: DeviceInfo, device: DeviceInfo): void {
    const topics = new Set(this.#topicsOf(device));
    for (const topic of topics) this.#waiting.delete(topic);
    for (const topic of this.#topicsOf(before)) if (!topics.has(topic)) this.#waiting.set(topic, device.path);
    void this.#clear();
    this.#changed();
  }

  clearDevice(device: DeviceInfo): void {
    this.#leaving.set(device.path, { device, forgotten: true });
    for (const topic of this.#topicsOf(device)) this.#waiting.set(topic, device.path);
    void this.#clear();
    this.#changed();
  }

  /** Keeps the topics of a device that is back. */
  keepDevice(path: string): void {
    this.#leaving.delete(path);
    for (const [topic, device] of this.#waiting) if (device === path) this.#waiting.delete(topic);
    this.#changed();
  }

  /** Records the devices soon. */
  #changed(): void {
    this.#recordSoon ??= setTimeout(() => this.#record(), RECORD_MS);
  }

  linkUp(): void {
    void this.#clear();
    clearTimeout(this.#settle);
    if (!this.#compared) this.#settle = setTimeout(() => this.#compare(), SETTLE_MS);
  }

  /** Finds topics that earlier runs published and this one does not. */
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
    // The topic of one device can be that of a point of another.
    if (old.size > 0)
      for (const device of devices.values()) for (const topic of this.#topicsOf(device)) old.delete(topic);
    for (const [topic, path] of old) if (!others.have({ path })) this.#waiting.set(topic, path);
    if (this.#waiting.size === 0) this.#record();
    else void this.#clear();
  }

  async #clear(): Promise<void> {
    const { link, sender } = this.#options;
    if (this.#clearing) return;
    this.#clearing = true;
    let dropped = false;
    while (link.up && !dropped && this.#waiting.size > 0) {
      const batch = [...this.#waiting.keys()].slice(0, BATCH);
      const sent = batch.map(async (topic) => {
        const outcome = await sender.send({ topic, payload: "", qos: 1, retain: true });
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
    // Until every old topic is cleared, the next run needs the earlier records too.
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

  #published({ path, points, publish, readsAlarms, stationID }: DeviceInfo): RetainedDevice {
    const { settings, instance } = this.#options;
    const { state, retain, baseTopic } = settings;
    const ports = stationID === undefined ? NO_PORTS : portNames(points);
    const flags = JSON.stringify([publish, readsAlarms, ports]);
    const views = this.#views.get(flags) ?? {
      ...{ baseTopic, state, ...(retain && { publish }) },
      own: { instance, alarms: readsAlarms === true, ports },
    };
    this.#views.set(flags, views);
    return { path, points: namesOf(points), views };
  }
}

/** Names by map of points, which devices of one registry share. */
const known = new WeakMap<DeviceInfo["points"], readonly string[]>();

function namesOf(points: DeviceInfo["points"]): readonly string[] {
  const names =
    known.get(points) ?? [...points.values()].filter((p) => p.publish !== "never").map(({ name }) => name);
  known.set(points, names);
  return names;
}

const NO_PORTS: readonly string[] = [];

/** Returns the levels of the ports in topics. */
function portNames(points: DeviceInfo["points"]): readonly string[] {
  return portsOf(points).ports.map(({ port }) => asLevel(port!));
}

/** What is published with retain of one device. */
interface RetainedDevice {
  readonly path: string;
  /** Names of the published points. */
  readonly points: readonly string[];
  readonly views: RetainedViews;
}

interface RetainedViews {
  readonly baseTopic: string;
  readonly state: MqttSettings["state"];
  /** Undefined: nothing of the VOLTTRON view is retained. */
  readonly publish?: PublishViews;
  /** What is published below `voltbridge/<instance>`. Undefined in records of earlier versions, which published nothing there. */
  readonly own?: {
    readonly instance: string;
    readonly alarms: boolean;
    readonly ports: readonly string[];
  };
}

/** Devices that differ in their paths only. */
interface Group extends Omit<RetainedDevice, "path"> {
  readonly paths: readonly string[];
}

/** A durable map of JSON values. */
export interface RetainedStore {
  get(key: string): PointValue;
  set(key: string, value: PointValue): void;
}

const KEY = "published";

/** Remembers over restarts what was published with retain. */
export class RetainedRecord {
  readonly #store: RetainedStore;
  readonly #earlier: readonly Group[];
  #saved: PointValue;

  constructor(store: RetainedStore) {
    this.#store = store;
    this.#saved = store.get(KEY);
    this.#earlier = Array.isArray(this.#saved) ? this.#saved.flatMap((one) => groupOf(one) ?? []) : [];
  }

  /** Returns the devices of earlier runs. */
  *earlier(): Generator<RetainedDevice> {
    for (const { paths, points, views } of this.#earlier)
      for (const path of paths) yield { path, points, views };
  }

  /** Throws where it cannot be written. */
  save(devices: readonly RetainedDevice[], withEarlier: boolean): void {
    const groups = [...(withEarlier ? this.#earlier : []), ...grouped(devices)];
    const value = JSON.parse(JSON.stringify(groups)) as PointValue;
    if (isDeepStrictEqual(value, this.#saved)) return;
    this.#store.set(KEY, value);
    this.#saved = value;
  }
}

function retainedTopics({ path, points, views }: RetainedDevice): string[] {
  const { baseTopic, state, publish, own } = views;
  const topics = new Topics(own?.instance ?? "", baseTopic);
  const found = [topics.availability(path)];
  if (own) found.push(topics.ofDevice("availability", path));
  if (own?.alarms) found.push(topics.ofDevice("alarms", path));
  for (const port of own?.ports ?? []) found.push(topics.deviceEnergy(path, port));
  if (state === "json" || state === "both") found.push(topics.state(path));
  if (state === "attribute" || state === "both")
    found.push(...points.map((name) => topics.attribute(path, name)), topics.limitEnds(path));
  if (publish?.depthFirstAll) found.push(topics.allDepthFirst(path));
  if (publish?.breadthFirstAll) found.push(topics.allBreadthFirst(path));
  if (publish?.depthFirst) found.push(...points.map((name) => topics.pointDepthFirst(path, name)));
  if (publish?.breadthFirst) found.push(...points.map((name) => topics.pointBreadthFirst(path, name)));
  return found;
}

/** Groups devices by identity of points and views, which the devices of a fleet share. */
function grouped(devices: readonly RetainedDevice[]): Group[] {
  const groups: (Group & { readonly paths: string[] })[] = [];
  const known = new Map<readonly string[], Map<RetainedViews, string[]>>();
  for (const { path, points, views } of devices) {
    const byViews = known.get(points) ?? new Map<RetainedViews, string[]>();
    known.set(points, byViews);
    const paths = byViews.get(views);
    if (paths) paths.push(path);
    else {
      const group = { points, views, paths: [path] };
      byViews.set(views, group.paths);
      groups.push(group);
    }
  }
  return groups;
}

/** Reads a group; undefined where the value is not one, e.g. of another version. */
function groupOf(value: PointValue): Group | undefined {
  if (!isObject(value) || !isObject(value.views)) return undefined;
  const { paths, points, views } = value;
  const { baseTopic, state, publish, own } = views as Record<string, PointValue>;
  const known = (["json", "attribute", "both", "off"] as const).find((one) => one === state);
  if (!isTexts(paths) || !isTexts(points) || typeof baseTopic !== "string" || !known) return undefined;
  const retained = isObject(publish) && {
    depthFirstAll: publish.depthFirstAll === true,
    breadthFirstAll: publish.breadthFirstAll === true,
    depthFirst: publish.depthFirst === true,
    breadthFirst: publish.breadthFirst === true,
  };
  const ownViews = ownOf(own);
  return {
    ...{ paths, points },
    views: {
      ...{ baseTopic, state: known, ...(retained && { publish: retained }) },
      ...(ownViews && { own: ownViews }),
    },
  };
}

function ownOf(value: PointValue | undefined): RetainedViews["own"] {
  if (!isObject(value)) return undefined;
  const { instance, alarms, ports } = value;
  if (typeof instance !== "string" || typeof alarms !== "boolean" || !isTexts(ports)) return undefined;
  return { instance, alarms, ports };
}

function isTexts(value: PointValue | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
