import { parseIsoTime } from "../time.ts";
import { IgnoredError } from "./message.ts";
import { isObject, type Json, type JsonObject, own } from "./payload.ts";

/** Message headers by lower-case name: VOLTTRON ignores their case. */
export type MessageHeaders = ReadonlyMap<string, Json>;

/** Merges headers; the first of a name counts, so headers inside the message precede its MQTT 5 user properties. */
export function mergeHeaders(...sources: readonly (JsonObject | undefined)[]): MessageHeaders {
  const headers = new Map<string, Json>();
  for (const source of sources)
    for (const [name, value] of Object.entries(source ?? {})) {
      const key = name.toLowerCase();
      if (!headers.has(key)) headers.set(key, value);
    }
  return headers;
}

/** Opens VOLTTRON's envelope `{headers, message}`, used with MQTT 3.1.1; any other JSON is the message itself. */
export function openEnvelope(json: Json): { readonly body: Json; readonly headers?: JsonObject } {
  if (!isObject(json) || Object.keys(json).length !== 2) return { body: json };
  const headers = own(json, "headers");
  const body = own(json, "message");
  return isObject(headers) && body !== undefined ? { body, headers } : { body: json };
}

/**
 * Returns the time in the first of these headers that is present, in microseconds since 1970 UTC; undefined without one. Text
 * without a zone is UTC.
 * @throws {IgnoredError} for an invalid time.
 */
export function headerTime(headers: MessageHeaders, names: readonly string[]): number | undefined {
  const name = names.find((one) => headers.has(one.toLowerCase()) && headers.get(one.toLowerCase()) !== null);
  return name === undefined ? undefined : readTime(headers.get(name.toLowerCase())!, name);
}

/** @throws {IgnoredError} for an invalid time. */
export function readTime(value: Json, where: string): number {
  const time = typeof value === "string" ? parseIsoTime(value.trim()) : undefined;
  if (time !== undefined && Number.isSafeInteger(time)) return time;
  throw new IgnoredError(
    "bad_time",
    `${where} must be a time such as 2026-11-21T08:00:00.000000+00:00, from the years 1684 to 2255`,
  );
}
