import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { backends, openHistorian } from "../../../../src/historian/index.ts";
import { SETTINGS } from "../../settings.ts";
import { log } from "./settings.ts";

interface Property {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Property>>;
}

/** `name default` of every setting; `–` where there is none. */
function settings(properties: Readonly<Record<string, Property>>, prefix = ""): string[] {
  return Object.entries(properties).flatMap(([name, property]) =>
    property.properties
      ? settings(property.properties, `${prefix}${name}.`)
      : [`${prefix}${name} ${"default" in property ? JSON.stringify(property.default) : "–"}`],
  );
}

describe("docs/historian.md", () => {
  const page = readFileSync(new URL("../../../../docs/historian.md", import.meta.url), "utf8");

  it.each([
    ["postgres", "PostgreSQL"],
    ["volttron-sqlite", "Files of VOLTTRON's historian"],
  ])("names each setting of %s with its default", (name, heading) => {
    const part = page.split(`\n## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
    const table = /\| setting [^\n]*\n\|[-| ]+\n([\s\S]*?)\n\n/.exec(part)?.[1] ?? "";
    const documented = [...table.matchAll(/^\| `([\w.]+)` \| `?(.*?)`? \|/gm)].map(
      ([, key, preset]) => `${key} ${preset}`,
    );
    const schema = backends[name]?.configSchema as { properties: Record<string, Property> };
    expect(documented).toEqual(settings(schema.properties));
  });

  it.each([
    [{ hots: "h" }, /additional properties: hots/],
    [{ schema: 'a"; DROP' }, /connection\.schema/],
    [{ table_prefix: "a b" }, /connection\.table_prefix/],
    [{ port: 0 }, /connection\.port/],
    [{ ssl: "prefer" }, /disable, require, verify-full/],
    [{ url: "mysql://h/db" }, /connection\.url/],
  ])("the schema refuses %j", async (connection, reason) => {
    const opening = openHistorian({ ...SETTINGS, backend: "postgres", connection }, ".", { log });
    await expect(opening).rejects.toMatchObject({ kind: "give_up", message: expect.stringMatching(reason) });
  });
});
