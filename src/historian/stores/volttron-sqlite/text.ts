import { POINT_TYPES, type PointType, type PointValue } from "../../../points/index.ts";
import type { TopicMeta } from "../../contract.ts";

/** Texts, so that they are passed over, and the numbers that Python writes and JSON does not know. */
const NOT_JSON = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** A value as Python wrote it. What is not JSON at all comes back as the text that it is. */
export function parseValue(text: string): PointValue {
  try {
    return JSON.parse(text);
  } catch {
    try {
      return JSON.parse(text.replace(NOT_JSON, (part) => (part.startsWith('"') ? part : `"${part}"`)));
    } catch {
      return text;
    }
  }
}

/** A finite number so that Python reads a float as one: 7 of a float point is `7.0`. */
export function numberText(value: number, type: PointType): string {
  const text = JSON.stringify(value);
  return type === "float" && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Metadata with what else stood there kept. */
export function metaText(meta: TopicMeta, before: string | null): string {
  const { units, type, tz } = meta;
  return JSON.stringify({ ...parseObject(before), units, type, tz });
}

/** What is missing in the metadata of a file is empty; a type that we do not know is text. */
export function parseMeta(text: string | null): TopicMeta {
  const { units, type, tz } = parseObject(text);
  return {
    units: typeof units === "string" ? units : "",
    type: POINT_TYPES.find((known) => known === type) ?? (type === "double" ? "float" : "string"),
    tz: typeof tz === "string" ? tz : "",
  };
}

function parseObject(text: string | null): Record<string, unknown> {
  const value = text === null ? null : parseValue(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
