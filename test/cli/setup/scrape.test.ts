import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { Site } from "../../helpers/site.ts";
import { voltbridge } from "../../helpers/voltbridge.ts";
import { cli } from "../in-process.ts";

const WRONG_WORD = "not-the-password";

describe("scrape", () => {
  let simulator: Simulator;
  let site: Site;

  beforeAll(async () => {
    simulator = await startSimulator({ stations: 2, traffic: false, incidents: false });
    simulator.world.plugIn(simulator.stationIDs[0]!, "1", { kw: 7.2, needKwh: 500 });
    site = new Site({ ...simulator, bridge: {} });
    const { endpoint, username, password } = simulator;
    const device = (registry: string, driver: Record<string, unknown> = {}) => ({
      driver_type: "chargepoint",
      driver_config: { stationID: simulator.stationIDs[0], endpoint, username, password, ...driver },
      registry_config: `config://${registry}`,
    });
    const header =
      "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
    const row = "load,portLoad,LoadRegister,1,float,kW,,FALSE,";
    site.write("registry/twice.csv", `${header}\n${row}\n${row}\n`);
    site.write("configs/devices/site/twice.json", device("twice.csv"));
    site.write("configs/devices/site/warned.json", {
      ...device("chargepoint-minimal.csv"),
      heart_beat_point: "heartbeat",
    });
    site.write("configs/devices/site/faulty.json", device("chargepoint-minimal.csv", { regoin: "NA" }));
    site.write("configs/devices/site/away.json", device("twice.csv", { endpoint: "http://127.0.0.1:1/" }));
    site.write("configs/devices/site/wrong.json", device("twice.csv", { password: WRONG_WORD }));
  });
  afterEach(() => simulator.trouble.end());
  afterAll(async () => {
    await simulator.close();
    site.remove();
  });

  const scrape = (device: string, ...more: string[]) =>
    cli(["scrape", device, "--config", site.config, ...more]);

  test("a device path: its points as a table with even columns", async () => {
    const { code, stdout, stderr } = await scrape("site/s1");
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    const [title, , header, , ...rows] = stdout.trimEnd().split("\n");
    expect(title).toMatch(/^site\/s1, \d{4}-\d\d-\d\dT/);
    expect(header).toMatch(/^point +value +units +type +sent +call +age +writable$/);
    expect(rows).toHaveLength(12);
    expect(rows).toContainEqual(expect.stringMatching(/^portLoad_1 +7\.2 +kW +float +7\.2 +getLoad +\d+ s$/));
    expect(rows).toContainEqual(
      expect.stringMatching(/^allowedLoad_1 +0 +kW +float +0 +getLoad +\d+ s +yes$/),
    );
    const column = header!.indexOf("value");
    for (const row of rows) expect(row.slice(column - 2)).toMatch(/^ {2}\S/);
  });

  test("--json is one document on standard output; the log is on standard error", async () => {
    const args = ["scrape", "site/warned", "--config", site.config, "--json", "--log-level", "debug"];
    const { code, stdout, stderr } = await voltbridge(args);
    const { device, takenAt, values, failures, metadata, sources } = JSON.parse(stdout);
    expect(sources.portLoad_1).toEqual({ call: "getLoad", sent: 7.2, ageSeconds: expect.any(Number) });
    expect(device).toBe("site/warned");
    expect(Math.abs(Date.now() - Date.parse(takenAt))).toBeLessThan(30_000);
    expect(values).toMatchObject({ portLoad_1: 7.2, shedState_1: 0, Status_1: "INUSE" });
    expect(failures).toEqual({});
    expect(metadata.portLoad_1).toEqual({ units: "kW", type: "float", tz: "UTC" });
    expect(stderr).toMatch(/warning \[heartbeat_not_in_registry\]/);
    expect(code).toBe(0);
  });

  test("a device config file needs no --config: the bridge config above it gives registry and path", async () => {
    const { code, stdout } = await cli(["scrape", `${site.devices}/s2.json`]);
    expect(stdout).toMatch(/^site\/s2, /);
    expect(code).toBe(0);
  });

  test("points that cannot be read are shown as such, with the reason, and the others are read", async () => {
    simulator.trouble.begin({ operation: "getLoad", effect: { kind: "code", code: "102" } });
    const { code, stdout } = await scrape("site/s1");
    expect(stdout).toMatch(/^portLoad_1 +\(not read\) +kW +float +– +getLoad +–$/m);
    expect(stdout).toMatch(/^Status_1 +INUSE +string +INUSE +getStationStatus +\d+ s$/m);
    expect(stdout).toMatch(/\n\nnot read: stationLoad, portLoad_1, .*\n {2}getLoad has no station/);
    expect(code).toBe(0);

    const { values, failures } = JSON.parse((await scrape("site/s1", "--json")).stdout);
    expect(values).not.toHaveProperty("portLoad_1");
    expect(failures.portLoad_1).toContain("getLoad");
  });

  test("warnings of its own files are told, those of others are not", async () => {
    const { code, stderr } = await scrape("site/twice");
    expect(stderr).toMatch(/^\S*twice\.csv:3:1: warning \[duplicate_point\] .*\n$/);
    expect(code).toBe(0);
    expect((await scrape("site/s1")).stderr).toBe("");
  });

  describe("what fails prints nothing on standard output", () => {
    test("a config with errors: each of them, and 78", async () => {
      for (const name of ["site/faulty", `${site.devices}/faulty.json`]) {
        const { code, stdout, stderr } = await scrape(name);
        expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
        expect(stderr).toMatch(/faulty\.json:\d+:\d+: error \[unknown_key\].*did you mean "region"\?/);
      }
    });

    test("an unknown device: the one that may be meant, and 78", async () => {
      const { code, stdout, stderr } = await scrape("site/s3", "--json");
      expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
      expect(stderr).toMatch(
        /has no device site\/s3; did you mean "site\/s\d"\?\n1 error .*voltbridge check/,
      );
    });

    test("a service that is away: where it was looked for, and 1", async () => {
      const { code, stdout, stderr } = await scrape("site/away", "--json");
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/device site\/away cannot be read: .*127\.0\.0\.1:1 failed \(ECONNREFUSED\)/);
    });

    test("C11: refused credentials: which account, what to do, once, and no secret", async () => {
      const { code, stderr } = await cli(["scrape", `${site.devices}/wrong.json`, "--log-level", "silent"]);
      expect(stderr.match(/does not accept the credentials/g)).toHaveLength(1);
      expect(stderr).toContain("check the API licence key and API password");
      expect(stderr).not.toContain(WRONG_WORD);
      expect(stderr).not.toContain(simulator.username);
      expect(code).toBe(1);
    });
  });
});
