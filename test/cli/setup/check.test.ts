import { readFileSync } from "node:fs";
import { afterAll, describe, expect, test } from "vitest";
import type { Diagnostic } from "../../../src/config/index.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const REGISTRY_HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const soundRegistry = `${REGISTRY_HEADER}\nportLoad_1,portLoad,LoadRegister,1,float,kW,,FALSE,\n`;

/** A device config that is sound but for what is given. */
const device = (settings: Record<string, unknown> = {}, driver: Record<string, unknown> = {}) => ({
  driver_type: "chargepoint",
  driver_config: {
    stationID: "1:100001",
    username: "licence-key",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config
    password: "${CP_PASSWORD}",
    ...driver,
  },
  registry_config: "config://sound.csv",
  ...settings,
});

const env = { CP_PASSWORD: "open-sesame" };

test("G1: an http endpoint on another host is a warning, one on this machine is not", async () => {
  const place = new Workplace({
    "configs/bridge.json": {},
    "configs/devices/far.json": device({}, { endpoint: "http://cp.example/services" }),
    "configs/devices/near.json": device(
      {},
      { stationID: "1:100002", endpoint: "http://127.0.0.1:8085/services" },
    ),
    "registry/sound.csv": soundRegistry,
  });
  const { code, stdout } = await cli(["check", place.at("configs/devices"), "--json"], env);
  place.remove();
  expect(code).toBe(0);
  expect(JSON.parse(stdout).diagnostics).toMatchObject([
    {
      code: "sent_in_clear",
      severity: "warning",
      file: place.at("configs/devices/far.json"),
      path: "driver_config.endpoint",
      message: expect.stringContaining("cp.example"),
    },
  ]);
});

test("a pattern of an alert rule that covers no device is a warning, with the nearest device", async () => {
  const devices = ["campus/garage/s1", "campus/garag/s2", "elsewhere/*", "*/s1"];
  const place = new Workplace({
    "configs/bridge.json": { alerts: { rules: { away: { when: "station_unreachable", devices } } } },
    "configs/devices/campus/garage/s1.json": device(),
    "registry/sound.csv": soundRegistry,
  });
  const { code, stdout } = await cli(["check", place.at("configs/bridge.json"), "--json"], env);
  place.remove();
  expect(code).toBe(0);
  const { diagnostics } = JSON.parse(stdout) as { diagnostics: Diagnostic[] };
  expect(diagnostics.map(({ code: kind, path, suggestion }) => [kind, path, suggestion])).toEqual([
    ["unmatched_pattern", "alerts.rules.away.devices[1]", "campus/garage/s1"],
    ["unmatched_pattern", "alerts.rules.away.devices[2]", undefined],
  ]);
});

/** Faults in a bridge config, in device configs and in registries; twenty in all, and two warnings. */
const faulty = new Workplace({
  "configs/bridge.json": `{
  "instance": "a/b",
  "histroian": {},
  "mqtt": { "url": "mqtt://localhost:1883", "qos": 2, "keepalive": "often" }
}`,
  "configs/devices/sound.json": device(),
  "configs/devices/broken.json": '{ "driver_type": "chargepoint", ',
  "configs/devices/interval.json": device({ interval: 0, intervall: 5 }),
  "configs/devices/keys.json": device({ driver_tipe: "x" }, { stationId: "1:2", region: "na" }),
  "configs/devices/place.json": device({ timezone: "Europe/Berlim", campus: "a+b" }),
  "configs/devices/secret.json": device({}, { password: { file: "missing.txt" }, stationID: "100001" }),
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the config
  "configs/devices/variable.json": device({}, { username: "${CP_USER}" }),
  "configs/devices/registry.json": device({ registry_config: "config://soundd.csv" }),
  "configs/devices/points.json": device(
    { registry_config: "config://faulty.csv" },
    { shed_lease_minutes: -1 },
  ),
  "configs/devices/rows.json": device(
    { registry_config: "config://faulty.csv", heart_beat_point: "beat" },
    { stationID: "1:100002" },
  ),
  "registry/sound.csv": soundRegistry,
  "registry/faulty.csv": [
    REGISTRY_HEADER,
    "portLoad_1,portLoad,LoadRegister,1,flaot,kW,,FALSE,",
    "a/b,portLoad,LoadRegister,1,float,kW,,FALSE,",
    "limit,allowedLoad,LoadRegister,1,float,kW,much,TRUE,",
    "load,portLaod,LoadRegister,1,float,kW,,FALSE,",
    "status,Status,StatusRegister,1,string,,,FALSE,",
    "sound,portLoad,LoadRegister,1,float,kW,,FALSE,",
    "sound,portLoad,LoadRegister,2,float,kW,,FALSE,",
    "",
  ].join("\n"),
});
afterAll(() => faulty.remove());

