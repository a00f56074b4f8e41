import fc from "fast-check";
import { expect, test } from "vitest";
import { asLevel, fillTemplate, placeholdersOf } from "../../../src/config/index.ts";
import { levelFault } from "../../../src/points/index.ts";

test("any text becomes one level of a topic, from which it can be read back", () => {
  const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 });
  const awkward = fc.string({
    unit: fc.constantFrom("/", "+", "#", "%", "$", " ", "\t", "\u0085", "é", "2", "F"),
    minLength: 1,
    maxLength: 12,
  });
  fc.assert(
    fc.property(fc.oneof(text, awkward), (name) => {
      const level = asLevel(name);
      expect(decodeURIComponent(level)).toBe(name);
      if (Buffer.byteLength(level) <= 255) expect(levelFault(level)).toBeUndefined();
    }),
  );
});

test("placeholders are found and filled", () => {
  expect(placeholdersOf("a/{x}/b-{y}")).toEqual(["x", "y"]);
  expect(fillTemplate("a/{x}/b-{y}", (name) => name.toUpperCase())).toBe("a/X/b-Y");
});
