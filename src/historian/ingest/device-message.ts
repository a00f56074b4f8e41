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
  const metadata = isObject(units) ? units : {};
  return {
    values,
    metadata: Object.fromEntries(Object.entries(metadata).map(([point, text]) => [point, { units: text }])),
    headers: { TimeStamp: timestamp },
  };
}
