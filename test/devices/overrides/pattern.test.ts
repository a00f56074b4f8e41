import { describe, expect, it } from "vitest";
import { pathPattern } from "../../../src/devices/overrides/pattern.ts";

describe("patterns of device paths", () => {
  it.each<[pattern: string, fits: string[], not: string[]]>([
    ["campus/garage/s1", ["campus/garage/s1"], ["campus/garage/s10", "campus/garage", "x/campus/garage/s1"]],
    ["*", ["a", "a/b/c", ""], []],
    ["campus/*", ["campus/a", "campus/a/b/c", "campus/"], ["campus", "other/campus/a"]],
    ["*/s1", ["a/s1", "a/b/s1", "/s1"], ["s1", "a/s11"]],
    ["a*b*c", ["abc", "a/b/c", "aXbXbc"], ["ab", "acb"]],
    ["s?", ["s1", "s/", "s😀"], ["s", "s12"]],
    ["s[1-3x]", ["s1", "s3", "sx"], ["s4", "s", "s-"]],
    ["s[!1-3]", ["s4", "s/"], ["s1", "s3", "s"]],
    ["s[]a]", ["s]", "sa"], ["s[", "sb"]],
    ["s[!]]", ["sa"], ["s]"]],
    ["s[a-]", ["sa", "s-"], ["sb"]],
    ["s[z-a]", [], ["sa", "sz", "s-"]],
    ["s[^a]", ["s^", "sa"], ["sb"]],
    ["s[1", ["s[1"], ["s1"]],
    ["s.1+(2)|$^\\d", ["s.1+(2)|$^\\d"], ["sx1"]],
    ["Campus/*", ["Campus/a"], ["campus/a"]],
    ["", [""], ["a"]],
  ])("%s", (pattern, fits, not) => {
    const matches = pathPattern(pattern);
    expect(fits.filter((path) => !matches(path))).toEqual([]);
    expect(not.filter(matches)).toEqual([]);
  });

  it("a hostile pattern takes no longer than its length allows", () => {
    const matches = pathPattern(`${"*a".repeat(500)}b`);
    const started = performance.now();
    expect(matches("a".repeat(1000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(500);
  });
});
