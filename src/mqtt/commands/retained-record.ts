import { isDeepStrictEqual } from "node:util";
import type { MqttSettings } from "../../config/settings.ts";
import type { PointValue, PublishViews } from "../../points/index.ts";
import { Topics } from "../topics.ts";
import { isObject } from "./command-payload.ts";

/** What of a device is published with retain. */
export interface RetainedDevice {
  readonly path: string;
  /** Names of the published points. */
  readonly points: readonly string[];
  readonly views: RetainedViews;
}

interface RetainedViews {
  readonly baseTopic: string;
  readonly state: MqttSettings["state"];
  /** Absent: nothing of the VOLTTRON view is retained. */
  readonly publish?: PublishViews;
}

/** Devices that have all but their paths in common. */
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

  /** The devices of earlier runs. */
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

export function retainedTopics({ path, points, views }: RetainedDevice): string[] {
  const { baseTopic, state, publish } = views;
  const topics = new Topics("", baseTopic);
  const found = [topics.availability(path)];
  if (state === "json" || state === "both") found.push(topics.state(path));
  if (state === "attribute" || state === "both")
    found.push(...points.map((name) => topics.attribute(path, name)));
  if (publish?.depthFirstAll) found.push(topics.allDepthFirst(path));
  if (publish?.breadthFirstAll) found.push(topics.allBreadthFirst(path));
  if (publish?.depthFirst) found.push(...points.map((name) => topics.pointDepthFirst(path, name)));
  if (publish?.breadthFirst) found.push(...points.map((name) => topics.pointBreadthFirst(path, name)));
  return found;
}

/** By the very same points and views, which a fleet's devices share. */
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

/** Undefined where it is none, e.g. of another version. */
function groupOf(value: PointValue): Group | undefined {
  if (!isObject(value) || !isObject(value.views)) return undefined;
  const { paths, points, views } = value;
  const { baseTopic, state, publish } = views as Record<string, PointValue>;
  const known = (["json", "attribute", "both", "off"] as const).find((one) => one === state);
  if (!isTexts(paths) || !isTexts(points) || typeof baseTopic !== "string" || !known) return undefined;
  const retained = isObject(publish) && {
    depthFirstAll: publish.depthFirstAll === true,
    breadthFirstAll: publish.breadthFirstAll === true,
    depthFirst: publish.depthFirst === true,
    breadthFirst: publish.breadthFirst === true,
  };
  return { paths, points, views: { baseTopic, state: known, ...(retained && { publish: retained }) } };
}

function isTexts(value: PointValue | undefined): value is string[] {
  return Array.isArray(value) && value.every((one) => typeof one === "string");
}
