import type { MqttSettings } from "../config/settings.ts";
import type { DeviceInfo } from "../points/index.ts";
import type { Delivery } from "./delivery.ts";
import type { Link } from "./link.ts";
import type { Topics } from "./topics.ts";

export interface RetainedTopicsOptions {
  readonly settings: Pick<MqttSettings, "state" | "retain">;
  readonly topics: Topics;
  readonly link: Link;
  readonly delivery: Delivery;
}

/** Clears what the broker keeps of devices that are gone for good; while the broker is away, it waits. */
export class RetainedTopics {
  readonly #options: RetainedTopicsOptions;
  /** Gone devices whose topics are not known to be cleared, by path. */
  readonly #waiting = new Map<string, DeviceInfo>();

  constructor(options: RetainedTopicsOptions) {
    this.#options = options;
  }

  clear(device: DeviceInfo): void {
    this.#waiting.set(device.path, device);
    if (this.#options.link.up) void this.#send(device);
  }

  /** The device is back: its topics are its own again. */
  keep(path: string): void {
    this.#waiting.delete(path);
  }

  linkUp(): void {
    for (const device of this.#waiting.values()) void this.#send(device);
  }

  async #send(device: DeviceInfo): Promise<void> {
    const { delivery } = this.#options;
    const outcomes = await Promise.all(
      this.#topicsOf(device).map((topic) => delivery.send({ topic, payload: "", qos: 1, retain: true })),
    );
    if (!outcomes.includes("dropped") && this.#waiting.get(device.path) === device)
      this.#waiting.delete(device.path);
  }

  #topicsOf({ path, points, publish }: DeviceInfo): string[] {
    const { topics, settings } = this.#options;
    const names = [...points.values()].filter((p) => p.publish !== "never").map(({ name }) => name);
    const found = [topics.availability(path)];
    if (settings.state === "json" || settings.state === "both") found.push(topics.state(path));
    if (settings.state === "attribute" || settings.state === "both")
      found.push(...names.map((name) => topics.attribute(path, name)));
    if (!settings.retain) return found;
    if (publish.depthFirstAll) found.push(topics.allDepthFirst(path));
    if (publish.breadthFirstAll) found.push(topics.allBreadthFirst(path));
    if (publish.depthFirst) found.push(...names.map((name) => topics.pointDepthFirst(path, name)));
    if (publish.breadthFirst) found.push(...names.map((name) => topics.pointBreadthFirst(path, name)));
    return found;
  }
}
