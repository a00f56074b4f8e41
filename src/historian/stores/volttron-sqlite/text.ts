import { POINT_TYPES, type PointType, type PointValue } from "../../../points/index.ts";
import type { TopicMeta } from "../../contract.ts";

/** Matches the numbers of Python that JSON lacks, and strings, so that they can be skipped. */
const NOT_JSON = /"(?:[^"\\]|\\.)*"|-?\b(?:NaN|Infinity)\b/g;

/** Parses a value written by Python. Returns text that is not JSON unchanged. */
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

/** Formats a finite number so that Python reads floats as floats: 7 of a float point is `7.0`. */
export function numberText(value: number, type: PointType): string {
  const text = JSON.stringify(value);
  return type === "float" && /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** Formats metadata and keeps other keys of the existing ones. */
export function metaText(meta: TopicMeta, before: string | null): string {
  const { units, type, tz } = meta;
  return JSON.stringify({ ...parseObject(before), units, type, tz });
}

/** Parses a file's metadata. Missing texts are empty; an unknown type is a string. */
export function parseMeta(text: string | null): TopicMeta {
  const { units, type, tz } = parseObject(text);
  return {
    units: typeof units === "string" ? units : "",
    type: POINT_TYPES.find((known) => known === type) ?? (type === "double" ? "float" : "string"),
    tz: typeof tz === "string" ? tz : "",
  };
}

/** Returns the texts of a file's metadata, by their names. */
export function parseTexts(text: string | null): Record<string, string> {
  return Object.fromEntries(
    Object.entries(parseObject(text)).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string",
    ),
  );
}

/** Returns the topics of an aggregate from its metadata, `{"configured_topics": names or a pattern}`. */
export function parseConfiguredTopics(text: string | null): readonly string[] | string {
  const { configured_topics: topics } = parseObject(text);
  if (typeof topics === "string") return topics;
  return Array.isArray(topics) ? topics.filter((topic) => typeof topic === "string") : [];
}

function parseObject(text: string | null): Record<string, unknown> {
  const value = text === null ? null : parseValue(text);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? value : {};
}
