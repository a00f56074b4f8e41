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
    ["a)", 'unexpected ")" at character 2'],
    ["(a", 'expected ")" at character 3'],
    ["[a", "ends too early"],
    ["a\\", "ends too early"],
    ["*a", "nothing to repeat at character 1"],
    ["a**", "nothing to repeat at character 3"],
    ["(?=a)", "only plain groups"],
    ["(a)\\1", "\\1 is not supported"],
    ["\\bload", "\\b is not supported"],
    ["[z-a]", "z-a is no range"],
    ["a{3,2}", "counts in {m,n}"],
    ["a{9999}", "counts in {m,n}"],
    ["((a{1000}){1000}){1000}", "is too large"],
    ["a".repeat(1001), "is longer than 1000 characters"],
  ])("%.30s is refused with its place", (pattern, problem) => {
    expect(() => compilePattern(pattern)).toThrow(`pattern: ${problem}`);
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
