/** What a point's type may be called, VOLTTRON's words and Python's. */
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

/** Declared type of a point, as the `Type` column of the registry names it (VOLTTRON's spellings folded). */
export type PointType = (typeof SPELLINGS)[keyof typeof SPELLINGS];

export const TYPE_SPELLINGS: readonly string[] = Object.keys(SPELLINGS);
export const POINT_TYPES: readonly PointType[] = [...new Set(Object.values(SPELLINGS))];

/** The type that a word names, without regard to case; undefined where it names none. */
export function namedType(word: string): PointType | undefined {
  const spelling = word.toLowerCase();
  return Object.hasOwn(SPELLINGS, spelling) ? SPELLINGS[spelling as keyof typeof SPELLINGS] : undefined;
}
