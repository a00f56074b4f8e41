import { execFileSync } from "node:child_process";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { operations } from "../../src/drivers/chargepoint/api/index.ts";
import { type Simulator, startSimulator } from "../../src/simulator/index.ts";
import { cli, type Outcome } from "./in-process.ts";

let simulator: Simulator;
let env: Record<string, string>;

beforeAll(async () => {
  simulator = await startSimulator({
    stations: 2000,
    traffic: false,
    incidents: false,
    password: "canary-password",
  });
  env = {
    CHARGEPOINT_ENDPOINT: simulator.endpoint,
    CHARGEPOINT_USERNAME: simulator.username,
    CHARGEPOINT_PASSWORD: simulator.password,
  };
});
afterAll(() => simulator.close());

const api = (...args: string[]): Promise<Outcome> => cli(["api", ...args], env);

describe("voltbridge api", () => {
  test("has every operation, with its own options", async () => {
    const { stdout } = await cli(["api", "--help"]);
    for (const name of Object.keys(operations)) expect(stdout).toContain(`  ${name} `);
    expect((await api("getLoad", "--help")).stdout).toMatch(/--stationID <text>.*--sessionID <number>/s);
  });

  test("prints an answer element by element, or as JSON", async () => {
    const text = await api("getLoad", "--stationID", "1:100001");
    expect(text.stdout).toMatch(/responseCode: 100.*stationID +1:100001.*Port\.2\.portNumber +2/s);
    const json = await api("getLoad", "--stationID", "1:100001", "--json");
    expect(JSON.parse(json.stdout)).toMatchObject({
      stationData: [{ stationID: "1:100001", Port: [{ portNumber: "1" }, {}] }],
    });
  });

  test("--all walks the pages, tells how many, and prints a table that fits", async () => {
    const { stdout, stderr, code } = await api("getStations", "--all");
    expect(code).toBe(0);
    // Those of the account, and those of others that it may look at.
    const records = Number(/getStations: (\d+) records, 5 pages/.exec(stderr)?.[1]);
    expect(records).toBeGreaterThanOrEqual(2000);
    expect(stdout.match(/^ *\d+ +1:\d{6} /gm)).toHaveLength(records);
    expect(stdout).toContain("more columns: --json shows all");
  });

  test.each(["getUsers", "getTransactionData", "getFleetUsageData"])(
    "%s: records inside an element of their own",
    async (name) => {
      const { stdout, code, stderr } = await api(name, "--all", "--json");
      expect({ code, stderr }).toMatchObject({ code: 0, stderr: expect.stringContaining(name) });
      expect(JSON.parse(stdout)).toBeInstanceOf(Array);
      expect((await api(name)).stderr).toBe("");
    },
  );

  test("lists are given by repeating their option, nested elements by their name", async () => {
    const { stdout } = await api(
      "getStationStatus",
      "--stationIDs.stationID",
      "1:100001",
      "--stationIDs.stationID",
      "1:100003",
      "--json",
    );
    expect(JSON.parse(stdout).stationData.map((s: { stationID: string }) => s.stationID)).toEqual([
      "1:100001",
      "1:100003",
    ]);
  });

  test("a name that a group and a station share is given with the one that is meant", async () => {
    const { stdout } = await api("shedLoad", "--help");
    expect(stdout).toMatch(/--shedGroup\.allowedLoadPerStation.*--shedStation\.allowedLoadPerStation/s);
    const limit = [
      "--stationID",
      "1:100004",
      "--shedStation.allowedLoadPerStation",
      "4",
      "--timeInterval",
      "5",
    ];
    const sent = await api("shedLoad", ...limit, "--yes", "--json");
    expect(JSON.parse(sent.stdout)).toMatchObject({ responseCode: "100", allowedLoadPerStation: 4 });
  });

  test("a write is sent only with --yes", async () => {
    const shed = [
      "shedLoad",
      "--stationID",
      "1:100001",
      "--portNumber",
      "1",
      "--allowedLoadPerPort",
      "3",
      "--timeInterval",
      "5",
    ];
    const before = simulator.calls.length;
    const refused = await api(...shed);
    expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("add --yes") });
    expect(simulator.calls).toHaveLength(before);
    const sent = await api(...shed, "--yes", "--json");
    expect(JSON.parse(sent.stdout)).toMatchObject({
      responseCode: "100",
      Ports: { Port: [{ allowedLoadPerPort: 3 }] },
    });
  });

  test("G1: --raw shows the XML of both sides without the password", async () => {
    const { stdout, stderr } = await api("getLoad", "--stationID", "1:100001", "--raw");
    expect(stdout).toMatch(/<urn:getLoad .*getLoadResponse/s);
    expect(stdout).toContain("***</wsse:Password>");
    expect(stdout + stderr).not.toContain("canary-password");
  });

  test("what the service refuses ends with 1 and says why; a bad value with 2", async () => {
    expect(await api("getLoad", "--stationID", "1:999999")).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/getLoad: code \d+/),
    });
    expect(await api("getLoad", "--sgID", "many")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("expected a whole number"),
    });
    expect(await api("getLod")).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("Did you mean getLoad?"),
    });
    const noAccount = await cli(["api", "getLoad"], { ...env, CHARGEPOINT_PASSWORD: "" });
    expect(noAccount).toMatchObject({
      code: 78,
      stderr: expect.stringContaining("CHARGEPOINT_PASSWORD or pass --password-file"),
    });
  });
});

describe("voltbridge completion", () => {
  test("bash completes commands, operations and options", async () => {
    const { stdout } = await cli(["completion", "bash"]);
    const complete = (...words: string[]): string[] => {
      const script = `${stdout}\nCOMP_WORDS=(voltbridge ${words.join(" ")}); COMP_CWORD=${words.length}; _voltbridge; echo "\${COMPREPLY[@]}"`;
      return execFileSync("bash", ["-c", script], { encoding: "utf8" }).trim().split(" ");
    };
    expect(complete("si")).toEqual(["simulate"]);
    expect(complete("api", "getStationS")).toEqual(["getStationStatus"]);
    expect(complete("api", "getLoad", "--se")).toEqual(["--sessionID"]);
  });

  test.each(["zsh", "fish"])("%s gets a script too", async (shell) => {
    expect(await cli(["completion", shell])).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("getStationStatus"),
    });
  });
});
