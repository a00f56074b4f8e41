import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { DIAGNOSTIC_CODES, type Diagnostic } from "../../../src/config/index.ts";
import { startSimulator } from "../../../src/simulator/index.ts";
import { Site } from "../../helpers/site.ts";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const registry = (...rows: string[]) => `${[HEADER, ...rows].join("\n")}\n`;
const place = new Workplace({ "configs/bridge.json": {} });
afterAll(() => place.remove());

async function check(file: string, ...more: string[]): Promise<Diagnostic[]> {
  const { stdout } = await cli(["check", file, "--json", ...more]);
  return JSON.parse(stdout).diagnostics;
}
const codesOf = (found: readonly Diagnostic[]) =>
  found.map(({ cell, path, code }) => `${cell ?? path} ${code}`);

describe("F3: the formats of check", () => {
  const file = place.write(
    "registry/many.csv",
    registry(
      "first,Status,StationStatusRegister,1,string,,,FALSE,",
      ...Array.from({ length: 8 }, (_, n) => `load${n},portLoad,LoadRegister,Port ${n + 1},float,kW,,FALSE,`),
      'note,Address,StationRegister,,float,,,FALSE,"50%, of\ntwo lines"',
      "last,portLoda,LoadRegister,1,float,kW,,FALSE,",
    ),
  );

  test("text folds what is repeated, with the count and the cells of the others; JSON has all of it", async () => {
    const { stdout, code } = await cli(["check", file]);
    const [ports, type, attribute, counts] = stdout.split("\n");
    expect(ports).toMatch(
      /many\.csv:3:29: error \[bad_port\] D3 Port #: .*did you mean "1"\? \(and 7 more: D4 "Port 2", D5/,
    );
    expect(type).toMatch(
      /:11:\d+: warning \[type_mismatch\] E11 Type: Address of StationRegister is a string/,
    );
    // The row before spans two lines, which are one row of a spreadsheet.
    expect(attribute).toMatch(
      /:13:6: error \[unknown_attribute\] B12 .* such as portLoad, .*"voltbridge registry attributes LoadRegister"/,
    );
    expect({ counts, code }).toEqual({ counts: "9 errors, 1 warning", code: 1 });
    expect(await check(file)).toHaveLength(10);
  });

  test("SARIF: a result for each problem, its rule, level and place", async () => {
    const { stdout } = await cli(["check", file, "--format", "sarif"]);
    const { version, runs } = JSON.parse(stdout);
    const [{ tool, results }] = runs;
    expect({ version, count: results.length }).toEqual({ version: "2.1.0", count: 10 });
    for (const { ruleId, ruleIndex } of results) expect(tool.driver.rules[ruleIndex].id).toBe(ruleId);
    expect(tool.driver.rules[0]).toEqual({
      id: "bad_port",
      shortDescription: { text: DIAGNOSTIC_CODES.bad_port },
    });
    expect(results[0]).toMatchObject({
      level: "error",
      message: { text: expect.stringContaining("D3 Port #") },
    });
    expect(results[0].locations[0].physicalLocation.region).toEqual({ startLine: 3, startColumn: 29 });
    expect(results[0].locations[0].physicalLocation.artifactLocation.uri).toMatch(/^file:.*many\.csv$/);
  });

  test("GitHub: annotations, with their own characters escaped", async () => {
    const odd = place.write("registry/a,b%.csv", registry("x/50%,portLoad,LoadRegister,1,float,kW,,FALSE,"));
    const { stdout } = await cli(["check", odd, "--format", "github"]);
    expect(stdout).toMatch(
      /^::error file=\S*a%2Cb%25\.csv,line=2,col=1,title=bad_point_name::A2 .*"x\/50%25"$/m,
    );
    expect((await cli(["check", odd, "--format", "xml"])).code).toBe(2);
  });
});

describe("rows that cannot work", () => {
  test("types, units, ports, personal data, formulas; a note on an operation that one attribute needs", async () => {
    const file = place.write(
      "registry/odd.csv",
      registry(
        "status,Status,StationStatusRegister,1,float,kWh,,FALSE,",
        "limit,allowedLoad,LoadRegister,1,integer,W,,TRUE,",
        "switch,shedState,LoadRegister,1,boolean,0 or 1,,TRUE,",
        "none,portLoad,LoadRegister,,float,kw,,FALSE,",
        "who,driverName,ChargingSessionRegister,1,string,,,FALSE,=cmd|' /C calc'!A0",
      ),
    );
    expect(codesOf(await check(file))).toEqual([
      "E2 type_mismatch",
      "F2 unit_mismatch",
      "E3 type_mismatch",
      "F3 unit_mismatch",
      "D5 port_needed",
      "B6 personal_data",
      "C6 extra_call",
      "I6 formula",
    ]);
    const hidden = `${HEADER},Publish\nwho,driverName,ChargingSessionRegister,1,string,,,FALSE,,never\n`;
    expect(codesOf(await check(place.write("registry/hidden.csv", hidden)))).toEqual([]);
    const { stdout } = await cli(["check", file, "--strict"]);
    expect(stdout).toMatch(/\n8 errors, 0 warnings, 1 note\n$|\n7 errors, 0 warnings, 1 note\n$/);
  });

  test.each([
    [
      "saved by Excel in Europe",
      `\uFEFF${registry('limit,allowedLoad,LoadRegister,1,float,kW,"7,2",TRUE,')}`
        .replaceAll(",", ";")
        .replace('"7;2"', "7,2"),
      "G2 bad_starting_value",
    ],
    ["empty", "", "A1 no_header"],
    ["binary", "\u0001\u0002\0\u0003\0", "undefined not_csv"],
    ["an Excel workbook", "PK\u0003\u0004…", "undefined not_csv"],
    [
      "an error of a spreadsheet",
      registry("limit,allowedLoad,LoadRegister,1,float,#REF!,,TRUE,"),
      "F2 formula",
    ],
  ])("F3: a registry that is %s", async (name, text, expected) => {
    expect(codesOf(await check(place.write(`registry/${name}.csv`, text)))).toEqual([expected]);
  });

  test("F3: random bytes end with problems, never with a fault, and print no control character", async () => {
    const bytes = Buffer.from(Array.from({ length: 4000 }, (_, n) => (n * 7919 + (n >> 3)) % 256));
    const { code, stdout, stderr } = await cli([
      "check",
      place.write("registry/noise.csv", bytes.toString("latin1")),
    ]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is searched for
    expect(stdout).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f]/);
  });
});

