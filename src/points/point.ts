import type { PointType } from "./point-type.ts";
import type { PointValue } from "./value.ts";

/** One point of a device, as the registry describes it. Knows nothing of how a driver reads it. */
export interface Point {
  /** `Volttron Point Name`; the last level of its topics. */
  readonly name: string;
  readonly type: PointType;
  /** Free text of the `Units` column, empty where there is none. */
  readonly units: string;
  readonly writable: boolean;
  /** What a revert goes to. Absent: the device's own default. Never written while loading. */
  readonly startingValue?: PointValue;
  /** Bounds of a write, inclusive, in the point's units. */
  readonly min?: number;
  readonly max?: number;
  /** Smallest change of a number that counts as a change (state view, `Publish` = change). */
  readonly deadband?: number;
  readonly publish: "always" | "change" | "never";
  readonly notes: string;
  /** Columns that neither VOLTTRON nor we know, kept as metadata: header → text. */
  readonly extra: Readonly<Record<string, string>>;
}

/** Which of the four VOLTTRON topics a device publishes (contracts: MQTT, the VOLTTRON view). */
export interface PublishViews {
  readonly depthFirstAll: boolean;
  readonly breadthFirstAll: boolean;
  readonly depthFirst: boolean;
  readonly breadthFirst: boolean;
}

/** What the other parts may know of a running device. */
export interface DeviceInfo {
  /** Topic path, e.g. `pnnl/garage/station-1`. */
  readonly path: string;
  readonly driverType: string;
  /** Points by name, in registry order; the virtual heartbeat, where there is one, last. */
  readonly points: ReadonlyMap<string, Point>;
  /** Only goes into metadata (`tz`), as in VOLTTRON. */
  readonly timezone: string;
  readonly intervalSeconds: number;
  readonly publish: PublishViews;
  /** Points that hold times which move from scrape to scrape though nothing has changed. */
  readonly movingTimes?: ReadonlySet<string>;
}
