import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import { JsonDocument } from "../../src/config/files/json-document.ts";
import { bridgeEditorSchema, deviceEditorSchema } from "../../src/config/index.ts";
import { driverTypes } from "../../src/drivers/index.ts";

const CONFIGS = join(import.meta.dirname, "../../configs");
const DRIVER_SCHEMAS = Object.fromEntries(
  Object.entries(driverTypes).map(([name, { configSchema }]) => [name, configSchema]),
);

const SHIPPED = {
  "bridge.schema.json": {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "voltbridge: bridge config",
    ...bridgeEditorSchema(),
  },
  "device.schema.json": {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "voltbridge: device config",
    ...deviceEditorSchema(DRIVER_SCHEMAS),
  },
};

describe("the schemas that editors see", () => {
  for (const [name, schema] of Object.entries(SHIPPED)) {
    test(`configs/${name} is what the settings are checked against (UPDATE=1 writes it anew)`, () => {
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
    expect(validate(device({ ...station, password: 5 }))).toBe(false);
    expect(validate(device({ ...station, stationID: { file: "x" } }))).toBe(false);
    expect(validate({ ...device({}), driver_type: "chargepiont" })).toBe(false);
  });
});

test("the shipped configs fit the shipped schemas, variables and all", () => {
  const fits = (name: keyof typeof SHIPPED, file: string) => {
    const validate = new Ajv2020({ strictTypes: false, allErrors: true }).compile(SHIPPED[name]);
    const document = new JsonDocument(file, readFileSync(join(CONFIGS, file), "utf8"));
    expect(document.problems).toEqual([]);
    expect(validate(document.value), `${file}: ${JSON.stringify(validate.errors)}`).toBe(true);
  };
  fits("bridge.schema.json", "bridge.json");
  const devices = readdirSync(join(CONFIGS, "devices"), { recursive: true, encoding: "utf8" });
  for (const file of devices.filter((name) => name.endsWith(".json")))
    fits("device.schema.json", `devices/${file}`);
});

type Properties = Record<string, { description?: string; properties?: Properties }>;

function undescribed(properties: Properties, prefix = ""): string[] {
  return Object.entries(properties).flatMap(([key, schema]) => [
    ...(schema.description ? [] : [prefix + key]),
    ...undescribed(schema.properties ?? {}, `${prefix}${key}.`),
  ]);
}