describe("F8: configs that cannot work", () => {
  const device = (driver: object) => ({
    driver_type: "chargepoint",
    driver_config: { stationID: "1:12345", username: "key", password: "word", ...driver },
    registry_config: "config://sound.csv",
  });
  const found = async (name: string, config: object) => {
    const diagnostics = await check(place.write(name, config));
    return diagnostics
      .filter(({ code }) => code !== "missing_registry")
      .map(({ code, path }) => `${path} ${code}`);
  };

  test("a stationID that is a time, a login as key, an endpoint of another region or none", async () => {
    const url = "https://webservices.chargepoint.com/";
    expect(await found("configs/devices/a.json", device({ stationID: "1:12:34:00" }))).toEqual([
      "driver_config.stationID bad_text",
    ]);
    expect(
      await found(
        "configs/devices/b.json",
        device({ username: "me@site.example", region: "EU", endpoint: url }),
      ),
    ).toEqual([
      "driver_config.username not_a_licence_key",
      "driver_config.region region_mismatch",
      "driver_config.endpoint odd_endpoint",
    ]);
    expect(await found("configs/devices/c.json", device({ region: "EU" }))).toEqual([]);
  });

  test("InfluxDB of version 2 without organisation and token: both at once", async () => {
    const historian = { backend: "influxdb", connection: { version: 2, bucket: "b" } };
    expect(await found("influx/bridge.json", { historian, devices: "none" })).toEqual([
      "historian.connection.org missing_key",
      "historian.connection.token missing_key",
    ]);
  });
});

describe("VOLTTRON's own names of settings", () => {
  test("take effect under their names here, with a warning that tells them", async () => {
    const file = place.write("volttron/bridge.json", {
      devices: "none",
      heartbeat_interval: "often",
      actuator: { allow_no_lock_write: false, preempt_grace_time: 5 },
      historian: {
        connection: { type: "sqlite", params: { database: "/tmp/x.sqlite", timeout: 3 } },
        tables_def: { table_prefix: "p" },
      },
    });
    const diagnostics = await check(file);
    expect(diagnostics.map(({ path, code, line }) => `${line} ${path} ${code}`)).toEqual([
      "3 heartbeat_interval renamed_setting",
      // The value is checked under its new name, and reported where it is written.
      "3 driver.heartbeat_interval wrong_type",
      "5 actuator.allow_no_lock_write renamed_setting",
      "10 historian.connection.type renamed_setting",
      "11 historian.connection.params unused_setting",
      "12 historian.connection.params.database renamed_setting",
      "13 historian.connection.params.timeout unused_setting",
      "16 historian.tables_def renamed_setting",
    ]);
    expect(diagnostics[2]!.message).toBe('used as "actuator.require_schedule": true, which is its name here');
  });
});

test("check --online: stations and rows that the account does not return, within a number of calls", async () => {
  const simulator = await startSimulator({ stations: 3, traffic: false, incidents: false });
  const site = new Site({ ...simulator, bridge: {} });
  try {
    const { endpoint, username, password } = simulator;
    const of = (stationID: string) => ({
      driver_type: "chargepoint",
      driver_config: { stationID, endpoint, username, password },
      registry_config: "config://ports.csv",
    });
    site.write(
      "registry/ports.csv",
      registry(...["1", "9"].map((n) => `load_${n},portLoad,LoadRegister,${n},float,kW,,FALSE,`)),
    );
    site.write("configs/devices/site/known.json", of(simulator.stationIDs[2]!));
    site.write("configs/devices/site/unknown.json", of("1:999999"));
    const [known, unknown] = ["known", "unknown"].map((name) => join(site.devices, `${name}.json`)) as [
      string,
      string,
    ];
    const online = await check(known, "--online", "--config", site.config);
    expect(codesOf(online)).toEqual(["B3 row_not_read"]);
    expect(online[0]).toMatchObject({
      severity: "error",
      message: expect.stringContaining('has no port "9"'),
    });
    const [error] = await check(unknown, "--online", "--config", site.config);
    expect(error).toMatchObject({
      code: "device_not_read",
      file: unknown,
      message: expect.stringContaining("1:999999"),
    });
    const few = await cli(["check", "--config", site.config, "--online", "--max-calls", "1", "--json"]);
    expect(few.stderr).toMatch(/^1 device asked for\n$/);
    expect(JSON.parse(few.stdout).diagnostics).toContainEqual(expect.objectContaining({ code: "not_asked" }));
  } finally {
    await simulator.close();
    site.remove();
  }
});
