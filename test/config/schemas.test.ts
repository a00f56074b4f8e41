import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { editorSchemas } from "../../src/cli/setup/editor-schemas.ts";
import { ALERT_RULE, ALERT_TARGET } from "../../src/config/bridge/alerts-schema.ts";
import { bridgeSchema } from "../../src/config/bridge/bridge-schema.ts";
import { LIMIT_GROUP } from "../../src/config/bridge/limits-schema.ts";
import { deviceSchema } from "../../src/config/devices/device-schema.ts";
import { JsonDocument } from "../../src/config/files/json-document.ts";
import { expectation, type Schema } from "../../src/config/schema/schema.ts";
import { driverTypes } from "../../src/drivers/index.ts";
import { backends } from "../../src/historian/index.ts";
import { expectMade, read, withRows } from "../helpers/made-files.ts";

const CONFIGS = join(import.meta.dirname, "../../configs");
const schemasOf = (types: Readonly<Record<string, { readonly configSchema: Record<string, unknown> }>>) =>
  Object.fromEntries(Object.entries(types).map(([name, { configSchema }]) => [name, configSchema]));
const DRIVER_SCHEMAS = schemasOf(driverTypes);

const SHIPPED = editorSchemas();

describe("the schemas that editors see", () => {
  for (const [name, schema] of Object.entries(SHIPPED)) {
    test(`configs/${name} is what the settings are checked against (npm run update writes it)`, () => {
      const file = join(CONFIGS, name);
      if (process.env.UPDATE) writeFileSync(file, `${JSON.stringify(schema, null, 2)}\n`);
      expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(schema)));
    });

    test(`${name} is a valid schema, and every setting in it has a description`, () => {
      expect(() => new Ajv2020({ strictTypes: false }).compile(schema)).not.toThrow();
      expect(undescribed(schema.properties as Properties)).toEqual([]);
    });
  }

  test("a secret may be text or a file there, and other settings may not", () => {
    const validate = new Ajv2020({ strictTypes: false }).compile(SHIPPED["device.schema.json"]);
    const device = (driver_config: object) => ({
      driver_type: "chargepoint",
      registry_config: "config://x.csv",
      driver_config,
    });
    const station = { stationID: "1:1", username: "key", password: "secret" };
    expect(validate(device(station))).toBe(true);
    expect(validate(device({ ...station, password: { file: "/run/secrets/chargepoint" } }))).toBe(true);
    expect(validate(device({ ...station, username: { file: "../../secrets/key" } }))).toBe(true);
    expect(validate(device({ ...station, password: 5 }))).toBe(false);
    expect(validate(device({ ...station, stationID: { file: "x" } }))).toBe(false);
    expect(validate({ ...device({}), driver_type: "chargepiont" })).toBe(false);
  });
});

test("the shipped configs fit the shipped schemas, variables and all, and name them", () => {
  const validators = Object.entries(SHIPPED).map(([name, schema]) => {
    const ajv = new Ajv2020({ strictTypes: false, allErrors: true });
    return [join(CONFIGS, name), ajv.compile(schema)] as const;
  });
  const fits = (file: string) => {
    const document = new JsonDocument(file, readFileSync(file, "utf8"));
    expect(document.problems).toEqual([]);
    const { $schema } = document.value as { $schema: string };
    const validate = new Map(validators).get(join(dirname(file), $schema));
    expect(validate?.(document.value), `${file}: ${JSON.stringify(validate?.errors)}`).toBe(true);
  };
  const shipped = [CONFIGS, join(CONFIGS, "../examples/demo")].flatMap((folder) =>
    readdirSync(folder, { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".json") && !name.endsWith(".schema.json"))
      .map((name) => join(folder, name)),
  );
  expect(shipped).toHaveLength(9);
  for (const file of shipped) fits(file);
});

/** Every setting of a schema by its dotted name, as the row of a table; `[]` stands for the items of a list. */
function rowsOf(schema: Schema, prefix = ""): [name: string, row: string][] {
  return Object.entries(schema.properties ?? {})
    .filter(([key, setting]) => key !== "$schema" && !setting["x-unused"])
    .flatMap(([key, setting]) => {
      const name = `${prefix}${key}`;
      const required = ((schema.required ?? []) as readonly string[]).includes(key);
      const preset =
        "default" in setting ? `\`${JSON.stringify(setting.default)}\`` : required ? "required" : "–";
      const row = `| \`${name}\` | ${valueInWords(setting)} | ${preset} | ${setting.description ?? ""} |`;
      return [
        [name, row] as [string, string],
        ...rowsOf(setting, `${name}.`),
        ...rowsOf(setting.items ?? {}, `${name}[].`),
      ];
    });
}

/** What is expected, with every piece of a config as code. */
function valueInWords(setting: Schema): string {
  return expectation(setting).replace(/\[[^\]]*\]|\{[^}]*\}|"[^"\s]*"|[a-z]+:\/\/(?=[\s,]|$)/g, "`$&`");
}

describe("the tables of settings in the docs are made from the schemas", () => {
  const configuration = "docs/configuration.md";
  const made = (page: string, heading: string, schema: Schema, isListed: (name: string) => boolean) =>
    expectMade(
      page,
      withRows(
        read(page),
        heading,
        rowsOf(schema).flatMap(([name, row]) => (isListed(name) ? [row] : [])),
      ),
    );
  const bridge = bridgeSchema({}, { backends: schemasOf(backends) });
  const SECTIONS = [
    "driver",
    "mqtt",
    "historian",
    "sessions",
    "actuator",
    "mail",
    "alerts",
    "web",
    "metrics",
  ];

  test("those outside of a section of the bridge config", () =>
    made(configuration, "## Bridge config", bridge, (name) => !SECTIONS.includes(name.split(".")[0]!)));

  test.each(SECTIONS)("%s", (section) =>
    made(configuration, `### ${section}`, bridge, (name) => name.startsWith(`${section}.`)),
  );

  test("one group of site limits", () =>
    made("docs/limits.md", "## Settings", LIMIT_GROUP, (name) => name !== "points"));

  test("one rule and one target of alerts", () => {
    made("docs/alerts.md", "## Rules", ALERT_RULE, () => true);
    made("docs/alerts.md", "## Targets", ALERT_TARGET, () => true);
  });

  test("those of every device", () =>
    made(
      configuration,
      "## Device config",
      deviceSchema(undefined, DRIVER_SCHEMAS),
      (name) => name !== "driver_config",
    ));

  // Another name of a type has no section of its own.
  const types = Object.entries(driverTypes).filter(([name, type]) => type.name === name);
  test.each(types.map(([name]) => name))("driver_config of %s", (type) =>
    made(configuration, `### driver_config of ${type}`, deviceSchema(type, DRIVER_SCHEMAS), (name) =>
      name.startsWith("driver_config."),
    ),
  );
});

type Properties = Record<string, { description?: string; properties?: Properties }>;

function undescribed(properties: Properties, prefix = ""): string[] {
  return Object.entries(properties).flatMap(([key, schema]) => [
    ...(schema.description ? [] : [prefix + key]),
    ...undescribed(schema.properties ?? {}, `${prefix}${key}.`),
  ]);
}
