import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePattern } from "../../../src/historian/query/pattern.ts";

const TOPICS = [
  "pnnl/garage/station-1/portLoad_1",
  "pnnl/garage/station-12/shedState",
  "PNNL/Roof/x",
  "a.b",
  "",
  "a\nb",
];

describe("topic patterns", () => {
  it.each([
    "",
    "portLoad",
    "PORTLOAD",
    "^pnnl/",
    "^garage",
    "state$",
    "station-1/",
    "station-\\d+/",
    "station-\\d{2}/",
    "station-1?2/s",
    "^pnnl/[^/]+/[^/]+$",
    "^.*$",
    "a.b",
    "a\\.b",
    "a\\sb",
    "^[a-c.]+$",
    "[A-C]",
    "[]]|x$",
    "(roof|garage)/(?:x|station)",
    "^(a|b|\\.)*$",
    "^$",
    "$^",
    "x{0}y|zzz",
    "(st?a(t|i)*?){2,3}",
    "\\W\\w$",
    "[\\d_]1$",
    "{",
    "^*a",
  ])("%j matches as in other regular expressions", (pattern) => {
    // A bracket that opens a set, and a repeated ^, are errors or different in JavaScript.
    const oracle = new RegExp(pattern.replace("[]]", "[\\]]").replace("^*", "(?:^)*"), "i");
    const matches = compilePattern(pattern);
    for (const topic of TOPICS) expect([topic, matches(topic)]).toEqual([topic, oracle.test(topic)]);
  });

  it("property: agrees with JavaScript's own on any pattern of these parts", () => {
    const atom = fc.constantFrom("a", "b", ".", "[ab]", "[^a]", "^", "$", "\\w", "(?:ab)");
    const { pattern } = fc.letrec<{ pattern: string }>((tie) => ({
      pattern: fc.oneof(
        { depthSize: "small" },
        atom,
        fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => a + b),
        fc.tuple(tie("pattern"), tie("pattern")).map(([a, b]) => `(${a}|${b})`),
        fc
          .tuple(tie("pattern"), fc.constantFrom("*", "+", "?", "{2}", "{0,2}", "{1,}"))
          .map(([a, q]) => `(${a})${q}`),
      ),
    }));
    const name = fc.string({ unit: fc.constantFrom("a", "b", "c", "/", "B"), maxLength: 8 });
    fc.assert(
      fc.property(pattern, name, (text, topic) => {
        expect(compilePattern(text)(topic)).toBe(new RegExp(text, "i").test(topic));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ["a)", 'unexpected ) in "a)"'],
    ["(a", 'missing closing ) in "(a"'],
    ["[a", 'missing closing ] in "[a"'],
    ["a\\", "trailing backslash"],
    ["*a", 'missing argument to repetition operator at "*"'],
    ["a**", 'invalid nested repetition operator at "**"'],
    ["(?=a)", 'invalid or unsupported Perl syntax at "(?="'],
    ["(a)\\1", 'invalid escape sequence at "\\1"'],
    ["[z-a]", 'invalid character class range at "z-a"'],
    ["a{3,2}", 'invalid repeat count at "{3,2}"'],
    ["a{9999}", "invalid repeat count"],
    ["((a{1000}){1000}){1000}", "invalid repeat count"],
    ["a".repeat(1001), "must have at most 1000 characters, found 1001"],
  ])("%.30s is refused with its place", (pattern, problem) => {
    expect(() => compilePattern(pattern)).toThrow(`pattern: ${problem}`);
  });

  it.each([
    ["a line's end is the text's end alone", "b$", "a b\n", false],
    ["\\w and \\d are of ASCII", "^\\w+$", "caf\u00e9", false],
    ["word boundaries are known", "\\bload", "port load", true],
    ["flags within", "(?-i:LOAD)", "load", false],
    ["Unicode classes", "^\\p{L}+$", "caf\u00e9", true],
  ])("differs from Python's re, or from versions before: %s", (_, pattern, name, matches) => {
    expect(compilePattern(pattern)(name)).toBe(matches);
  });

  it("B16: no pattern takes long on any name", () => {
    const name = "a".repeat(20_000);
    const begun = performance.now();
    for (const pattern of [
      "(a+)+$",
      "(a+)+b",
      "(a|a)*b",
      "a*a*a*a*a*a*b",
      "(.*)(.*)(.*)(.*)[^a]$",
      "(a?){200}a{200}b",
    ])
      compilePattern(pattern)(`${name}!`);
    expect(performance.now() - begun).toBeLessThan(1000);
  });
});
