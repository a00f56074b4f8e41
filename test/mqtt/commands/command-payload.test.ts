import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BadPayloadError,
  parseCommandPayload,
  valueToSet,
} from "../../../src/mqtt/commands/command-payload.ts";

const parse = (text: string | Uint8Array, bareText = false, userProperties: Record<string, string> = {}) =>
  parseCommandPayload(typeof text === "string" ? Buffer.from(text) : text, { bareText, userProperties });

describe("the forms of a command", () => {
  test.each([
    ["16.5", { value: 16.5 }],
    ["0", { value: 0 }],
    ["false", { value: false }],
    ['"abc"', { value: "abc" }],
    ["[1]", { value: [1] }],
    ["{}", { value: {} }],
    ['{"a":1}', { value: { a: 1 } }],
    ["", {}],
    [" \n", {}],
    ['{"id":"x"}', { id: "x" }],
    ['{"value":null,"id":7}', { value: null, id: "7" }],
    [
      '{"value":1,"id":"x","requester":"ann","expires_at":"2026-11-21T08:00:00Z","duration_minutes":30}',
      {
        ...{ value: 1, id: "x", requester: "ann", durationMinutes: 30 },
        expiresAt: new Date("2026-11-21T08:00:00Z"),
      },
    ],
    [
      '{"headers":{"requesterID":"agent","TimeStamp":"2026-11-21T08:00:00.000000+00:00"},"message":4}',
      { value: 4, requester: "agent", sentAt: new Date("2026-11-21T08:00:00Z") },
    ],
    ['{"headers":{"requesterID":"agent"},"message":null}', { requester: "agent" }],
    ['{"headers":1,"message":4}', { value: { headers: 1, message: 4 } }],
  ])("%s", (text, expected) => expect(parse(text)).toEqual(expected));

  test("user properties count where the message says nothing itself", () => {
    const properties = { RequesterID: "ann", id: "p", EXPIRES_AT: "2026-11-21T08:00:00Z" };
    expect(parse('{"value":1,"id":"m"}', false, properties)).toEqual({
      ...{ value: 1, id: "m", requester: "ann" },
      expiresAt: new Date("2026-11-21T08:00:00Z"),
    });
  });

  test("bare text is a value of its own where it is allowed", () => {
    expect(parse("on", true)).toEqual({ value: "on" });
    expect(parse("16", true)).toEqual({ value: 16 });
    expect(() => parse("on")).toThrow(/not JSON: "on"/);
  });
});

describe("E15: what is no command is refused with a reason", () => {
  test.each([
    ["{", /not JSON/],
    ["1e309", /too large/],
    ["[1e309]", /too large/],
    ['{"__proto__":1}', /__proto__/],
    ['{"value":{"a":{"__proto__":{}}}}', /__proto__/],
    [`${"[".repeat(17)}${"]".repeat(17)}`, /nested deeper/],
    [`"${"x".repeat(16 * 1024)}"`, /at most 16384/],
    ['{"value":1,"expires":1}', /unknown key "expires".*did you mean "expires_at"/],
    ['{"value":1,"expires_at":"tomorrow"}', /"expires_at" must be a date/],
    ['{"value":1,"duration_minutes":0}', /"duration_minutes" must be a whole number/],
    ['{"value":1,"duration_minutes":1.5}', /"duration_minutes" must be a whole number/],
    ['{"value":1,"id":""}', /"id" must be text/],
    [`{"value":1,"requester":"${"x".repeat(129)}"}`, /"requester" must be text/],
  ])("%s", (text, reason) => expect(() => parse(text)).toThrow(reason));

  test("bad UTF-8", () => expect(() => parse(Uint8Array.of(0x22, 0xc3, 0x28, 0x22))).toThrow(/not UTF-8/));

  test.each([{}, { value: null }, { value: "" }])("a set without a value: %j", (payload) =>
    expect(() => valueToSet(payload)).toThrow(/holds no value/),
  );

  test.each([0, false, "x", [], {}])("%j is a value", (value) =>
    expect(valueToSet({ value })).toEqual(value),
  );

  test("no message whatever does anything else than be read or be refused", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, bareText) => {
        try {
          parse(bytes, bareText);
        } catch (error) {
          expect(error).toBeInstanceOf(BadPayloadError);
        }
      }),
    );
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), (text) => {
        try {
          parse(text);
        } catch (error) {
          expect(error).toBeInstanceOf(BadPayloadError);
        }
      }),
    );
  });

  test("every sound value arrives as it was sent", () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
        const text = JSON.stringify({ value });
        fc.pre(!text.includes("__proto__"));
        expect(parse(text)).toEqual({ value: JSON.parse(text).value });
      }),
    );
  });
});
