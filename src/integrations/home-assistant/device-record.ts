import { isDeepStrictEqual } from "node:util";
import type { PointValue } from "../../points/index.ts";
import { recordOf } from "../../storage/saved-record.ts";
import type { PublishedDevice, WantedDevice } from "./documents/transitions.ts";

/** What is known of a device at Home Assistant, kept over restarts. */
export interface DeviceRecord {
  /** Empty: the bridge itself. */
  readonly path: string;
  /** What the broker has; null: nothing yet. */
  readonly published: PublishedDevice | null;
  /** What is being published instead; null: nothing. After a crash the broker may have a part of it. */
  readonly pending: PublishedDevice | null;
  /** Of the messages that the broker has; empty where it may not have them all. */
  readonly checksum: string;
  /** The broker refused the message of the whole device. */
  readonly isTooLarge: boolean;
  /** Last known values of the points that the document shows, so that it is the same after a restart. */
  readonly values: Readonly<Record<string, PointValue>>;
  /** Ports whose lifetime energy was published. */
  readonly energyPorts: readonly string[];
}

const isPublished = recordOf<PublishedDevice>({
  objectId: "string",
  form: (form) => form === "device" || form === "component",
  prefix: "string",
  platforms: isObject,
});
const isPublishedOrNull = (value: unknown) => value === null || isPublished(value);

export const isDeviceRecord: (value: unknown) => value is DeviceRecord = recordOf<DeviceRecord>({
  path: "string",
  published: isPublishedOrNull,
  pending: isPublishedOrNull,
  checksum: "string",
  isTooLarge: "value?",
  values: isObject,
  energyPorts: Array.isArray,
});

function isObject(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}

/** Returns a record while messages are on their way; undefined: there was nothing, and there will be nothing. */
export function underWay(
  before: DeviceRecord | undefined,
  after: DeviceRecord | undefined,
): DeviceRecord | undefined {
  if (!after) return before && { ...before, checksum: "" };
  const isSame = isDeepStrictEqual(before?.published, after.published) && before?.pending === null;
  // What is published again is at the broker, whatever becomes of this.
  if (isSame && before.checksum === after.checksum) return before;
  return {
    ...after,
    ...{ published: before?.published ?? null, pending: after.published, checksum: "" },
    isTooLarge: before?.isTooLarge ?? false,
  };
}

/** Returns what the broker is taken to have when a device is published: after a crash on the way it may have both. */
export function basisOf(before: DeviceRecord | undefined, wanted: WantedDevice): PublishedDevice | undefined {
  const published = before?.published ?? undefined;
  const pending = before?.pending ?? undefined;
  if (!published || !pending) return published ?? pending;
  const basis = pending.form === wanted.form && pending.prefix === wanted.prefix ? published : pending;
  const platforms = { ...pending.platforms, ...published.platforms };
  return { ...basis, platforms };
}
