import { isDeepStrictEqual } from "node:util";
import type { Point, PointValue } from "../../points/index.ts";

/** Whether a point's value differs from the one told last: a number by its Deadband or more, anything else at all. */
export function changed(point: Point, told: PointValue | undefined, value: PointValue): boolean {
  if (typeof told === "number" && typeof value === "number")
    return told !== value && Math.abs(value - told) >= (point.deadband ?? 0);
  // Most values are no objects, and need no look into them.
  if (typeof value !== "object" || value === null) return told !== value;
  return !isDeepStrictEqual(told, value);
}
