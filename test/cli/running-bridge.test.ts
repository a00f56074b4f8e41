import { once } from "node:events";
import { createServer, type Server } from "node:net";
import { connectAsync } from "mqtt";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { freePort } from "../helpers/mosquitto.ts";
import { Recorder } from "../helpers/mqtt-recorder.ts";
import { voltbridge } from "../helpers/voltbridge.ts";
import { cli, RunningCli } from "./in-process.ts";
import { Workplace } from "./workplace.ts";

const registry = [
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes,Min,Max",
  "load,constant(3.6),FakeRegister,1,float,kW,,FALSE,,,",
  "limit,memory(7.2),FakeRegister,1,float,kW,,TRUE,,,22",
  "offset,memory(0),FakeRegister,,float,degC,,TRUE,,-10,10",
  "label,memory(none),FakeRegister,,string,,,TRUE,,,",
  "enabled,memory(true),FakeRegister,,bool,,,TRUE,,,",
  "stuck,memory(1),FakeRegister,,float,,,TRUE,,,",
  "",
].join("\n");

describe("get, set, revert and status through a running bridge", () => {
  let bridge: RunningCli;
  let place: Workplace;
  let config: string;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `mqtt://127.0.0.1:${port}`;
    place = new Workplace({
      "configs/bridge.json": {
        instance: "desk",
        mqtt: { embedded: { port } },
        historian: { backend: "none" },
        actuator: { confirm_timeout: 1 },
      },
      "configs/devices/lab/one.json": {
        driver_type: "fake",
        driver_config: { fail: ["stuck"] },
        registry_config: "config://fake.csv",
      },
      "registry/fake.csv": registry,
    });
    config = place.at("configs/bridge.json");
    bridge = new RunningCli(["run", "--config", config]);
    await bridge.printed(/connected to/);
  });
  afterAll(async () => {
    const { code, stdout } = await bridge.stop();
    place.remove();
    expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  });

  const ask = (...args: string[]) => cli([...args, "--url", url]);
  const asked = async (...args: string[]) => JSON.parse((await ask(...args, "--json")).stdout);

  test("get prints the bare value", async () => {
    expect(await ask("get", "lab/one/load")).toEqual({ code: 0, stdout: "3.6\n", stderr: "" });
    expect(await asked("get", "lab/one/load")).toMatchObject({
      action: "get",
      device: "lab/one",
      point: "load",
      value: 3.6,
    });
  });

  test("the bridge is found by the bridge config too", async () => {
    const { code, stdout } = await cli(["get", "lab/one/load", "--config", config]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "3.6\n" });
  });

  describe("set takes a value as it is typed", () => {
    test.each<[point: string, args: string[], value: unknown]>([
      ["limit", ["3.3"], 3.3],
      ["limit", ["0"], 0],
      ["offset", ["-4"], -4],
      ["offset", ["-4.5e0"], -4.5],
      ["offset", ["--", "-3"], -3],
      ["label", ["plain text"], "plain text"],
      ["label", ['"quoted"'], "quoted"],
      ["label", ['"12"'], "12"],
      ["label", ["{not json"], "{not json"],
      ["label", ["--", "-dash"], "-dash"],
      ["enabled", ["false"], false],
    ])("%s %j", async (point, args, value) => {
      const { code, stdout } = await cli(["set", "--url", url, "--json", `lab/one/${point}`, ...args]);
      expect(JSON.parse(stdout)).toMatchObject({ status: "confirmed", requested: value, readBack: value });
      expect(code).toBe(0);
      expect(await asked("get", `lab/one/${point}`)).toMatchObject({ value });
    });

    test("options may stand before, between and behind", async () => {
      const { stdout } = await cli(["set", "lab/one/offset", "--json", "-7", "--url", url]);
      expect(JSON.parse(stdout)).toMatchObject({ status: "confirmed", readBack: -7 });
    });
  });

  test("set tells what was asked, what was read back, and how long it took", async () => {
    const { code, stdout, stderr } = await ask("set", "lab/one/limit", "4");
    expect(stdout).toMatch(/^confirmed: lab\/one\/limit = 4, read back 4 \(\d+ ms\)\n$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("E7: set --duration goes with the command", async () => {
    const recorder = await Recorder.connect(url, { protocolVersion: 4 }, "devices/actuators/set/#");
    const { code } = await ask("set", "lab/one/limit", "5", "--duration", "30");
    const command = await recorder.json("devices/actuators/set/lab/one/limit");
    expect(command).toMatchObject({ value: 5, duration_minutes: 30, requester: "cli" });
    expect(code).toBe(0);
    await recorder.close();
  });

  test("revert of a point, and of a device", async () => {
    await ask("set", "lab/one/limit", "4");
    const { code, stdout } = await ask("revert", "lab/one/limit");
    expect(stdout).toMatch(/^confirmed: lab\/one\/limit reverted, read back 7\.2 \(\d+ ms\)\n$/);
    expect(code).toBe(0);

    await ask("set", "lab/one/limit", "4");
    expect(await asked("revert", "lab/one")).toMatchObject({ action: "revert", device: "lab/one" });
    expect(await asked("get", "lab/one/limit")).toMatchObject({ value: 7.2 });
  });

  describe("E13: what is refused or fails ends with 1 and says why", () => {
    test.each<[args: string[], error: string, text: RegExp]>([
      [["set", "lab/one/load", "1"], "PointReadOnlyError", /load/],
      [["set", "lab/one/lmit", "1"], "PointNotFoundError", /did you mean "limit"\?/],
      [["set", "lab/two/limit", "1"], "DeviceNotFoundError", /lab\/two/],
      [["set", "lab/one/limit", "23"], "InvalidValueError", /at most 22/],
      [["set", "lab/one/limit", "much"], "InvalidValueError", /expected a number/],
      [["set", "lab/one/limit", "[1]"], "InvalidValueError", /expected a number/],
      [["set", "lab/one/limit", "null"], "BadPayloadError", /./],
      [["set", "lab/one/label", ""], "Error", /./],
      [["set", "lab/one/stuck", "1"], "Error", /set to fail/],
      [["get", "lab/one/lmit"], "PointNotFoundError", /did you mean "limit"\?/],
      [["get", "lab/one/stuck"], "Error", /set to fail/],
      [["get", "load"], "DeviceNotFoundError", /expected <device path>\/<point>/],
      [["get", "lab/+/load"], "BadTargetError", /expected <device path>\/<point>/],
      [["revert", "lab/one/load"], "PointReadOnlyError", /load/],
    ])("%j: %s", async (args, error, text) => {
      const json = await ask(...args, "--json");
      const answer = JSON.parse(json.stdout);
      expect(answer).toMatchObject({
        error: expect.stringContaining(error),
        text: expect.stringMatching(text),
      });
      expect({ code: json.code, stderr: json.stderr }).toEqual({ code: 1, stderr: "" });

      const { code, stdout } = await ask(...args);
      expect(stdout).toMatch(/^(refused|failed): \S+/);
      expect(stdout).toContain(`\n  ${answer.error}: `);
      expect(code).toBe(1);
    });
  });

  test("status: one line of what it is, then one for each part", async () => {
    const { code, stdout, stderr } = await cli(["status", "--config", config]);
    const [first, second, ...parts] = stdout.trimEnd().split("\n");
    expect(first).toMatch(/^desk is online: version \S+, 1 device, since \S+Z \(\d+ s ago\)$/);
    expect(second).toMatch(/^ {2}(GOOD|STARTING) now$/);
    expect(parts).toContainEqual(expect.stringMatching(/^ {2}devices {2,}online \d, stale 0, offline \d$/));
    const column = parts[0]!.search(/\S {2,}\S/);
    expect(column).toBeGreaterThan(0);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  test("status asks the bridge: what it counts now, not what it said up to a minute ago", async () => {
    const before = Date.now();
    const written = async () => (await asked("status"))[0].health.writes.confirmed;
    const confirmed = await written();
    await ask("set", "lab/one/limit", "6");
    expect(await written()).toBe(confirmed + 1);
    const [{ live, health }] = await asked("status");
    expect(live).toBe(true);
    expect(Date.parse(health.at)).toBeGreaterThanOrEqual(before);
  });

  test("status --json: the bridges of the broker, in a process of its own", async () => {
    const { code, stdout, stderr } = await voltbridge(["status", "--url", url, "--json"]);
    expect(JSON.parse(stdout)).toEqual([
      expect.objectContaining({
        instance: "desk",
        state: "online",
        info: expect.objectContaining({ devices: ["lab/one"] }),
        health: expect.objectContaining({ devices: expect.anything() }),
      }),
    ]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });
});

describe("nobody there", () => {
  let silent: Server;
  let silentUrl: string;
  let broker: RunningCli;
  let brokerUrl: string;
  let place: Workplace;

  beforeAll(async () => {
    silent = createServer().listen(0, "127.0.0.1");
    await once(silent, "listening");
    silentUrl = `mqtt://127.0.0.1:${(silent.address() as { port: number }).port}`;
    // A bridge of another name: its broker is there, the bridge asked for is not.
    const port = await freePort();
    brokerUrl = `mqtt://127.0.0.1:${port}`;
    place = new Workplace({
      "configs/bridge.json": {
        instance: "other",
        mqtt: { embedded: { port } },
        historian: { backend: "none" },
      },
      "configs/devices/one.json": { driver_type: "fake", registry_config: "config://fake.csv" },
      "registry/fake.csv": registry,
      "desk.json": { instance: "desk", mqtt: { url: brokerUrl, base_topic: "east" } },
    });
    broker = new RunningCli(["run", "--config", place.at("configs/bridge.json")]);
    await broker.printed(/connected to/);
  });
  afterAll(async () => {
    silent.close();
    await broker.stop();
    place.remove();
  });

  const commands = [["get", "a/b"], ["set", "a/b", "1"], ["revert", "a/b"], ["status"]];

  test.each(commands)("%s: no broker at the address", async (...args) => {
    const { code, stdout, stderr } = await cli([...args, "--url", "mqtt://127.0.0.1:1", "--json"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toBe(
      "voltbridge: cannot connect to mqtt://127.0.0.1:1: connect ECONNREFUSED 127.0.0.1:1\n",
    );
  });

  test.each(commands)("%s: a broker that does not answer in time", async (...args) => {
    const { code, stdout, stderr } = await cli([...args, "--url", silentUrl, "--timeout", "0.3", "--json"]);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/cannot connect to .*: no answer within 0\.3 s/);
  });

  test("a broker at which that bridge never was: 1, and what to check", async () => {
    const answers = await Promise.all(
      [...commands.slice(0, 3), ["status"]].map((args) => cli([...args, "--config", place.at("desk.json")])),
    );
    for (const { code, stdout, stderr } of answers) {
      expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
      expect(stderr).toMatch(/was (ever|never) online at mqtt:\/\/127\.0\.0\.1:\d+/);
    }
  });

  test("H9: a bridge that is offline: 1, what it was, and how to start it", async () => {
    const client = await connectAsync(brokerUrl);
    const info = { instance: "desk", version: "0.1.0", startedAt: new Date(), devices: ["a"] };
    await client.publishAsync("east/voltbridge/desk/state", "offline", { retain: true, qos: 1 });
    await client.publishAsync("east/voltbridge/desk/info", JSON.stringify(info), { retain: true, qos: 1 });
    const health = { at: new Date(Date.now() - 3 * 3_600_000), status: "GOOD", devices: { online: 1 } };
    await client.publishAsync("east/voltbridge/desk/health", JSON.stringify(health), {
      retain: true,
      qos: 1,
    });

    const { code, stdout, stderr } = await cli(["status", "--config", place.at("desk.json")]);
    expect(stdout).toMatch(
      /^desk is offline\n {2}GOOD, as reported \S+Z \(3 h ago\)\n {2}devices {2}online 1\n$/,
    );
    expect(stderr).toMatch(/bridge "desk" is not online at .*; start it with "voltbridge run"/);
    expect(code).toBe(1);

    const { stderr: refused } = await cli(["get", "a/b", "--config", place.at("desk.json")]);
    expect(refused).toMatch(/is offline \(east\/voltbridge\/desk\/state\); start it with "voltbridge run"/);

    // It says online, and does not answer.
    await client.publishAsync("east/voltbridge/desk/state", "online", { retain: true, qos: 1 });
    const late = await cli([
      "set",
      "a/b",
      "1",
      "--config",
      place.at("desk.json"),
      "--timeout",
      "0.5",
      "--json",
    ]);
    expect(late).toMatchObject({ code: 1, stdout: "" });
    expect(late.stderr).toMatch(/did not answer within 0\.5 s; .*read the point before sending it again/);
    const told = await cli(["status", "--config", place.at("desk.json"), "--timeout", "0.5"]);
    expect(told.code).toBe(0);
    expect(told.stdout).toMatch(
      /^desk is online: .*\n {2}GOOD, as reported 3 h ago; it did not answer within 0\.5 s\n {2}devices {2}online 1\n$/,
    );
    await client.endAsync(true);
  });
});
