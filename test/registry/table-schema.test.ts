import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { describe, expect, test } from "vitest";
import { tableSchema } from "../../src/registry/table-schema.ts";
import { tableFaults } from "../helpers/table-schema.ts";

const REGISTRY = join(import.meta.dirname, "../../registry");

describe("the Frictionless Table Schema of registries", () => {
  test("registry/registry.schema.json is made from the source (npm run update writes it)", () => {
    const file = join(REGISTRY, "registry.schema.json");
    if (process.env.UPDATE) writeFileSync(file, `${JSON.stringify(tableSchema(), null, 2)}\n`);
    expect(JSON.parse(readFileSync(file, "utf8"))).toEqual(JSON.parse(JSON.stringify(tableSchema())));
  });

  test.each(readdirSync(REGISTRY).filter((name) => name.endsWith(".csv")))("%s fits it", (name) => {
    expect(tableFaults(readFileSync(join(REGISTRY, name), "utf8"))).toEqual([]);
  });

  test("it finds a wrong type, port, choice, number, and a missing or a repeated name", () => {
    const header = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Writable,Min,Publish\n";
    const faults = (row: string) =>
      tableFaults(`${header}a,Status,StationStatusRegister,1,string,FALSE,,\n${row}\n`);
    expect(faults("b,Status,StationStatusRegister,Port 1,flaot,yes,1;5,often")).toEqual([
      "3 Port #",
      "3 Type",
      "3 Writable",
      "3 Min",
      "3 Publish",
    ]);
    expect(faults(",Status,,1,string,FALSE,,")).toEqual(["3 Volttron Point Name", "3 Register Name"]);
    expect(faults("a,Status,StationStatusRegister,1,string,FALSE,,")).toEqual(["3 primary key"]);
  });

  test("its fields are the columns of a new registry", () => {
    const [header] = parse(readFileSync(join(REGISTRY, "chargepoint.csv"))) as string[][];
    expect(tableSchema().fields.map(({ name }) => name)).toEqual(expect.arrayContaining(header!));
  });
});
