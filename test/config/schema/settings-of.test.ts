import { expect, expectTypeOf, test } from "vitest";
import { limit, seconds, section } from "../../../src/config/schema/setting-kinds.ts";
import { type SettingsOf, settingsOf } from "../../../src/config/schema/settings-of.ts";

const SCHEMA = section("A section.", {
  retry_period: seconds(300, {}, "Seconds between attempts."),
  size_limit: limit("Limit."),
  mode: { enum: ["on", 1], default: "on" },
  groups: {
    type: "object",
    default: {},
    additionalProperties: section("A group.", { max_kw: limit("Limit.") }),
  },
  connection: { type: "object", default: {} },
  pairs: {
    type: "array",
    items: { type: "object", properties: { from_topic: { type: "string" } }, required: ["from_topic"] },
  },
  old_name: { "x-unused": "there is another" },
});

test("settings get the names of the code, with their unit; null and unused ones are left out; free names stay", () => {
  const value = {
    retry_period: 5,
    size_limit: null,
    mode: 1,
    groups: { my_group: { max_kw: 4 }, hasOwnProperty: { max_kw: null } },
    connection: { table_prefix: null },
    pairs: [{ from_topic: "a_b" }],
    old_name: true,
  };
  expect(settingsOf(value, SCHEMA)).toStrictEqual({
    retryPeriodSeconds: 5,
    mode: 1,
    groups: { my_group: { maxKw: 4 }, hasOwnProperty: {} },
    connection: { table_prefix: null },
    pairs: [{ fromTopic: "a_b" }],
  });
});

test("the type of the settings comes from the schema", () => {
  expectTypeOf<SettingsOf<typeof SCHEMA>>().branded.toEqualTypeOf<{
    readonly retryPeriodSeconds: number;
    readonly sizeLimit?: number;
    readonly mode: "on" | 1;
    readonly groups: Readonly<Record<string, { readonly maxKw?: number }>>;
    readonly connection: Readonly<Record<string, unknown>>;
    readonly pairs?: readonly { readonly fromTopic: string }[];
  }>();
});
