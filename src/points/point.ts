import type { PointType } from "./point-type.ts";
import type { PointValue } from "./value.ts";

/** A point of a device, as described by the registry and independent of drivers. */
export interface Point {
  /** `Volttron Point Name`; the last level of its topics. */
  readonly name: string;
  readonly type: PointType;
  /** Text of the `Units` column; may be empty. */
  readonly units: string;
  readonly writable: boolean;
  /** Value of a revert. Absent: the device's own default. Never written while loading. */
  readonly startingValue?: PointValue;
  /** Bounds of a write, inclusive, in the point's units. */
  readonly min?: number;
  readonly max?: number;
  /** Minimum change of a number that counts as a change (state view, `Publish` = change). */
  readonly deadband?: number;
  readonly publish: "always" | "change" | "never";
  /** When its values are stored. Absent: as its device's setting says. */
  readonly store?: StorePolicy;
  readonly notes: string;
  /** Text of columns unknown to VOLTTRON and to us, kept as metadata, by header. */
  readonly extra: Readonly<Record<string, string>>;
  /** Absent: a virtual point, or one of a driver type that gives no origins. */
  readonly origin?: PointOrigin;
}

/** `change`: a value is stored when it differs from the one stored before, and once an hour. */
export type StorePolicy = "always" | "change";

/** Where the value of a point comes from, as its driver type describes it. */
export interface PointOrigin {
  /** `Register Name` and `Attribute Name` of its row. */
  readonly register: string;
  readonly attribute: string;
  /** Absent: a value of the station. */
  readonly port?: string;
  /** The call that reads it, e.g. `getLoad`; absent where reading costs no call. */
  readonly call?: string;
  /** What the value means, for views that know no register. Absent: nothing that all networks have. */
  readonly measure?: Measure;
  /** The network's texts for the value, where they are known; it may send others. */
  readonly words?: readonly string[];
  /** The value identifies a driver or a vehicle. */
  readonly personal?: true;
  /** Master data, which hardly ever changes: by default it is stored on change. */
  readonly nameplate?: true;
}

/**
 * Meaning of a value that stations of all networks have: `load` and `limit` in kW, `limit_percent` the share of the load that
 * is shed, `limited` 0 or 1, `state` of a port or station and `reachable` as the network's text, `energy` of the session in kWh,
 * `session` the id of the session under way, `alarm` the type of the last alarm, `fault` why a port is out of order, `nominal` the
 * supported power in kW.
 */
export type Measure =
  | "load"
  | "state"
  | "limit"
  | "limit_percent"
  | "limited"
  | "energy"
  | "session"
  | "reachable"
  | "name"
  | "alarm"
  | "fault"
  | "nominal";

/** Which of the four VOLTTRON topics a device publishes (contracts: MQTT, the VOLTTRON view). */
export interface PublishViews {
  readonly depthFirstAll: boolean;
  readonly breadthFirstAll: boolean;
  readonly depthFirst: boolean;
  readonly breadthFirst: boolean;
}

/** Description of a running device for other parts. */
export interface DeviceInfo {
  /** Topic path, e.g. `pnnl/garage/station-1`. */
  readonly path: string;
  readonly driverType: string;
  /** Id of its station at the network; absent where the driver type does not tell. */
  readonly stationID?: string;
  /** Points by name, in registry order; a virtual heartbeat is last. */
  readonly points: ReadonlyMap<string, Point>;
  /** Used in metadata (`tz`) only, as in VOLTTRON. */
  readonly timezone: string;
  readonly intervalSeconds: number;
  readonly publish: PublishViews;
  /** When values of points without a setting of their own are stored. Absent: nameplate points on change, others always. */
  readonly store?: StorePolicy;
  /** Its alarms are read. */
  readonly readsAlarms?: true;
  /** Points with times that change with each scrape although nothing else has changed. */
  readonly movingTimes?: ReadonlySet<string>;
}
