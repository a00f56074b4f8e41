import type { AbleDevice } from "../drivers/abilities.ts";
import type { WriteOutcome } from "../drivers/driver.ts";
import type { DeviceInfo, Point, PointValue } from "../points/index.ts";

/** A device that the bridge runs. */
export interface Device {
  readonly info: DeviceInfo;
  readonly driver: AbleDevice;
  /** Milliseconds by which its scrapes follow the aligned time. */
  readonly offsetMs: number;
  /**
   * `virtual`: the point belongs to the bridge and toggles with every scrape. `written`: the point belongs to the device
   * and is written 1, 0, 1, 0, … every `heartbeat_interval`.
   */
  readonly heartbeat?: { readonly kind: "virtual" | "written"; readonly point: string };
}

/** Returns the outcome of a write without sending it; `verify` checks whether the device is in that state. */
export function outcomeOf(
  { driver }: Device,
  { name, startingValue }: Point,
  value: PointValue | undefined,
  durationMinutes?: number,
): WriteOutcome {
  const minutes = durationMinutes === undefined ? {} : { durationMinutes };
  if (driver.outcomeOf) return driver.outcomeOf(name, value, minutes);
  const wanted = value ?? startingValue;
  return {
    async verify(signal) {
      const readBack = await driver.getPoint(name, signal);
      // The value to which such a device reverts is unknown.
      const confirmed = wanted !== undefined && JSON.stringify(readBack) === JSON.stringify(wanted);
      return { confirmed, readBack };
    },
  };
}
