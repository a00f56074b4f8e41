import type { PointValue } from "../points/index.ts";
import type { Sample } from "./contract.ts";

/** Maximum length of an MQTT topic, in UTF-8 bytes. */
const MAX_TOPIC_BYTES = 65_535;

/** First level of the bridge's own notes in a store: see `record/own-topics.ts`. */
export const OWN_ROOT = "_voltbridge";

export function isOwnTopic(topic: string): boolean {
  return topic.toLowerCase().startsWith(`${OWN_ROOT}/`);
}

/** Returns why no backend can store this sample's key; undefined when it can. */
export function whyUnstorable({ topic, time }: Sample): string | undefined {
  if (topic === "") return "its topic is empty";
  if (!topic.isWellFormed()) return "its topic is not well-formed Unicode";
  if (topic.length > MAX_TOPIC_BYTES / 3 && Buffer.byteLength(topic) > MAX_TOPIC_BYTES)
    return `its topic is longer than ${MAX_TOPIC_BYTES} bytes`;
  if (!Number.isSafeInteger(time)) return `its time ${time} is not a whole number of microseconds`;
  return undefined;
}

/**
 * Returns a value as JSON text. Numbers that JSON cannot represent become text (`"NaN"`, `"Infinity"`, `"-Infinity"`), inside lists
 * and objects too.
 * @throws {TypeError} for functions and cycles.
 */
export function valueToJson(value: PointValue): string {
  const json = JSON.stringify(value, nameNonFinite);
  if (json === undefined) throw new TypeError(`a value must be representable as JSON, found ${typeof value}`);
  return json;
}

function nameNonFinite(_key: string, value: unknown): unknown {
  return typeof value === "number" && !Number.isFinite(value) ? String(value) : value;
}
