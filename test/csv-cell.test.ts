import { describe, expect, test } from "vitest";
import { csvCell } from "../src/csv-cell.ts";

describe("G10: a cell of a CSV file", () => {
  test.each([
    ["=1+1", "'=1+1"],
    ["+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"],
    ["-2+3", "'-2+3"],
    ["@SUM(A1)", "'@SUM(A1)"],
    ["\tx", "'\tx"],
    ["\rx", "\\rx"],
    ["\n=1", '"\'\n=1"'],
    [" =1", "' =1"],
    ["\u001b=1", "\\u001b=1"],
    ['="a,b"', '"\'=""a,b"""'],
  ])("neutralises %j", (text, cell) => expect(csvCell(text)).toBe(cell));

  test.each([
    [-3.5, "-3.5"],
    [1e21, "1e+21"],
    ["-3.5", "-3.5"],
    ["+12", "+12"],
    ["-1e-7", "-1e-7"],
    [true, "true"],
    [null, ""],
    [undefined, ""],
    ["", ""],
    ["a,b", '"a,b"'],
    ['say "x"', '"say ""x"""'],
    ["1:100001", "1:100001"],
    ["–", "–"],
    [{ a: [-1] }, '"{""a"":[-1]}"'],
  ])("leaves %j what it is", (value, cell) => expect(csvCell(value)).toBe(cell));
});
