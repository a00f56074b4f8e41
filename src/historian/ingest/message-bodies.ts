import { namedType, type PointType, type PointValue } from "../../points/index.ts";
import type { TopicMeta } from "../contract.ts";
import { readTime } from "./headers.ts";
import { IgnoredError } from "./message.ts";
import { isObject, type Json, type JsonObject, own } from "./payload.ts";

/** Contents of a message of `devices/<path>/all` or `analysis/<path>`, whatever its form. */
export interface DeviceMessage {
  readonly values: JsonObject;
  /** `{"units","type","tz"}` by point, or nothing. */
  readonly metadata: JsonObject;
  /** Headers inside the message. */
  readonly headers?: JsonObject;
}

/**
 * Reads `[values, metadata, headers]` (metadata and headers may be missing), an object of values, or voltbridge's own JSON form.
 * @throws {IgnoredError}
 */
export function readDeviceMessage(body: Json): DeviceMessage {
  if (Array.isArray(body)) {
    const [values, metadata, headers] = body;
    if (!isObject(values))
      throw new IgnoredError("no_values", "the list must start with an object of values by point");
    return {
      values,
      metadata: isObject(metadata) ? metadata : {},
      ...(isObject(headers) && { headers }),
    };
  }
  if (!isObject(body))
    throw new IgnoredError("no_values", "the message must be a list or an object of values by point");
  return ownForm(body) ?? { values: body, metadata: {} };
}

/** `{"device","timestamp","synchronized","values","units","failures"}`. */
function ownForm(body: JsonObject): DeviceMessage | undefined {
  const values = own(body, "values");
  const timestamp = own(body, "timestamp");
  if (!isObject(values) || typeof timestamp !== "string" || typeof own(body, "device") !== "string")
    return undefined;
  const units = own(body, "units");
  const synchronized = own(body, "synchronized");
  const metadata = isObject(units) ? units : {};
  return {
    values,
    metadata: Object.fromEntries(Object.entries(metadata).map(([point, text]) => [point, { units: text }])),
    headers: {
      TimeStamp: timestamp,
      ...(synchronized !== undefined && { SynchronizedTimeStamp: synchronized }),
    },
  };
}

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

/** Returns the type that a publisher names; undefined for an unknown one. */
function publishedType(written: Json | undefined): PointType | undefined {
  if (typeof written !== "string") return undefined;
  return written.toLowerCase() === "double" ? "float" : namedType(written);
}

/** Reads a point's metadata as VOLTTRON writes it, `{"units","type","tz"}`; a missing type is derived from the value. */
export function topicMeta(written: Json | undefined, value: PointValue): TopicMeta {
  const meta = isObject(written) ? written : undefined;
  const text = (name: string, preset: string): string => {
    const found = own(meta, name);
    return typeof found === "string" ? found : preset;
  };
  return {
    units: text("units", ""),
    type: publishedType(own(meta, "type")) ?? typeOf(value),
    tz: text("tz", "UTC"),
  };
}

/** Derives a type from a value. Numbers are floats, because a float can be whole and stores cannot change a type later. */
function typeOf(value: PointValue): PointType {
  switch (typeof value) {
    case "number":
      return "float";
    case "boolean":
      return "boolean";
    case "object":
      return value === null ? "string" : "dictionary";
    default:
      return "string";
  }
}
