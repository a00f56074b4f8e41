import type { AlarmList } from "./alarm.ts";
import type { DeviceInfo } from "./point.ts";
import type { PointValue } from "./value.ts";

/**
 * One reading of a whole device. A point is either in `values` (null = the source has no value for it) or in `failures` (it could not be
 * read, with the reason); a missing value never becomes 0.
 */
export interface Scrape {
  readonly device: DeviceInfo;
  /** The aligned time of the scrape without the device's slot offset: equal for all devices of one round. */
  readonly synchronizedAt: Date;
  /** When the reading was complete. The time of every value. */
  readonly takenAt: Date;
  /** When the oldest value was read, if it comes from a cache. Default: `takenAt`. */
  readonly observedAt?: Date;
  readonly values: ReadonlyMap<string, PointValue>;
  readonly failures: ReadonlyMap<string, string>;
  /** Points of limits that are not in force: their values, mostly 0, mean "none". */
  readonly noLimit?: ReadonlySet<string> | undefined;
  /** Why the device's network cannot reach it, so that the values are its last known ones; absent when it can. */
  readonly unreachable?: string | undefined;
  /** Absent: its alarms were not read. */
  readonly alarms?: AlarmList | undefined;
}

/** Reliability of a device's values. `stale`: the last good scrape is older than three intervals. */
export type Availability = "online" | "stale" | "offline";

export interface AvailabilityChange {
  readonly device: DeviceInfo;
  readonly availability: Availability;
  /** Since when it has this availability. */
  readonly since: Date;
  /** Why it is not online; absent when it is. */
  readonly reason?: string;
  /** The network cannot reach the device; its service answers. */
  readonly isUnreachable?: true;
}

/** Start of the year of the first release, in milliseconds since 1970. A clock with an earlier time was never set. */
const EARLIEST = Date.UTC(2026, 0, 1);

/**
 * Returns whether a time is plausible. A machine without a clock battery starts in 1970, or at a time from its image, and continues from
 * there until it reaches a time server.
 */
export function isClockSet(at: Date): boolean {
  return at.getTime() >= EARLIEST;
}
