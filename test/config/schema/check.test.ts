import { describe, expect, test } from "vitest";
import { JsonDocument } from "../../../src/config/files/json-document.ts";
import { checkValue } from "../../../src/config/schema/check.ts";
import { expectation, type Schema } from "../../../src/config/schema/schema.ts";

function check(text: string, schema: Schema) {
  const document = new JsonDocument("f.json", text);
  return checkValue(document, structuredClone(document.value), schema).map(
    ({ code, path, expected, suggestion }) => ({
      code,
      path,
      expected,
      suggestion,
    }),
  );
}

describe("checking against a schema", () => {
  const either: Schema = {
    type: "object",
    properties: {
      at: {
        anyOf: [
          { type: "string", minLength: 1 },
          { type: "object", properties: { port: { type: "integer", minimum: 1 } }, required: ["port"] },
        ],
      },
    },
  };

  test("of alternatives, only the one whose type fits complains", () => {
    expect(check('{"at": {"port": 0}}', either)).toMatchObject([{ code: "out_of_range", path: "at.port" }]);
    expect(check('{"at": ""}', either)).toMatchObject([{ code: "bad_text", path: "at" }]);
  });

  test("where none fits, one problem names them all", () => {
    expect(check('{"at": 5}', either)).toMatchObject([
      { code: "bad_value", path: "at", expected: "text that is not empty or an object" },
    ]);
  });

  test("a misspelt required key is one problem", () => {
    const schema = {
      type: "object",
      properties: { station: { type: "string" } },
      required: ["station"],
      additionalProperties: false,
    };
    expect(check('{"staton": "x"}', schema)).toMatchObject([{ code: "unknown_key", suggestion: "station" }]);
    expect(check('{"colour": "x"}', schema)).toMatchObject([
      { code: "missing_key", path: "station", expected: "text" },
      { code: "unknown_key", path: "colour", expected: "station" },
    ]);
  });

  test("conditions complain through their consequence only", () => {
    const schema: Schema = {
      type: "object",
      properties: { kind: { enum: ["a"] }, size: { type: "integer" } },
      if: { properties: { kind: { const: "a" } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
      then: { required: ["size"] },
    };
    expect(check('{"kind": "a"}', schema)).toMatchObject([{ code: "missing_key", path: "size" }]);
  });

  test.each<[Schema, string]>([
    [{ type: "integer", minimum: 1, maximum: 5 }, "a whole number from 1 to 5"],
    [{ type: "number", exclusiveMinimum: 0 }, "a number greater than 0"],
    [{ type: "number", minimum: 0, exclusiveMaximum: 1 }, "a number of at least 0 and less than 1"],
    [{ type: ["string", "null"] }, "text or null"],
    [{ enum: ["a", 1, null] }, '"a", 1 or null'],
    [{ const: "x" }, '"x"'],
    [{ type: "array", items: { type: "boolean" } }, "a list, each item true or false"],
    [{ type: "string", pattern: "^x$", "x-expected": "an x" }, "an x"],
    [{}, "a value"],
  ])("%j is told as %s", (schema, words) => {
    expect(expectation(schema)).toBe(words);
  });
});
