import { existsSync, readdirSync, rmSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { freePort } from "../../helpers/mosquitto.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const header =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const load = "load,constant(3.6),FakeRegister,,float,kW,,FALSE,";

describe("run", () => {
  let place: Workplace;
  let config: string;

  beforeEach(async () => {
    place = new Workplace({
      "configs/bridge.json": { mqtt: { embedded: { port: await freePort() } } },
      "configs/devices/lab/one.json": { driver_type: "fake", registry_config: "config://fake.csv" },
      "registry/fake.csv": `${header}\n${load}\n`,
    });
    config = place.at("configs/bridge.json");
  });
  afterEach(() => place.remove());

  const refused = async (...args: string[]) => {
    const { code, stdout, stderr } = await cli(["run", "--config", config, ...args]);
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    return stderr;
  };

  test("says what runs and where, line by line in JSON if wanted, and ends with 0", async () => {
    const bridge = new RunningCli(["run", "--config", config, "--log-format", "json"]);
    await bridge.printed(/connected to/);
    const { code, stdout, stderr } = await bridge.stop();
    const lines = stderr
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(lines).toContainEqual(
      expect.objectContaining({ msg: "running", devices: 1, data: place.at("data") }),
    );
    expect(lines.at(-1)).toMatchObject({ msg: "stopped" });
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  test("what has errors is left out, told, and counted; the rest runs", async () => {
    place.write("registry/fake.csv", `${header}\n${load}\nbad,sine(1),FakeRegister,,float,kW,,FALSE,\n`);
    place.write("configs/devices/lab/two.json", { driver_type: "fake", registry_config: "fake.csv" });
    const bridge = new RunningCli(["run", "--config", config]);
    await bridge.printed(/running devices=1/);
    const { stderr } = await bridge.stop();
    expect(stderr).toMatch(/two\.json:\d+:\d+: error \[missing_registry\]/);
    expect(stderr).toMatch(/fake\.csv:3:\d+: error \[\w+\] B3 Attribute Name/);
    expect(stderr).toContain("2 problems above");
  });

  test("G9: an embedded broker open to the network is refused, by check too; with user and password it runs", async () => {
    const embedded = { host: "0.0.0.0", port: await freePort() };
    place.write("configs/bridge.json", { mqtt: { embedded } });
    const place17 = /bridge\.json:4:15: error \[open_broker\] mqtt\.embedded\.host: /;
    expect(await refused()).toMatch(place17);
    expect(await cli(["check", "--config", config])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(place17),
    });
    place.write("configs/bridge.json", { mqtt: { embedded, username: "bms", password: "hidden-word" } });
    const bridge = new RunningCli(["run", "--config", config]);
    await bridge.printed(/connected to/);
    expect((await bridge.stop()).code).toBe(0);
  });

  test("--strict: with a warning in any file nothing starts", async () => {
    place.write("registry/fake.csv", `${header}\n${load}\n${load}\n`);
    const stderr = await refused("--strict");
    expect(stderr).toMatch(/fake\.csv:3:1: error \[duplicate_point\]/);
    expect(stderr).toMatch(/voltbridge: not started: --strict/);
    expect(existsSync(place.at("data"))).toBe(false);
  });

  test("--strict: nor with one that only a driver sees", async () => {
    place.write("configs/devices/lab/one.json", {
      driver_type: "fake",
      registry_config: "config://fake.csv",
      heart_beat_point: "beat",
    });
    expect(await refused("--strict")).toMatch(
      /error \[heartbeat_not_in_registry\].*\n.*not started: --strict/,
    );
  });

  test("a bridge config with errors, or none at the place named", async () => {
    expect(await refused("--config", place.at("nowhere.json"))).toMatch(
      /nowhere\.json:1:1: error \[unreadable_file\]/,
    );
    place.write("configs/bridge.json", '{ "mqtt": { "qos": 3 }, "historian": { "backend": "sqlit" } }');
    const stderr = await refused();
    expect(stderr).toMatch(/bridge\.json:1:20: error \[bad_choice\] mqtt\.qos: .*found 3/);
    expect(stderr).toMatch(/historian\.backend.*did you mean "sqlite"\?/);
  });

  test("a start that fails leaves no data folder behind, whatever it fails at", async () => {
    rmSync(place.at("configs/devices"), { recursive: true });
    expect(await refused()).toMatch(/no device can be started/);
    expect(readdirSync(place.folder).sort()).toEqual(["configs", "registry"]);
    // One that only its driver refuses.
    place.write("configs/devices/lab/one.json", {
      driver_type: "fake",
      registry_config: "config://fake.csv",
    });
    place.write("registry/fake.csv", `${header}\nbad,sine(1),FakeRegister,,float,kW,,FALSE,\n`);
    expect(await refused()).toMatch(/no device can be started/);
    expect(readdirSync(place.folder).sort()).toEqual(["configs", "registry"]);
    // One that was there stays, with what it held.
    place.write("data/mine.txt", "mine");
    await refused();
    expect(readdirSync(place.at("data"))).toContain("mine.txt");
  });

  test("no device at all: where one belongs, and nothing is left behind", async () => {
    place.write("configs/devices/lab/one.json", "{}");
    expect(await refused()).toMatch(
      /no device can be started; fix the problems above, or add a device config to .*devices/,
    );
    // The data folder and the port are free again.
    place.write("configs/devices/lab/one.json", {
      driver_type: "fake",
      registry_config: "config://fake.csv",
    });
    const bridge = new RunningCli(["run", "--config", config]);
    await bridge.printed(/running devices=1/);
    expect((await bridge.stop()).code).toBe(0);
  });
});
