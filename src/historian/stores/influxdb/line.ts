import type { PointType, PointValue } from "../../../points/index.ts";
import { valueToJson } from "../../storable.ts";

/** Type of a field; `json`: only its `…_json` neighbour is used. */
export type FieldKind = "float" | "integer" | "boolean" | "string" | "json";

/** InfluxDB's own limit on measurement, tags and field together, in bytes, less what we add to a topic. */
const MAX_SERIES_BYTES = 65_000;

/** What a field of this declared type holds. Whole numbers are floats too: no other value of a number can conflict then. */
export function declaredKind(type: PointType): FieldKind {
  if (type === "integer" || type === "float") return "float";
  if (type === "boolean") return "boolean";
  return type === "dictionary" ? "json" : "string";
}

/** A value as field of this kind; undefined where it is of another kind. */
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

/** Throws a TypeError for what is no value. */
export function jsonFieldValue(value: PointValue): string {
  return quoted(valueToJson(value));
}

/** Text as field value. Line breaks may stand in it as they are. */
export function quoted(text: string): string {
  return `"${text.replaceAll(/["\\]/g, "\\$&")}"`;
}

/**
 * A name that line protocol carries as measurement or tag value, different for different texts. Line protocol has no way to
 * write a line break, a backslash before a separator or an empty tag, and takes `#` at the start for a comment: such
 * characters become %XX, as in URLs, and an empty text becomes a lone %.
 */
export function safeName(text: string): string {
  if (text === "") return "%";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what line protocol cannot carry
  return text.replaceAll(/[%\\\u0000-\u001f\u007f]|^#/g, percent);
}

/** A safe name that is none of `taken`. */
export function safeNameBeside(text: string, taken: string): string {
  const name = safeName(text);
  return name === taken ? percent(name[0] ?? "") + name.slice(1) : name;
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

export type Tag = readonly [name: string, value: string];

/** The beginning of a line: measurement and tags, escaped. Tags come in the order of their names, as the server wants them. */
export function seriesText(measurement: string, tags: readonly Tag[]): string {
  const texts = tags.map(([name, value]) => `,${escaped(name)}=${escaped(value)}`);
  return measurement.replaceAll(/[, ]/g, "\\$&") + texts.join("");
}

/** A field's name or a tag's. */
export function escaped(name: string): string {
  return name.replaceAll(/[,= ]/g, "\\$&");
}

/** Why no line can begin so; undefined where one can. */
export function whyNoSeries(series: string): string | undefined {
  const bytes = Buffer.byteLength(series);
  return bytes > MAX_SERIES_BYTES
    ? `its topic takes ${bytes} bytes as measurement and tags (at most ${MAX_SERIES_BYTES})`
    : undefined;
}
