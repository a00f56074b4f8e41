import { expect, test } from "vitest";
import { namedType, POINT_TYPES, TYPE_SPELLINGS } from "../../src/points/index.ts";

test("every type is named by its own word, and each spelling names one, in any case", () => {
  for (const type of POINT_TYPES) expect(namedType(type)).toBe(type);
  for (const word of TYPE_SPELLINGS) expect(POINT_TYPES).toContain(namedType(word.toUpperCase()));
});

test.each(["", "text", "constructor", "__proto__", "flaot", " float"])("%j names no type", (word) => {
  expect(namedType(word)).toBeUndefined();
});
