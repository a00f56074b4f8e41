import { parse } from "csv-parse/sync";
import { expect, test } from "vitest";
import { csvCell } from "../src/csv-cell.ts";
import { blueprint } from "../src/drivers/blueprint/index.ts";
import { registerClasses } from "../src/drivers/chargepoint/registers/index.ts";
import { driverTypes } from "../src/drivers/index.ts";
import { expectMade, read, withRows } from "./helpers/made-files.ts";
import { ASSERTIONS } from "./integrations/sparkplug/specification/assertions.ts";
import { NOT_APPLICABLE } from "./integrations/sparkplug/specification/not-applicable.ts";

test("no config can name the blueprint of a driver", () => {
  expect(Object.values(driverTypes)).not.toContain(blueprint);
  expect(driverTypes).not.toHaveProperty("blueprint");
});

test("docs/extending.md shows the blueprint of a driver as it is", () => {
  const page = read("docs/extending.md");
  const source = read("src/drivers/blueprint/index.ts");
  const made = page.replace(
    /(\n### The blueprint\n[\s\S]*?^```ts\n)[\s\S]*?(^```$)/m,
    (_, before, after) => before + source + after,
  );
  expect(made).toContain(source);
  expectMade("docs/extending.md", made);
});

test("docs/registry.md has every attribute of every register class", () => {
  let page = read("docs/registry.md");
  for (const [name, { attributes }] of Object.entries(registerClasses)) {
    const rows = Object.entries(attributes).map(([attribute, described]) => {
      const { level, unit = "", meaning, control, personal = false } = described;
      expect(meaning.includes("Personal data"), `${attribute} of ${name}: its meaning`).toBe(personal);
      expect(/\bWritable[.:]/.test(meaning), `${attribute} of ${name}: its meaning says "Writable."`).toBe(
        control !== undefined,
      );
      return `| \`${attribute}\` | ${level} | ${unit} | ${meaning} |`;
    });
    page = withRows(page, `### ${name}`, rows);
  }
  expectMade("docs/registry.md", page);
});

type Row = Record<string, string>;

/** Neither is in the shipped registry: stations of others, and a second spelling of `faultReason`. */
const NOT_SHIPPED = ["PublicStationRegister", "StationStatusRegister FaultReason"];

/**
 * The rows with type, units and writability as the registers have them; rows of attributes that are gone are dropped. What else
 * a row says is for people to edit.
 */
function asRegistered(rows: readonly Row[]): Row[] {
  return rows.flatMap((row) => {
    const attribute = registerClasses[row["Register Name"]!]?.attributes[row["Attribute Name"]!];
    if (!attribute) return [];
    const { type, unit = "", control } = attribute;
    return [{ ...row, Type: type, Units: unit, Writable: control ? "TRUE" : "FALSE" }];
  });
}

/** The rows that a class still needs, below those that it has. */
function completed(register: string, own: readonly Row[]): Row[] {
  const { attributes } = registerClasses[register]!;
  const ports = own
    .filter((row) => attributes[row["Attribute Name"]!]!.level === "either")
    .map((row) => row["Port #"]!);
  const placesOf = { station: [""], port: ["1", "2"], either: [...new Set(ports)] };
  const missing = Object.entries(attributes).filter(
    ([name]) =>
      !NOT_SHIPPED.includes(`${register} ${name}`) && !own.some((row) => row["Attribute Name"] === name),
  );
  return missing.flatMap(([name, { level, type, unit = "", meaning, control, personal }]) =>
    placesOf[level].map((port) => ({
      "Volttron Point Name": port === "" ? name : `${name}_${port}`,
      "Attribute Name": name,
      "Register Name": register,
      "Port #": port,
      Type: type,
      Units: unit,
      Writable: control ? "TRUE" : "FALSE",
      Notes: meaning,
      Publish: personal ? "never" : "",
    })),
  );
}

test.each(["registry/chargepoint.csv", "registry/chargepoint-minimal.csv"])(
  "%s has what the registers have",
  (file) => {
    const rows = asRegistered(parse(read(file), { columns: true }));
    const columns = Object.keys(rows[0]!);
    const shipped = Object.keys(registerClasses).filter((name) => !NOT_SHIPPED.includes(name));
    const all = file.includes("minimal")
      ? rows
      : shipped.flatMap((name) => {
          const own = rows.filter((row) => row["Register Name"] === name);
          return [...own, ...completed(name, own)];
        });
    const lines = [columns, ...all.map((row) => columns.map((column) => row[column] ?? ""))];
    expectMade(file, lines.map((cells) => `${cells.map(csvCell).join(",")}\n`).join(""));
  },
);

test("docs/sparkplug.md has every assertion of the specification", () => {
  const rows = Object.entries(ASSERTIONS).flatMap(([file, assertions]) =>
    assertions.map(({ id, says, version }) => {
      const over = version === undefined ? "3.1.1, 5" : version === 4 ? "3.1.1" : "5";
      return `| \`${id}\` | ${says} | [${file}](../test/integrations/sparkplug/specification/${file}.ts) | ${over} |`;
    }),
  );
  const others = NOT_APPLICABLE.map(
    ([reason, ids]) => `| ${reason} | ${ids.length} | ${ids.map((id) => `\`${id}\``).join(", ")} |`,
  );
  const page = withRows(read("docs/sparkplug.md"), "### What is asserted", rows);
  expectMade("docs/sparkplug.md", withRows(page, "### What does not apply", others));
});