const places = (diagnostics: readonly Diagnostic[]) =>
  diagnostics.map(
    ({ file, line, severity, code, path }) =>
      `${file.slice(faulty.folder.length + 1)}:${line} ${severity} ${code} ${path ?? "-"}`,
  );

describe("F3, F8: check of a bridge with faults in every kind of file", () => {
  const config = faulty.at("configs/bridge.json");

  test("lists every problem of every file at once, and ends with 1", async () => {
    const { code, stdout, stderr } = await cli(["check", "--config", config, "--json"], env);
    const { errors, warnings, diagnostics } = JSON.parse(stdout);
    expect(places(diagnostics)).toMatchInlineSnapshot(`
      [
        "configs/bridge.json:2 error bad_name instance",
        "configs/bridge.json:3 error unknown_key histroian",
        "configs/bridge.json:4 error bad_choice mqtt.qos",
        "configs/bridge.json:4 error wrong_type mqtt.keepalive",
        "configs/devices/broken.json:1 error bad_json -",
        "configs/devices/interval.json:9 error out_of_range interval",
        "configs/devices/interval.json:10 error unknown_key intervall",
        "configs/devices/keys.json:7 error unknown_key driver_config.stationId",
        "configs/devices/keys.json:8 error bad_choice driver_config.region",
        "configs/devices/keys.json:11 error unknown_key driver_tipe",
        "configs/devices/place.json:9 error bad_timezone timezone",
        "configs/devices/place.json:10 error bad_topic campus",
        "configs/devices/points.json:7 error out_of_range driver_config.shed_lease_minutes",
        "configs/devices/registry.json:8 error missing_registry registry_config",
        "configs/devices/rows.json:1 warning heartbeat_not_in_registry heart_beat_point",
        "configs/devices/secret.json:4 error bad_text driver_config.stationID",
        "configs/devices/secret.json:6 error unreadable_secret driver_config.password",
        "configs/devices/variable.json:5 error missing_variable driver_config.username",
        "registry/faulty.csv:2 error bad_type Type",
        "registry/faulty.csv:3 error bad_point_name Volttron Point Name",
        "registry/faulty.csv:4 error bad_starting_value Starting Value",
        "registry/faulty.csv:5 error unknown_attribute Attribute Name",
        "registry/faulty.csv:6 error unknown_register Register Name",
        "registry/faulty.csv:8 warning duplicate_point Volttron Point Name",
      ]
    `);
    expect({ code, stderr, errors, warnings }).toEqual({ code: 1, stderr: "", errors: 22, warnings: 2 });
  });

  test("as lines: file, line, column, what, where, and a remedy; then how many", async () => {
    const { code, stdout } = await cli(["check", "--config", config], env);
    const lines = stdout.trimEnd().split("\n");
    expect(lines.at(-1)).toBe("22 errors, 2 warnings");
    for (const line of lines.slice(0, -1)) expect(line).toMatch(/^\S+:\d+:\d+: (error|warning) \[\w+\] /);
    expect(stdout).toMatch(/bridge\.json:3:3: error \[unknown_key\] histroian: .*did you mean "historian"\?/);
    expect(code).toBe(1);
  });

  test("the same by the folder, by the folder above, and by the file", async () => {
    const { stdout } = await cli(["check", "--config", config, "--json"], env);
    for (const path of [config, faulty.at("configs"), faulty.folder])
      expect((await cli(["check", path, "--json"], env)).stdout, path).toBe(stdout);
  });

  test("no problem twice, however often its file is named", async () => {
    const { stdout } = await cli(["check", config, config, faulty.at("registry"), "--json"], env);
    expect(JSON.parse(stdout)).toMatchObject({ errors: 22, warnings: 2 });
  });

  test("a folder of device configs alone leaves out the bridge's own settings", async () => {
    const { code, stdout } = await cli(["check", faulty.at("configs/devices/"), "--json"], env);
    expect(JSON.parse(stdout).errors).toBeGreaterThan(10);
    expect(code).toBe(1);
  });
});

