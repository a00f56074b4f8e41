import type { PointType } from "../points/index.ts";

/** What the `Type` column may say, VOLTTRON's spellings and Python's, without regard to case. */
const SPELLINGS: Readonly<Record<string, PointType>> = {
  string: "string",
  str: "string",
  integer: "integer",
  int: "integer",
  float: "float",
  boolean: "boolean",
  bool: "boolean",
  datetime: "datetime",
  date: "date",
  time: "time",
  dictionary: "dictionary",
  dict: "dictionary",
};

export const TYPE_SPELLINGS: readonly string[] = Object.keys(SPELLINGS);
export const POINT_TYPES: readonly string[] = [...new Set(Object.values(SPELLINGS))];

/** The type that a `Type` cell names; empty is string. */
export function pointType(cell: string): PointType | undefined {
  const word = cell.toLowerCase();
  if (word === "") return "string";
  return Object.hasOwn(SPELLINGS, word) ? SPELLINGS[word] : undefined;
}
