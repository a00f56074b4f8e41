import type { DeviceInfo } from "./point.ts";

/** How long the limits that this bridge holds in a device last. Announced at each change. */
export interface LimitEnds {
  readonly device: DeviceInfo;
  /** By the point that was written; null: until it is cleared. Empty: the bridge holds no limit there. */
  readonly ends: ReadonlyMap<string, Date | null>;
}
