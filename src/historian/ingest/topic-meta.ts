import { namedType, type PointType, type PointValue } from "../../points/index.ts";
import type { TopicMeta } from "../contract.ts";
import { isObject, type Json, own } from "./payload.ts";

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
