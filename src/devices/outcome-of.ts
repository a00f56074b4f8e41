import type { WriteOutcome } from "../drivers/driver.ts";
import type { Point, PointValue } from "../points/index.ts";
import type { Device } from "./device.ts";

/** The outcome of a write that is not sent: its `verify` tells whether the device stands as after it. */
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
      // What such a device's own default reads is not known.
      const confirmed = wanted !== undefined && JSON.stringify(readBack) === JSON.stringify(wanted);
      return { confirmed, readBack };
    },
  };
}
