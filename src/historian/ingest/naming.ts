import type { HistorianSettings } from "../../config/index.ts";

/** Which of a device's points are stored, and below which path. */
export interface DeviceNaming {
  /** The device's path in the store. */
  readonly path: string;
  keeps(point: string): boolean;
}

/**
 * The names in the store: `topic_replace_list` and `device_data_filter`. The same for what a bridge records itself and for what is
 * taken from a broker, so that both store the same keys.
 */
export class Naming {
  readonly #replacements: readonly { readonly pattern: RegExp; readonly to: string }[];
  readonly #filter: readonly (readonly [part: string, points: ReadonlySet<string>])[];

  constructor({ topicReplaceList, deviceDataFilter }: NamingSettings) {
    this.#replacements = topicReplaceList.map(({ from, to }) => ({
      pattern: new RegExp(from.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"), "gi"),
      to,
    }));
    this.#filter = Object.entries(deviceDataFilter).map(([part, points]) => [part, new Set(points)]);
  }

  /** A topic with every replacement done, in their order, each wherever its text stands, whatever its case. */
  rename(topic: string): string {
    return this.#replacements.reduce((name, { pattern, to }) => name.replace(pattern, () => to), topic);
  }

  /**
   * Of a device by its own path. As in VOLTTRON, what is renamed is the topic `devices/<path>/all` and not the points' names, and
   * the filter looks at the renamed path, case included; a device in which none of its keys is found keeps nothing.
   */
  device(path: string): DeviceNaming {
    return this.deviceOfTopic(`devices/${path}/all`);
  }

  /** Of a device by a topic whose first and last level are not of its path. */
  deviceOfTopic(topic: string): DeviceNaming {
    const path = this.rename(topic).split("/").slice(1, -1).join("/");
    if (this.#filter.length === 0) return { path, keeps: () => true };
    const lists = this.#filter.filter(([part]) => path.includes(part)).map(([, points]) => points);
    return { path, keeps: (point) => lists.some((points) => points.has(point)) };
  }
}

export type NamingSettings = Pick<HistorianSettings, "topicReplaceList" | "deviceDataFilter">;
