import { isDeepStrictEqual } from "node:util";
import type { Point } from "./point.ts";
import type { PointValue } from "./value.ts";

/** Returns whether a point's value differs from the last one: a number by its Deadband or more, any other at all. */
export function hasChanged(point: Point, last: PointValue | undefined, value: PointValue): boolean {
  if (typeof last === "number" && typeof value === "number")
    return last !== value && Math.abs(value - last) >= (point.deadband ?? 0);
  // Most values are no objects, for which a comparison of the content is not needed.
  if (typeof value !== "object" || value === null) return last !== value;
  return !isDeepStrictEqual(last, value);
}
