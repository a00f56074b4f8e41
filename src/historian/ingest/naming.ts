import type { HistorianSettings } from "../../config/index.ts";

/** Determines which points of a device are stored, and below which path. */
export interface DeviceNaming {
  /** The device's path in the store. */
  readonly path: string;
  keeps(point: string): boolean;
}

/**
 * Applies `topic_replace_list` and `device_data_filter` to names. Used both for what a bridge records itself and for messages of a
 * broker, so that both store the same keys.
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

  /** Applies every replacement to a topic, in order, at each occurrence and regardless of case. */
  rename(topic: string): string {
    return this.#replacements.reduce((name, { pattern, to }) => name.replace(pattern, () => to), topic);
  }

  /**
   * Returns the naming of a device by its path. As in VOLTTRON, replacements apply to the topic `devices/<path>/all` and not to point
   * names, and the filter applies, case-sensitive, to the renamed path; a device that matches no key of the filter stores nothing.
   */
  device(path: string): DeviceNaming {
    return this.deviceOfTopic(`devices/${path}/all`);
  }

  /** Returns the naming of a device by a topic whose first and last levels are not part of its path. */
  deviceOfTopic(topic: string): DeviceNaming {
    const path = this.rename(topic).split("/").slice(1, -1).join("/");
    if (this.#filter.length === 0) return { path, keeps: () => true };
    const lists = this.#filter.filter(([part]) => path.includes(part)).map(([, points]) => points);
    return { path, keeps: (point) => lists.some((points) => points.has(point)) };
  }
}

export type NamingSettings = Pick<HistorianSettings, "topicReplaceList" | "deviceDataFilter">;
