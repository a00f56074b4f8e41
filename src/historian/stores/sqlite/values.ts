import type { PointValue } from "../../../points/index.ts";
import type { Connection } from "../../../storage/sqlite.ts";
import { LARGE } from "./schema.ts";

/** A value as `sample` and `late` have it. */
export type StoredValue = number | string | null;

const LARGE_VALUE = "SELECT json FROM large_value WHERE topic_id = ? AND time = ?";

/** Returns the value that is stored as a number, JSON text, NULL, or the mark of a large one. */
export function readValue(
  database: Connection,
  topicId: number,
  time: number,
  value: StoredValue,
): PointValue {
  if (typeof value !== "string") return value;
  if (value !== LARGE) return JSON.parse(value);
  return JSON.parse(database.get<[json: string]>(LARGE_VALUE, topicId, time)![0]);
}
