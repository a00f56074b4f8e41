import { namedType, type PointType, type PointValue } from "../../points/index.ts";
import type { TopicMeta } from "../contract.ts";
import { isObject, type Json, own } from "./payload.ts";

/** The type that a publisher names; undefined where it is none that is known. */
function publishedType(written: Json | undefined): PointType | undefined {
  if (typeof written !== "string") return undefined;
  return written.toLowerCase() === "double" ? "float" : namedType(written);
}

/** Metadata of one point as VOLTTRON writes it, `{"units","type","tz"}`; what is missing is told by the value. */
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

/** A number is a float: whole ones come from floats too, and stores cannot change their mind. */
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
