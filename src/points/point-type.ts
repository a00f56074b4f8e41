/** Names of point types, VOLTTRON's and Python's. */
const SPELLINGS = {
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
} as const;

/** Declared type of a point, from the `Type` column of the registry (VOLTTRON's spellings normalised). */
export type PointType = (typeof SPELLINGS)[keyof typeof SPELLINGS];

export const TYPE_SPELLINGS: readonly string[] = Object.keys(SPELLINGS);
export const POINT_TYPES: readonly PointType[] = [...new Set(Object.values(SPELLINGS))];

/** Returns the type with a name, ignoring case; undefined for an unknown name. */
export function namedType(word: string): PointType | undefined {
  const spelling = word.toLowerCase();
  return Object.hasOwn(SPELLINGS, spelling) ? SPELLINGS[spelling as keyof typeof SPELLINGS] : undefined;
}
