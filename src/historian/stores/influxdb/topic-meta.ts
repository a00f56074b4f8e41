import { POINT_TYPES } from "../../../points/index.ts";
import type { TopicMeta } from "../../contract.ts";

/** What the store tells of a topic. */
export interface StoredTopic {
  /** Lower case. */
  readonly key: string;
  readonly name: string;
  readonly meta: TopicMeta;
  /** Whether it ever had a value of another kind than its field. */
  readonly mixed: boolean;
  /** The fields it ever had, the present one last. */
  readonly fields: readonly string[];
}

/** Columns of a query on the measurement `meta`. */
export const META_COLUMNS = ["topic", "meta_dict", "mixed", "fields"] as const;
export type MetaRow = readonly [topic: unknown, metaDict: unknown, mixed: unknown, fields: unknown];

/** Undefined for what is no topic. */
export function readTopic([topic, metaDict, mixed, fields]: MetaRow): StoredTopic | undefined {
  if (typeof topic !== "string") return undefined;
  const meta = dictionary(String(metaDict ?? ""));
  const known = dictionary(String(fields ?? ""));
  const text = (name: string, otherwise: string): string => {
    const value = meta[name];
    return typeof value === "string" ? value : otherwise;
  };
  const type = text("type", "string");
  return {
    key: topic.toLowerCase(),
    name: topic,
    meta: {
      units: text("units", ""),
      type: POINT_TYPES.find((known) => known === type) ?? "string",
      tz: text("tz", "UTC"),
    },
    mixed: mixed === true,
    fields: Object.values(known).filter((field) => typeof field === "string"),
  };
}

/** JSON, or what VOLTTRON writes: a Python dictionary of texts, which it reads back in the same way. */
function dictionary(text: string): Readonly<Record<string, unknown>> {
  for (const json of [text, text.replaceAll(/u?'/g, '"')]) {
    try {
      const value: unknown = JSON.parse(json);
      if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    } catch {
      // Not in this way.
    }
  }
  return {};
}
