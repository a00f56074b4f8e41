import type { PointType, PointValue } from "../../../points/index.ts";
import { valueToJson } from "../../storable.ts";

/** Type of a field; `json`: only its `…_json` field is used. */
export type FieldKind = "float" | "integer" | "boolean" | "string" | "json";

/** InfluxDB's limit on measurement, tags and field together, minus what we add to a topic, in bytes. */
const MAX_SERIES_BYTES = 65_000;

/** Returns the kind of field for a declared type. Integers are floats too, so that no number can conflict. */
export function declaredKind(type: PointType): FieldKind {
  if (type === "integer" || type === "float") return "float";
  if (type === "boolean") return "boolean";
  return type === "dictionary" ? "json" : "string";
}

/** Returns a value as a field of this kind; undefined when it has another kind. */
export function fieldValue(kind: FieldKind, value: PointValue): string | undefined {
  switch (kind) {
    case "float":
      return typeof value === "number" && Number.isFinite(value) ? String(value) : undefined;
    case "integer":
      return Number.isSafeInteger(value) ? `${value}i` : undefined;
    case "boolean":
      return typeof value === "boolean" ? String(value) : undefined;
    case "string":
      return typeof value === "string" && value.isWellFormed() ? quoted(value) : undefined;
    case "json":
      return undefined;
  }
}

/** @throws {TypeError} for functions and cycles. */
export function jsonFieldValue(value: PointValue): string {
  return quoted(valueToJson(value));
}

/** Quotes text as a field value. Line breaks need no escaping. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * Encodes text as a measurement or tag value, uniquely. Line protocol cannot represent a line break, a backslash before a separator or
 * an empty tag, and reads `#` at the start as a comment: such characters become %XX, as in URLs, and an empty text becomes %.
 */
export function safeName(text: string): string {
  if (text === "") return "%";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: line protocol cannot represent them
  return text.replaceAll(/[%\\\u0000-\u001f\u007f]|^#/g, percent);
}

/** Returns a safe name that differs from `taken`. */
export function safeNameBeside(text: string, taken: string): string {
  const name = safeName(text);
  return name === taken ? percent(name[0] ?? "") + name.slice(1) : name;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

export type Tag = readonly [name: string, value: string];

/** Returns the start of a line: measurement and tags, escaped. Tags must be ordered by name, which servers expect. */
export function seriesText(measurement: string, tags: readonly Tag[]): string {
  const texts = tags.map(([name, value]) => `,${escaped(name)}=${escaped(value)}`);
  return measurement.replaceAll(/[, ]/g, "\\$&") + texts.join("");
}

/** Escapes the name of a field or tag. */
export function escaped(name: string): string {
  return name.replaceAll(/[,= ]/g, "\\$&");
}

/** Returns why a line cannot start with this series; undefined when it can. */
export function whySeriesTooLong(series: string): string | undefined {
  const bytes = Buffer.byteLength(series);
  return bytes > MAX_SERIES_BYTES
    ? `its topic must take at most ${MAX_SERIES_BYTES} bytes as measurement and tags, found ${bytes}`
    : undefined;
}
