import { readTime } from "./headers.ts";
import { IgnoredError } from "./message.ts";
import { isObject, type Json, own } from "./payload.ts";

/** One point of a `datalogger` message. */
export interface LogPoint {
  /** `{"units","type","tz"}`. */
  readonly metadata: Json;
  readonly readings: readonly LogReading[];
}

interface LogReading {
  /** Microseconds since 1970 UTC; undefined for a reading without a time. */
  readonly time: number | undefined;
  readonly value: Json;
}

/**
 * Reads `{"Readings": value or [time, value], "Units", "data_type", "tz"}`; a list of several `[time, value]` is accepted too.
 * @throws {IgnoredError} that names the point.
 */
export function readLogPoint(point: string, item: Json): LogPoint {
  const readings = isObject(item) ? own(item, "Readings") : undefined;
  const units = isObject(item) ? own(item, "Units") : undefined;
  if (!isObject(item) || readings === undefined || units === undefined)
    throw new IgnoredError("bad_readings", `${JSON.stringify(point)} must have Readings and Units`);
  return {
    metadata: {
      units,
      // VOLTTRON's default.
      type: own(item, "data_type") ?? "float",
      ...(typeof own(item, "tz") === "string" && { tz: own(item, "tz")! }),
    },
    readings: readReadings(point, readings),
  };
}

function readReadings(point: string, readings: Json): LogReading[] {
  if (!Array.isArray(readings)) return [{ time: undefined, value: readings }];
  const pairs = isPair(readings) ? [readings] : readings;
  return pairs.map((pair) => {
    if (!isPair(pair))
      throw new IgnoredError(
        "bad_readings",
        `Readings of ${JSON.stringify(point)} must be a value or [time, value]`,
      );
    return { time: readTime(pair[0], `the time in Readings of ${JSON.stringify(point)}`), value: pair[1] };
  });
}

function isPair(value: Json): value is [string, Json] {
  return Array.isArray(value) && value.length === 2 && typeof value[0] === "string";
}