describe("check of one path", () => {
  const place = new Workplace({
    "configs/bridge.json": { registries: "../lists" },
    "configs/site.json": { instance: "site", devices: "site", mqtt: { url: "mqtt://localhost" } },
    "configs/devices/pnnl/one.json": device({ heart_beat_point: "heartbeat" }),
    "configs/site/two.json": device(),
    "lists/sound.csv": soundRegistry,
    "lists/faulty.csv": `${soundRegistry}portLoad_1,portLoad,LoadRegister,2,float,kW,,FALSE,\n`,
    "empty/notes.txt": "",
  });
  afterAll(() => place.remove());

  test("a sound registry", async () => {
    expect(await cli(["check", place.at("lists/sound.csv")])).toEqual({
      code: 0,
      stdout: "no problems found\n",
      stderr: "",
    });
  });

  test("a registry is checked by the driver type that is named", async () => {
    const { code, stdout } = await cli(["check", place.at("lists/sound.csv"), "--driver", "fake"]);
    expect(stdout).toMatch(/sound\.csv:2:\d+: error/);
    expect(code).toBe(1);
  });

  test("a folder of registries", async () => {
    const { code, stdout } = await cli(["check", place.at("lists")]);
    expect(stdout).toMatch(/faulty\.csv:3:1: warning \[duplicate_point\]/);
    expect(stdout).toMatch(/\n0 errors, 1 warning\n$/);
    expect(code).toBe(0);
  });

  test("--strict: a warning is an error", async () => {
    const { code, stdout } = await cli(["check", place.at("lists"), "--strict"]);
    expect(stdout).toMatch(/1 error, 0 warnings\n$/);
    expect(code).toBe(1);
  });

  test("a device config finds its registry by the bridge config above it", async () => {
    const { code, stdout } = await cli(["check", place.at("configs/devices/pnnl/one.json"), "--json"], env);
    expect(JSON.parse(stdout).diagnostics).toEqual([
      expect.objectContaining({ severity: "warning", code: "heartbeat_not_in_registry" }),
    ]);
    expect(code).toBe(0);
  });

  test("a bridge config of another name is known by what it holds", async () => {
    const { stdout } = await cli(["check", place.at("configs/site.json"), "--json"], env);
    const { diagnostics } = JSON.parse(stdout);
    expect(diagnostics).toEqual([
      expect.objectContaining({ file: place.at("configs/site/two.json"), code: "missing_registry" }),
    ]);
  });

  test("--config says which bridge it is to be", async () => {
    const file = place.at("configs/devices/pnnl/one.json");
    const { stdout } = await cli(["check", file, "--config", place.at("configs/site.json"), "--json"], env);
    expect(JSON.parse(stdout).diagnostics).toContainEqual(
      expect.objectContaining({ code: "missing_registry" }),
    );
  });

  test("E31: one station in two device configs: an error that names both files, at the later one", async () => {
    const twins = new Workplace({
      "configs/bridge.json": {},
      "configs/devices/site/a.json": device(),
      "configs/devices/site/b.json": device({}, { stationID: "1:100002" }),
      // Another licence key and the address in place of the region: the same station all the same.
      "configs/devices/site/c.json": device(
        {},
        {
          username: "other-key",
          endpoint: "https://webservices.chargepoint.com/webservices/chargepoint/services/5.1",
        },
      ),
      // A station of another service with the same number.
      "configs/devices/site/d.json": device({}, { region: "EU" }),
      "registry/sound.csv": soundRegistry,
    });
    try {
      const { code, stdout } = await cli(["check", "--config", twins.at("configs/bridge.json")], env);
      const [error, ...rest] = stdout.trimEnd().split("\n");
      expect(error).toMatch(
        /site\/c\.json:1:1: error \[duplicate_station\] driver_config: station 1:100001 .*site\/a\.json.*remove one of them/,
      );
      expect(rest).toEqual(["1 error, 0 warnings"]);
      expect(code).toBe(1);
    } finally {
      twins.remove();
    }
  });

  test("a folder with nothing to check, and files that are none", async () => {
    expect((await cli(["check", place.at("empty")])).stdout).toContain("no device config");
    expect(await cli(["check", "--config", place.at("nowhere.json")])).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("the file does not exist"),
    });
    const binary = place.write(
      "binary.csv",
      readFileSync(process.execPath).subarray(0, 5000).toString("latin1"),
    );
    expect(await cli(["check", binary])).toMatchObject({ code: 1, stderr: "" });
  });

  test("the shipped registries, and the shipped configs with the variables that they name", async () => {
    const set = {
      CHARGEPOINT_USERNAME: "k",
      CHARGEPOINT_PASSWORD: "word",
      CHARGEPOINT_ENDPOINT: "http://localhost",
    };
    const clean = { code: 0, stdout: "no problems found\n", stderr: "" };
    expect(await cli(["check", "registry", "configs", "examples/demo"], set)).toEqual(clean);
    // The samples need no account.
    expect(await cli(["check", "configs"])).toEqual(clean);
    expect((await cli(["check", "examples/demo"])).stdout).toContain(
      "the environment variable CHARGEPOINT_PASSWORD is not set",
    );
  });
});
