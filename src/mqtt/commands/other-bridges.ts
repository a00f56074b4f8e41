import type { Incoming, Link } from "../broker/link.ts";
import { parseJson } from "../payloads.ts";
import type { DeviceTarget, PointTarget, Topics } from "../topics.ts";

/**
 * The devices of the other bridges that are online at this broker, by their `voltbridge/<instance>/info` and `…/state`.
 * Those bridges answer commands for them.
 */
export class OtherBridges {
  readonly #link: Link;
  readonly #own: readonly string[];
  readonly #filters: readonly string[];
  /** By the common prefix of a bridge's topics. */
  readonly #devices = new Map<string, readonly string[]>();
  readonly #offline = new Set<string>();
  #unsubscribe: (() => void) | undefined;

  constructor(link: Link, topics: Topics, everybody: Topics) {
    this.#link = link;
    this.#own = [topics.own("info"), topics.own("state")];
    this.#filters = [everybody.own("info"), everybody.own("state")];
  }

  start(): void {
    this.#unsubscribe = this.#link.subscribe({
      filters: this.#filters,
      onMessage: (message) => this.#hear(message),
    });
  }

  stop(): void {
    this.#unsubscribe?.();
  }

  have({ path, point }: PointTarget | DeviceTarget): boolean {
    const whole = point === undefined ? path : `${path}/${point}`;
    return [...this.#devices].some(
      ([bridge, paths]) =>
        !this.#offline.has(bridge) &&
        paths.some((known) => (point === undefined ? whole === known : whole.startsWith(`${known}/`))),
    );
  }

  #hear({ topic, payload }: Incoming): void {
    if (this.#own.includes(topic)) return;
    const end = topic.lastIndexOf("/");
    const bridge = topic.slice(0, end);
    if (topic.slice(end + 1) === "state") {
      if (payload.toString() === "offline") this.#offline.add(bridge);
      else this.#offline.delete(bridge);
      return;
    }
    const devices = devicesIn(payload);
    if (devices) this.#devices.set(bridge, devices);
    else this.#devices.delete(bridge);
  }
}

/** Returns the devices of an info message; undefined where it was cleared, or is not that of a bridge. */
function devicesIn(payload: Buffer): readonly string[] | undefined {
  const info = parseJson(payload.toString()) as { devices?: unknown } | null | undefined;
  return Array.isArray(info?.devices) ? info.devices.filter((path) => typeof path === "string") : undefined;
}
