import type { PointValue } from "../points/index.ts";
import type { Sample } from "./contract.ts";

/** What an MQTT topic can be at most, in UTF-8 bytes. */
const MAX_TOPIC_BYTES = 65_535;

/** Why no backend can keep this sample's key, or undefined where it can. */
export function whyUnstorable({ topic, time }: Sample): string | undefined {
  if (topic === "") return "its topic is empty";
  if (!topic.isWellFormed()) return "its topic is not well-formed Unicode";
  if (topic.length > MAX_TOPIC_BYTES / 3 && Buffer.byteLength(topic) > MAX_TOPIC_BYTES)
    return `its topic is longer than ${MAX_TOPIC_BYTES} bytes`;
  if (!Number.isSafeInteger(time)) return `its time ${time} is not a whole number of microseconds`;
  return undefined;
}

/**
 * A value as JSON text. Numbers that JSON cannot carry become their names as text (`"NaN"`, `"Infinity"`,
 * `"-Infinity"`), inside lists and objects too. Throws a TypeError for what is no value (functions, cycles).
 */
export function valueToJson(value: PointValue): string {
  const json = JSON.stringify(value, nameNonFinite);
  if (json === undefined) throw new TypeError(`${typeof value} is no value`);
  return json;
}

function nameNonFinite(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
