import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { editorSchemas } from "../../../src/cli/setup/editor-schemas.ts";
import { loadAll } from "../../../src/cli/setup/load.ts";
import { driverTypes } from "../../../src/drivers/index.ts";
import { createLog, Secrets } from "../../../src/log/log.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { NO_OUTAGES } from "../../helpers/outages.ts";
import { tableFaults } from "../../helpers/table-schema.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

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
    const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
    expect(files).toHaveLength((await found()).length);
    const text = readFileSync(join(folder, files[0]!), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      driver_type: "chargepoint",
      driver_config: { stationID: expect.any(String) },
    });
    expect(text).not.toContain("canary");
    const second = await cli(["discover", "--write", folder], env);
    expect(second).toMatchObject({ code: 1, stdout: "" });
    expect(second.stderr).toMatch(/already there.*--force/);
    expect((await cli(["discover", "--write", folder, "--force"], env)).code).toBe(0);
  });

  test("prints a config for the set; names the account that is missing", async () => {
    const { stdout } = await cli(["discover", "--set", "--stationName", "*"], env);
    expect(JSON.parse(stdout).driver_config.stations).toEqual({ stationName: "*" });
    expect((await cli(["discover", "--set"], env)).code).toBe(2);
    expect((await cli(["discover"], {})).code).toBe(78);
  });

  test("a mixed fleet of 60 stations: a registry for each kind, and no point that cannot be read", async () => {
    const fleet = await startSimulator({ stations: 60, traffic: false, incidents: false });
    const place = new Workplace({ "configs/bridge.json": {} });
    try {
      const account = {
        CHARGEPOINT_ENDPOINT: fleet.endpoint,
        CHARGEPOINT_USERNAME: fleet.username,
        CHARGEPOINT_PASSWORD: fleet.password,
      };
      const { code, stdout } = await cli(["discover", "--write", place.at("configs/devices/site")], account);
      expect(code).toBe(0);
      const registries = readdirSync(place.at("registry"));
      expect(registries).toHaveLength(9);
      for (const name of registries)
        expect(tableFaults(readFileSync(place.at(`registry/${name}`), "utf8"))).toEqual([]);
      expect(stdout).toContain("configs/device.schema.json");

      const options = { config: place.at("configs/bridge.json"), secrets: new Secrets(), env: account };
      const { devices, diagnostics } = await loadAll(options);
      expect(diagnostics).toEqual([]);
      expect(devices).toHaveLength(60);
      const checked = JSON.parse((await cli(["check", place.folder, "--json"], account)).stdout);
      expect(checked.diagnostics).toEqual([]);
      const validate = new Ajv2020({ strictTypes: false }).compile(editorSchemas()["device.schema.json"]);
      for (const { settings } of devices) {
        const config = JSON.parse(readFileSync(settings.file, "utf8"));
        expect(validate(config)).toBe(true);
        expect(join(settings.file, "..", config.$schema)).toBe(place.at("configs/device.schema.json"));
      }

      const service = driverTypes.chargepoint!.open({
        log: createLog({ level: "silent" }),
        state: { get: () => null, set: () => undefined },
        notice: () => undefined,
        outages: NO_OUTAGES,
      });
      const read = await Promise.all(
        devices.map(({ settings, rows }) =>
          service
            .createDevice({ path: settings.path, config: settings.driverConfig, rows, intervalSeconds: 60 })
            .scrapeAll(AbortSignal.timeout(60_000)),
        ),
      );
      await service.close();
      expect(read.flatMap(({ failures }) => [...failures.keys()])).toEqual([]);
      const ports = devices.map(({ rows }) => [...new Set(rows.flatMap(({ port }) => port ?? []))].join(" "));
      expect(new Set(ports)).toEqual(new Set(["1", "1 2", "1A", "1A 1B"]));
      const oneFast = read[ports.indexOf("1A")]!;
      expect([...oneFast.values.keys()].filter((name) => name.startsWith("Status_"))).toEqual(["Status_1A"]);
    } finally {
      await fleet.close();
      place.remove();
    }
  });

  test("registries that are there already are used as they are; --registry makes none", async () => {
    const place = new Workplace({ "configs/bridge.json": {}, "registry/ct4021-gw1.csv": "mine" });
    const configs = place.at("configs/devices/site");
    const { code, stderr } = await cli(["discover", "--write", configs, "--points", "load"], env);
    expect(code).toBe(0);
    expect(stderr).toMatch(/there already.*ct4021-gw1\.csv/);
    expect(readFileSync(place.at("registry/ct4021-gw1.csv"), "utf8")).toBe("mine");
    const before = readdirSync(place.at("registry"));
    await cli(["discover", "--write", configs, "--registry", "config://mine.csv", "--force"], env);
    expect(readdirSync(place.at("registry"))).toEqual(before);
    expect(readFileSync(join(configs, "1-100001.json"), "utf8")).toContain('"config://mine.csv"');
    place.remove();
  });
});
