import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonDocument, pathText } from "../../../src/config/files/json-document.ts";

describe("JSON documents", () => {
  test("the place of every key and value, after comments, multi-byte text and all kinds of line ends", () => {
    const text = '\uFEFF{ // "ü"\r\n  "a": {"b": [1,\r\n {"c": "x"}]},\n# "d": 1\r"e": 2 }';
    const document = new JsonDocument("f.json", text);
    expect(document.problems).toEqual([]);
    expect(document.value).toEqual({ a: { b: [1, { c: "x" }] }, e: 2 });
    expect(document.place(["a"])).toEqual({ line: 2, column: 8 });
    expect(document.place(["a"], "key")).toEqual({ line: 2, column: 3 });
    expect(document.place(["a", "b", 0])).toEqual({ line: 2, column: 15 });
    expect(document.place(["a", "b", 1, "c"], "key")).toEqual({ line: 3, column: 3 });
    expect(document.place(["e"])).toEqual({ line: 5, column: 6 });
    expect(document.place(["a", "nothing", "here"])).toEqual({ line: 2, column: 8 });
    expect(document.placeOf(["a", "b", 1, "c"], "x")).toEqual({ line: 3, column: 9 });
  });

  test.each([
    ["", 1, 1, "the file is empty"],
    ['{"a": 1 "b": 2}', 1, 9, 'a "," is expected before this'],
    ["{'a': 1}", 1, 2, "this word is not a JSON value; write text in double quotes"],
    ['{"a": "x\n}', 1, 7, "this text is never closed with a double quote"],
    ['{"a": 1', 1, 8, 'a "}" is missing'],
    ['{"a": "C:\\dir"}', 1, 7, 'unknown escape; a backslash in text is written "\\\\"'],
    ["{} {}", 1, 4, "the document ends before this"],
    ["{ /* }", 1, 3, 'this comment is never closed with "*/"'],
  ])("%j is a syntax error with its place", (text, line, column, message) => {
    const { problems, value } = new JsonDocument("f.json", text);
    expect(problems[0]).toMatchObject({
      code: "bad_json",
      severity: "error",
      file: "f.json",
      line,
      column,
      message,
    });
    expect(value).toBeUndefined();
  });

  test("every line with a mistake is told, once", () => {
    const { problems } = new JsonDocument("f.json", '{\n"a": tru,\n"b": 1,\n"c": no\n}');
    expect(problems.map((problem) => problem.line)).toEqual([2, 4]);
  });

  test("a key that stands twice is told with both places, at any depth", () => {
    const { problems } = new JsonDocument("f.json", '{"a": [{"x": 1,\n  "x": 2}]}');
    expect(problems).toMatchObject([
      {
        code: "duplicate_key",
        line: 2,
        column: 3,
        path: "a[0].x",
        message: expect.stringContaining("line 1, column 9"),
      },
    ]);
  });

  test("whatever JSON.stringify writes is read as JSON.parse reads it, and each value is found at its place", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
        const text = JSON.stringify(value, null, indent);
        const document = new JsonDocument("f.json", text);
        expect(document.value).toEqual(JSON.parse(text));
      }),
    );
  });

  test("paths are written as programs write them", () => {
    expect(pathText(["users", 0, "name"])).toBe("users[0].name");
    expect(pathText(["device_data_filter", "a b\n"])).toBe('device_data_filter["a b\\n"]');
  });
});
