import { existsSync, readFileSync, statSync } from "node:fs";
import { afterEach, beforeEach, expect, test } from "vitest";
import { cli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const CSV =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units\nload,portLoad,LoadRegister,1,float,kW\n";
const STATION = `{
  "driver_type": "chargepoint",   # VOLTTRON's comment
  "driver_config": {"stationID": "1:12345", "username": "key", "password": "word"},
  "registry_config": "config://Registry_Configs/chargepoint.csv",
  "interval": 60
}`;
const TRIAL = {
  driver_type: "fakedriver",
  driver_config: "config://shared",
  registry_config: "config://fake.json",
  campus: "elsewhere",
};
const ROWS = [
  { "Point Name": "EKG", "Volttron Point Name": "EKG", Units: "=1+1", Writable: "TRUE", Type: "float" },
];
const CONFIGS: Record<string, unknown> = {
  config: { driver_scrape_interval: 0.05, max_open_sockets: 5, allow_no_lock_write: false },
  "devices/pnnl/garage/st1": STATION,
  "devices/pnnl/garage/trial": TRIAL,
  "devices/pnnl/garage/ahu": { driver_type: "bacnet", registry_config: "config://ahu.csv" },
  "devices/pnnl/garage/broken": '{"driver_type": "chargepoint", ',
  "registry_configs/chargepoint.csv": CSV,
  "ahu.csv": "a,b\n",
  "fake.json": ROWS,
  shared: {},
};

let place: Workplace;
beforeEach(() => {
  place = new Workplace();
});
afterEach(() => place.remove());

const text = (file: string) => readFileSync(place.at(file), "utf8");
const convert = (from: string, ...more: string[]) =>
  cli(["import", "volttron", place.at(from), "--out", place.at("site"), ...more]);

function expectSite() {
  expect(text("site/configs/devices/pnnl/garage/st1.json")).toBe(STATION);
  expect(text("site/registry/registry_configs/chargepoint.csv")).toBe(CSV);
  expect(JSON.parse(text("site/configs/devices/pnnl/garage/trial.json"))).toEqual({
    ...{ driver_type: "fakedriver", driver_config: {}, registry_config: "config://fake.csv" },
  });
  expect(text("site/registry/fake.csv")).toMatch(
    /^Point Name,Volttron Point Name,.*\r\nEKG,EKG,'=1\+1,TRUE,float\r\n$/,
  );
  expect(JSON.parse(text("site/configs/bridge.json"))).toEqual({
    ...{
      instance: "voltbridge",
      driver: { driver_scrape_interval: 0.05 },
      actuator: { require_schedule: true },
    },
  });
}

test("a folder of configs named as in the store: converted, and the rest is listed; nothing is overwritten", async () => {
  for (const [name, content] of Object.entries(CONFIGS)) place.write(`export/${name}`, content);
  const first = await convert("export");
  expect(first).toMatchObject({ code: 0, stderr: "" });
  expectSite();
  expect(statSync(place.at("site/configs/devices/pnnl/garage/st1.json")).mode & 0o077).toBe(0);
  expect(first.stdout).toContain("garage/trial.json: without campus: VOLTTRON takes the topic from the name");
  expect(first.stdout).toContain("config://fake.csv instead of config://fake.json");
  expect(first.stdout).toContain("bridge.json: allow_no_lock_write is actuator.require_schedule");
  expect(first.stdout).toContain('devices/pnnl/garage/ahu: there is no driver type "bacnet" here');
  expect(first.stdout).toContain("devices/pnnl/garage/broken: it is not a JSON object (line 1, column");
  expect(first.stdout).toContain("ahu.csv: no device that was converted uses it");
  expect(first.stdout).toContain("config: max_open_sockets: it has no counterpart");
  expect(first.stdout).not.toContain("word");

  const check = await cli(["check", "--config", place.at("site/configs/bridge.json")]);
  expect(check).toMatchObject({ code: 0, stdout: "no problems found\n" });

  place.write("site/configs/bridge.json", "{}");
  const again = await convert("export", "--json");
  expect(again.code).toBe(1);
  expect(JSON.parse(again.stdout)).toMatchObject({
    written: [],
    kept: expect.arrayContaining(["configs/bridge.json"]),
  });
  expect(text("site/configs/bridge.json")).toBe("{}");
});

test("the files of the configuration store itself", async () => {
  const store = (configs: Record<string, unknown>) =>
    Object.fromEntries(
      Object.entries(configs).map(([name, content]) => [
        name,
        {
          type: "json",
          modified: "2026-01-01",
          data: typeof content === "string" ? content : JSON.stringify(content),
        },
      ]),
    );
  const { config, ...others } = CONFIGS;
  place.write("store/platform.driver.store", store({ ...others, config: { driver_scrape_interval: 0.05 } }));
  place.write("store/platform.actuator.store", store({ config: { allow_no_lock_write: false } }));
  place.write("store/platform.historian.store", store({ config: {} }));
  const { code, stdout } = await convert("store");
  expect(code).toBe(0);
  expectSite();
  expect(stdout).toContain("platform.historian.store: it belongs to platform.historian, not to the driver");
});

test.each(["devices/../../../escaped", "devices/a/.hidden", "devices/a//b", "devices/a\\b"])(
  "%s does not leave the folder",
  async (name) => {
    const data = JSON.stringify({ driver_type: "fake", registry_config: "config://r.csv" });
    place.write("platform.driver.store", {
      [name]: { type: "json", data },
      "r.csv": { type: "csv", data: CSV },
    });
    const { stdout } = await convert("platform.driver.store");
    expect(stdout).toContain("its topic path");
    expect(existsSync(place.at("escaped.json"))).toBe(false);
    expect(existsSync(place.at("site/configs/devices"))).toBe(false);
  },
);

test("a folder without a config of the driver: 1, and nothing is written", async () => {
  place.write("export/readme.txt", "hello");
  const { code, stderr } = await convert("export");
  expect({ code, stderr }).toMatchObject({
    code: 1,
    stderr: expect.stringContaining("no config of the driver"),
  });
  expect(existsSync(place.at("site"))).toBe(false);
});
