import { readdirSync, readFileSync, statSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseRegistry } from "../../../src/registry/index.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { tableFaults } from "../../helpers/table-schema.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

let simulator: Simulator;
let env: Record<string, string>;
let small: Record<string, string>;
const place = new Workplace();
/** A CPE250 with the port 1A, and a station with one port. */
const FAST = "1:100012";
const ONE_PORT = "1:100008";

beforeAll(async () => {
  const accounts = [{ username: "small", password: "small-1", plan: "commercial" as const }];
  simulator = await startSimulator({ stations: 12, traffic: false, incidents: false, accounts });
  const { endpoint, username, password } = simulator;
  env = { CHARGEPOINT_ENDPOINT: endpoint, CHARGEPOINT_USERNAME: username, CHARGEPOINT_PASSWORD: password };
  small = { CHARGEPOINT_ENDPOINT: endpoint, CHARGEPOINT_USERNAME: "small", CHARGEPOINT_PASSWORD: "small-1" };
});
afterAll(async () => {
  await simulator.close();
  place.remove();
});

/** The rows of a registry that is printed; it has no problem. */
async function made(args: readonly string[], account = env) {
  const { code, stdout, stderr } = await cli(["registry", "init", ...args], account);
  expect(code, stderr).toBe(0);
  expect(tableFaults(stdout)).toEqual([]);
  const { rows, diagnostics } = parseRegistry(Buffer.from(stdout), "made.csv");
  expect(diagnostics).toEqual([]);
  return { rows, names: rows.map(({ point }) => point.name), stderr };
}

describe("voltbridge registry init", () => {
  test("the station's own ports, with the price of each row", async () => {
    const fast = await made(["--station", FAST]);
    expect(fast.names).toEqual(
      expect.arrayContaining(["stationID", "Status_1A", "portLoad_1A", "alarmType_1A"]),
    );
    expect(new Set(fast.rows.map(({ port }) => port))).toEqual(new Set([undefined, "1A"]));
    const notes = new Map(fast.rows.map(({ point }) => [point.name, point.notes]));
    expect(notes.get("portLoad_1A")).toBe("Present load [getLoad: 1 call a scrape]");
    expect(notes.get("session_Energy_1A")).toBe("[getChargingSessionData: 2 calls every 5 minutes]");
    expect(fast.stderr).toMatch(/CPE250C-625 +1A +1 +\d+\n/);
    expect(fast.stderr).toMatch(/getStationStatus: 1 call a scrape for up to 500 stations/);
    const one = await made(["--station", ONE_PORT]);
    expect(one.names.filter((name) => /_2$/.test(name))).toEqual([]);
    // What may tell who charges is not published.
    const published = fast.rows.filter(
      ({ attribute, point }) => attribute === "driverName" && point.publish !== "never",
    );
    expect(published).toEqual([]);
  });

  test("--points: registers and attributes; a misspelt one is a usage error", async () => {
    const { names } = await made(["--station", FAST, "--points", "load,status,stationName"]);
    expect(names).toContain("stationName");
    expect(names).toContain("Status_1A");
    expect(names.filter((name) => /session_|alarm|price_/.test(name))).toEqual([]);
    const extra = await made(["--station", FAST, "--points", "FaultReason"]);
    expect(extra.names).toEqual(["FaultReason_1A"]);
    const wrong = await cli(["registry", "init", "--station", FAST, "--points", "laod"], env);
    expect(wrong.stderr).toMatch(/named "laod"; did you mean "load"\?.*registry attributes/);
    expect(wrong.code).toBe(2);
  });

  test("--like: points, names, bounds and columns of another registry, for the ports that are there", async () => {
    const like = place.write(
      "like.csv",
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Writable,Notes,Max,Room\n" +
        "P1Load,portLoad,LoadRegister,1,float,kW,FALSE,Left [getLoad: 9 calls],,North\n" +
        "Cap1,allowedLoad,LoadRegister,1,float,kW,TRUE,,5.5,\n" +
        "Cap2,allowedLoad,LoadRegister,2,float,kW,TRUE,,3.3,\n" +
        "Odd,noSuch,LoadRegister,,float,kW,FALSE,,,\n",
    );
    const { rows, names, stderr } = await made(["--station", FAST, "--like", like]);
    expect(names).toEqual(["P1ALoad", "Cap1A"]);
    expect(rows[0]!.point).toMatchObject({
      notes: "Left [getLoad: 1 call a scrape]",
      extra: { Room: "North" },
    });
    expect(rows[1]!.point).toMatchObject({ max: 5.5, writable: true });
    expect(stderr).toMatch(/like\.csv:5:\d+: error \[unknown_attribute\]/);
    const both = await made(["--station", "1:100001", "--like", like]);
    expect(both.rows.map(({ point, port }) => [point.name, port, point.max])).toEqual([
      ["P1Load", "1", undefined],
      ["Cap1", "1", 5.5],
      ["Cap2", "2", 3.3],
    ]);
  });

  test("what the plan lacks is left out, with the reason; where nothing is left, nothing is made", async () => {
    const { names, stderr } = await made(["--station", FAST], small);
    expect(names).toContain("Status_1A");
    expect(names.filter((name) => /Load|shed/i.test(name))).toEqual([]);
    expect(stderr).toMatch(/left out \(\S+: \d+ points\): getLoad: code 101, .*service plan/);
    const none = await cli(["registry", "init", "--station", FAST, "--points", "load"], small);
    expect(none.stderr).toMatch(/nothing that was asked for can be read at station 1:100012[\s\S]*code 101/);
    expect(none).toMatchObject({ code: 1, stdout: "" });
  });

  test("--out: a file, or a folder for several kinds; nothing is overwritten without --force", async () => {
    const file = place.at("one.csv");
    const args = ["registry", "init", "--station", FAST, "--points", "load", "--out", file];
    expect(await cli(args, env)).toMatchObject({ code: 0, stdout: `${file}\n` });
    const before = readFileSync(file, "utf8");
    place.write("one.csv", "mine");
    const again = await cli(args, env);
    expect(again.stderr).toMatch(/already there.*--force/);
    expect(again.code).toBe(1);
    expect(readFileSync(file, "utf8")).toBe("mine");
    expect((await cli([...args, "--force"], env)).code).toBe(0);
    expect(readFileSync(file, "utf8")).toBe(before);

    const several = await cli(["registry", "init", "--points", "load"], env);
    expect(several.stderr).toMatch(/of 4 kinds.*--out registry\/[\s\S]*CPE250C-625 +1A/);
    expect(several).toMatchObject({ code: 2, stdout: "" });
    const folder = place.at("kinds/");
    expect((await cli(["registry", "init", "--points", "load", "--out", folder], env)).code).toBe(0);
    expect(readdirSync(folder)).toHaveLength(4);
    expect(statSync(file).mode & 0o777).toBe(0o644);
  });

  test("a station that the account cannot see, wrong credentials, no account", async () => {
    const unknown = await cli(["registry", "init", "--station", "1:999999"], env);
    expect(unknown.stderr).toMatch(/1:999999|no such station/);
    expect(unknown).toMatchObject({ code: 1, stdout: "" });
    const wrong = await cli(["registry", "init"], { ...env, CHARGEPOINT_PASSWORD: "no" });
    expect(wrong.stderr).toMatch(/does not accept the credentials/);
    expect((await cli(["registry", "init"], {})).code).toBe(78);
  });
});
