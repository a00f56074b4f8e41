import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createLog, type LogOptions, Secrets } from "../../src/log/log.ts";

function logTo(options: Omit<LogOptions, "write"> = {}) {
  const lines: string[] = [];
  return { lines, log: createLog({ ...options, write: (line) => lines.push(line) }) };
}

describe("log lines", () => {
  test("a line has its time, level, part, message and fields", () => {
    const { lines, log } = logTo();
    log.part("mqtt").warn("broker away", { url: "mqtt://localhost:1883", tries: 3, why: "no route" });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z warn {2}mqtt: broker away url=mqtt:\/\/localhost:1883 tries=3 why="no route"\n$/,
    );
  });

  test("json lines can be parsed, and have the part once however deep it was named", () => {
    const { lines, log } = logTo({ format: "json" });
    log.part("a").part("b").info("hello", { n: 1 });
    expect(JSON.parse(lines[0]!)).toMatchObject({ part: "b", msg: "hello", n: 1 });
    expect(lines[0]?.match(/"part"/g)).toHaveLength(1);
  });

  test("an error is logged with its class, code, message and cause", () => {
    const { lines, log } = logTo();
    const cause = new Error("socket hang up");
    log.error("scrape failed", {
      err: Object.assign(new TypeError("no answer", { cause }), { code: "ECONNRESET" }),
    });
    expect(lines[0]).toContain('err="TypeError ECONNRESET no answer: socket hang up"');
  });

  test.each([
    ["debug", 4],
    ["info", 3],
    ["warn", 2],
    ["error", 1],
    ["silent", 0],
  ] as const)("level %s lets %d through", (level, count) => {
    const { lines, log } = logTo({ level });
    for (const say of [log.debug, log.info, log.warn, log.error]) say("x");
    expect(lines).toHaveLength(count);
  });
});

describe("G7: one message is one line, whatever it holds", () => {
  const HOSTILE = "a\nb\r\nc\u001b[31mred\u009b2J\u0000\u2028d\u202egnp.exe";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  const UNSAFE = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]|\n(?!$)/;

  test.each(["text", "json"] as const)("%s", (format) => {
    const { lines, log } = logTo({ format });
    log.part(HOSTILE).error(HOSTILE, { value: HOSTILE, [HOSTILE]: [HOSTILE], err: new Error(HOSTILE) });
    expect(lines).toHaveLength(1);
    expect(lines[0]).not.toMatch(UNSAFE);
    if (format === "json") expect(JSON.parse(lines[0]!)).toMatchObject({ msg: HOSTILE, value: HOSTILE });
  });

  test("any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), fc.constantFrom("text", "json"), (text, format) => {
        const { lines, log } = logTo({ format: format as "text" | "json" });
        log.info(text, { text });
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(UNSAFE);
      }),
    );
  });
});

describe("G1: secrets never reach a log", () => {
  const SECRET = 'p&ss "w<rd"/+ü\\1';
  const forms: [string, string][] = [
    ["plain", SECRET],
    ["base64", Buffer.from(SECRET).toString("base64")],
    ["base64url", Buffer.from(SECRET).toString("base64url")],
    ["URL-encoded", encodeURIComponent(SECRET)],
    ["form-encoded", new URLSearchParams({ p: SECRET }).toString()],
    ["JSON", JSON.stringify({ p: SECRET })],
    ["JSON within JSON", JSON.stringify(JSON.stringify({ p: SECRET }))],
    ["JSON of another program", JSON.stringify({ p: SECRET }).replace("ü", "\\u00fc").replaceAll("/", "\\/")],
    ["XML text", SECRET.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;")],
    ["basic authentication", Buffer.from(`user:${SECRET}`).toString("base64")],
    ["basic authentication, another user", Buffer.from(`someone:${SECRET}`).toString("base64")],
    ["basic authentication, a third", Buffer.from(`operator:${SECRET}:x`).toString("base64")],
  ];

  for (const format of ["text", "json"] as const)
    test.each(forms)(`${format}: %s`, (_, text) => {
      const secrets = new Secrets();
      secrets.add(SECRET);
      const { lines, log } = logTo({ format, secrets });
      const err = new Error(`refused: ${text}`, { cause: new Error(text) });
      log.part("api").error(`sent ${text}`, { text, deep: { list: [text] }, err });
      expect(lines[0]).toContain("***");
      // What is left of each form must not hold any readable stretch of it.
      const core = text.replace(/^[^%\w]*/, "").slice(-14, -4);
      expect(lines[0]).not.toContain(core);
      expect(lines[0]).not.toContain("w<rd");
      if (format === "json") expect(() => JSON.parse(lines[0]!)).not.toThrow();
    });

  test("a secret that begins with another one leaves no end behind", () => {
    const secrets = new Secrets();
    secrets.add("abcd");
    secrets.add("abcdefgh");
    expect(secrets.blank("abcdefgh abcd")).toBe("*** ***");
  });

  test("very short secrets would blank ordinary words and are not blanked", () => {
    const secrets = new Secrets();
    secrets.add("abc");
    secrets.add("");
    expect(secrets.blank("abc")).toBe("abc");
  });

  test("any secret, within any text", () => {
    const secret = fc.string({ minLength: 4, maxLength: 40 });
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), (text, before, after) => {
        const secrets = new Secrets();
        secrets.add(text);
        expect(secrets.blank(before + text + after)).not.toContain(text);
      }),
    );
  });
});
