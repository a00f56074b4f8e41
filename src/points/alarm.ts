import type { DeviceInfo } from "./point.ts";

/** An alarm as the network lists it. */
export interface AlarmRecord {
  /** Null: of the station itself. */
  readonly port: string | null;
  /** Name of the alarm in the network's words. */
  readonly type: string;
  /** When it occurred, by the network. */
  readonly at: Date;
  /** For a record that reports the end of alarms of its port, e.g. `fault cleared`: whether it ends one of this type. */
  readonly ends?: (type: string) => boolean;
}

/** What the network lists of one device: the alarms that were not cleared there, the oldest first, and of one time the endings last. */
export interface AlarmList {
  readonly records: readonly AlarmRecord[];
  /** Older ones were left out. */
  readonly isCut: boolean;
}

/** An alarm was raised or cleared. Each is announced once: what is open is remembered over restarts. */
export interface AlarmChange {
  /** The same when it is published again after a crash. */
  readonly id: string;
  readonly device: DeviceInfo;
  /** Null: of the station itself. */
  readonly port: string | null;
  /** Name of the alarm in the network's words. */
  readonly alarm: string;
  readonly state: "raised" | "cleared";
  readonly raisedAt: Date;
  /** When this happened, by the network; null for an alarm that is no longer listed, whose time the network does not tell. */
  readonly at: Date | null;
  /** When the bridge read it. */
  readonly seenAt: Date;
  /** For people. */
  readonly text: string;
}

export interface OpenAlarm {
  /** Null: of the station itself. */
  readonly port: string | null;
  readonly alarm: string;
  readonly raisedAt: Date;
}

/** The alarms of a device that were raised and not cleared. Announced when they are first read, and at each change. */
export interface OpenAlarms {
  readonly device: DeviceInfo;
  /** The newest first. */
  readonly alarms: readonly OpenAlarm[];
  /** There are more, older ones, which are not listed. */
  readonly isCut: boolean;
}
