import { describe, expect, test } from "vitest";
import { registerClasses } from "../../../src/drivers/chargepoint/registers/index.ts";
import { cli, RunningCli } from "../in-process.ts";

interface Listed {
  readonly driver: string;
  readonly register: string;
  readonly attribute: string;
  readonly call?: { operation: string };
}
const listed = async (...args: string[]): Promise<Listed[]> =>
  JSON.parse((await cli(["registry", "attributes", "--json", ...args])).stdout);

describe("voltbridge registry attributes", () => {
  test("lists every attribute of every register with type, level, unit, writability, call and its cost", async () => {
    const all = await listed();
    const own = all.filter(({ driver }) => driver === "chargepoint");
    expect(own.map(({ register, attribute }) => `${register} ${attribute}`)).toEqual(
      Object.entries(registerClasses).flatMap(([register, { attributes }]) =>
        Object.keys(attributes).map((attribute) => `${register} ${attribute}`),
      ),
    );
    expect(own).toContainEqual({
      ...{ driver: "chargepoint", register: "LoadRegister", attribute: "allowedLoad", level: "either" },
      ...{ type: "float", unit: "kW", writable: true },
      meaning: expect.stringContaining("Limit"),
      call: { operation: "getLoad", cost: expect.stringMatching(/^1 call a scrape for each station group/) },
    });
    // The last four attributes of public stations are read by another call.
    const ofStatus = all.find(
      ({ register, attribute }) => `${register} ${attribute}` === "PublicStationRegister Status",
    );
    expect(ofStatus?.call?.operation).toBe("getPublicStationStatus");
    expect(new Set(all.map(({ driver }) => driver))).toEqual(new Set(["chargepoint", "econnect", "fake"]));
  });

  test("a register by its name or in short, a driver type, or any text; a misspelt name is a usage error", async () => {
    for (const name of ["LoadRegister", "load", "loadregister"])
      expect(new Set((await listed(name)).map(({ register }) => register)), name).toEqual(
        new Set(["LoadRegister"]),
      );
    expect((await listed("fake")).map(({ attribute }) => attribute)).toContain("memory(value)");
    expect((await listed("kWh")).map(({ attribute }) => attribute)).toContain("Energy");
    const { code, stderr } = await cli(["registry", "attributes", "LodeRegister"]);
    expect(stderr).toContain('did you mean "LoadRegister"?');
    expect(code).toBe(2);
  });

  test.each([80, 120])("on a screen of %i columns no line is longer", async (columns) => {
    const screen = new RunningCli(["registry", "attributes"], {}, { interactive: true, columns });
    const { stdout } = await screen.ended;
    const tables = stdout.split("\n").filter((line) => !line.includes("): "));
    expect(tables.filter((line) => line.length > columns)).toEqual([]);
    expect(stdout.replaceAll(/\s+/g, " ")).toContain("A load of 0 does not mean that it is over.");
  });
});
