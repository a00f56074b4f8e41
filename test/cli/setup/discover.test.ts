import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { cli } from "../in-process.ts";

let simulator: Simulator;
let env: Record<string, string>;
const folder = mkdtempSync(join(tmpdir(), "voltbridge-discover-"));

beforeAll(async () => {
  simulator = await startSimulator({ stations: 12, traffic: false, incidents: false, password: "canary" });
  const { endpoint, username, password } = simulator;
  env = { CHARGEPOINT_ENDPOINT: endpoint, CHARGEPOINT_USERNAME: username, CHARGEPOINT_PASSWORD: password };
});
afterAll(async () => {
  await simulator.close();
  rmSync(folder, { recursive: true, force: true });
});

interface Found {
  readonly stationID: string;
  readonly stationName: string;
  readonly groups: { sgID: string }[];
}

const found = async (...args: string[]): Promise<Found[]> =>
  JSON.parse((await cli(["discover", "--json", ...args], env)).stdout);

describe("voltbridge discover", () => {
  test("lists what the account can see, and less by group and name", async () => {
    const all = await found();
    expect(all.map(({ stationID }) => stationID)).toEqual(expect.arrayContaining([...simulator.stationIDs]));
    const sgID = all[0]!.groups[0]!.sgID;
    const inGroup = all.filter(({ groups }) => groups.some((group) => group.sgID === sgID));
    expect(await found("--sgID", sgID)).toEqual(inGroup);
    const name = all[1]!.stationName;
    expect((await found("--stationName", name.toLowerCase())).map((s) => s.stationName)).toContain(name);
    expect(await found("--stationName", `${name}-no-such`)).toEqual([]);
    expect((await cli(["discover"], env)).stdout).toMatch(/^stationID +name +model +ports +city +groups\n/);
  });

  test("writes one config per station, and over none that is there", async () => {
    const first = await cli(["discover", "--write", folder], env);
    expect(first.code).toBe(0);
    const files = readdirSync(folder);
    expect(files).toHaveLength((await found()).length);
    const text = readFileSync(join(folder, files[0]!), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      driver_type: "chargepoint",
      driver_config: { stationID: expect.any(String) },
    });
    expect(text).not.toContain("canary");
    const second = await cli(["discover", "--write", folder], env);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toMatch(/already exist.*--force/);
    expect((await cli(["discover", "--write", folder, "--force"], env)).code).toBe(0);
  });

  test("prints a config for the set; names the account that is missing", async () => {
    const { stdout } = await cli(["discover", "--set", "--stationName", "*"], env);
    expect(JSON.parse(stdout).driver_config.stations).toEqual({ stationName: "*" });
    expect((await cli(["discover", "--set"], env)).code).toBe(2);
    expect((await cli(["discover"], {})).code).toBe(78);
  });
});
