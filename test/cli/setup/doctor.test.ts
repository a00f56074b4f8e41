import { once } from "node:events";
import { readdirSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { DataLock } from "../../../src/devices/index.ts";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { broker, endings } from "../../helpers/endings.ts";
import { freePort, mosquittoInstalled } from "../../helpers/mosquitto.ts";
import { Recorder } from "../../helpers/mqtt-recorder.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

interface Finding {
  readonly check: string;
  readonly outcome: string;
  readonly text: string;
  readonly remedy?: string;
}

const HEADER =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes";
const FAKE = `${HEADER}\nload,constant(3.6),FakeRegister,1,float,kW,,FALSE,\n`;
const CHARGEPOINT =
  `${HEADER}\nstatus,Status,StationStatusRegister,1,string,,,FALSE,\n` +
  "load,portLoad,LoadRegister,1,float,kW,,FALSE,\nmore,stationLoad,LoadRegister,,float,kW,,FALSE,\n";
const fake = { driver_type: "fake", registry_config: "config://fake.csv" };

/** A folder with a bridge config and one device. */
function site(bridge: Record<string, unknown>, device: Record<string, unknown> = fake): Workplace {
  const place = new Workplace({
    "configs/bridge.json": { instance: "desk", ...bridge },
    "configs/devices/lab/one.json": device,
    "registry/fake.csv": FAKE,
    "registry/chargepoint.csv": CHARGEPOINT,
  });
  endings.push(() => place.remove());
  return place;
}

async function doctor(place: Workplace, env: Record<string, string> = {}, timeout = "3") {
  const args = ["doctor", "--config", place.at("configs/bridge.json"), "--timeout", timeout, "--json"];
  const { code, stdout, stderr } = await cli(args, env);
  expect(stderr).toBe("");
  const findings = JSON.parse(stdout) as Finding[];
  return { code, findings, of: (check: string) => findings.filter((finding) => finding.check === check) };
}

const outcomes = (findings: readonly Finding[]) =>
  Object.fromEntries(findings.map(({ check, outcome }) => [check, outcome]));

describe.skipIf(!mosquittoInstalled)("doctor at a broker", () => {
  let simulator: Simulator;
  beforeAll(async () => {
    simulator = await startSimulator({
      ...{ stations: 1, traffic: false, incidents: false },
      accounts: [{ username: "small-plan-licence", password: "small-plan-secret", plan: "commercial" }],
    });
  });
  afterAll(() => simulator.close());

  const station = (driver: Record<string, unknown> = {}) => {
    const { endpoint, username, password } = simulator;
    return {
      driver_type: "chargepoint",
      driver_config: { stationID: simulator.stationIDs[0], endpoint, username, password, ...driver },
      registry_config: "config://chargepoint.csv",
    };
  };

  test("nothing is wrong: 0, one line a check; nothing is left at the broker, and each kind of data was asked for once", async () => {
    const { url } = await broker();
    const place = site({ mqtt: { url } }, station());
    const before = simulator.calls.length;
    const { code, findings, of } = await doctor(place);
    expect(findings.filter(({ outcome }) => outcome !== "ok")).toEqual([]);
    expect(code).toBe(0);
    expect(findings.map(({ check }) => check)).toEqual([
      ...["files", "secrets", "permissions", "disk", "store", "tcp", "tcp", "proxy", "broker", "bridge"],
      ...["account", "clock"],
    ]);
    expect(of("broker")[0]!.text).toMatch(/connect, MQTT 5, get, set, .*sessions, own topics/);
    expect(of("account")[0]!.text).toContain("getStationStatus, getLoad answered for station");
    const asked = simulator.calls.slice(before);
    expect(asked.map(({ operation }) => operation)).toEqual(["getStationStatus", "getLoad"]);
    const recorder = await Recorder.connect(url);
    endings.push(() => recorder.client.end(true));
    await recorder.client.publishAsync("last", "1", { qos: 1 });
    await recorder.find("last");
    expect(recorder.messages.map(({ topic }) => topic)).toEqual(["last"]);
    expect(readdirSync(place.folder)).not.toContain("data");
  });

  test("a wrong password at the broker", async () => {
    const { url } = await broker({ users: { bridge: "right-word" } });
    const { code, of } = await doctor(site({ mqtt: { url, username: "bridge", password: "wrong-word" } }));
    expect(code).toBe(1);
    expect(of("tcp")[0]).toMatchObject({ outcome: "ok" });
    expect(of("broker")).toEqual([
      { check: "broker", outcome: "failed", text: expect.stringMatching(/Not authorized.*the login/) },
    ]);
    expect(of("bridge")[0]).toMatchObject({ outcome: "skipped" });
  });

  test("a certificate of an unknown authority; with its file, one that expires soon", async () => {
    const { url, folder } = await broker({ tls: "server" });
    const unknown = await doctor(site({ mqtt: { url } }));
    expect(unknown.code).toBe(1);
    expect(unknown.of("tls")[0]).toMatchObject({
      outcome: "failed",
      remedy: expect.stringContaining("mqtt.ca"),
    });
    expect(unknown.of("broker")[0]).toMatchObject({ outcome: "skipped" });
    const known = await doctor(site({ mqtt: { url, ca: `${folder}/ca.pem` } }));
    expect(known.code).toBe(0);
    expect(known.of("tls")[0]).toMatchObject({
      outcome: "warning",
      remedy: expect.stringMatching(/within [12] days/),
    });
    expect(known.of("broker")[0]).toMatchObject({ outcome: "ok" });
  });

  test("rights that are missing at the broker", async () => {
    const acl = [
      "topic readwrite voltbridge/#",
      "topic write devices/#",
      "topic read devices/actuators/get/#",
    ];
    const { url } = await broker({ acl });
    const { code, of } = await doctor(site({ mqtt: { url } }), {}, "0.5");
    expect(code).toBe(1);
    expect(of("broker")).toContainEqual({
      ...{ check: "broker", outcome: "failed" },
      text: expect.stringMatching(/^set: .*give its user the right to read devices\/actuators\/set\/#/),
    });
  });

  test("accounts: a wrong password, the login of a driver, a plan without a call, an unknown station", async () => {
    const { url } = await broker();
    const account = async (driver: Record<string, unknown>) => {
      const { code, of } = await doctor(site({ mqtt: { url } }, station(driver)));
      return { code, found: of("account") };
    };
    const [wrong, login, plan, unknown] = await Promise.all([
      account({ password: "wrong-word" }),
      account({ username: "driver@example.org" }),
      account({ username: "small-plan-licence", password: "small-plan-secret" }),
      account({ stationID: "1:999999" }),
    ]);
    expect(wrong.code).toBe(1);
    expect(wrong.found).toHaveLength(1);
    expect(wrong.found[0]).toMatchObject({
      outcome: "failed",
      text: expect.stringContaining("API licence key"),
    });
    expect(login.found[0]).toMatchObject({ outcome: "failed", remedy: expect.stringContaining("API Info") });
    expect(plan.code).toBe(0);
    expect(plan.found.map(({ outcome }) => outcome)).toEqual(["warning", "ok"]);
    expect(plan.found[0]).toMatchObject({
      text: expect.stringMatching(/getLoad: code 101, .*no values for load, more/),
      remedy: expect.stringContaining("remove the rows that need getLoad"),
    });
    expect(unknown.found[0]).toMatchObject({ outcome: "warning", text: expect.stringContaining("1:999999") });
  });

  test("a bridge of this name that runs here, and one that runs elsewhere", async () => {
    const { url } = await broker();
    const [here, there] = [site({ mqtt: { url } }), site({ mqtt: { url } })];
    const bridge = new RunningCli(["run", "--config", here.at("configs/bridge.json")]);
    await bridge.printed(/ running\b.*broker/);
    endings.push(() => bridge.stop());
    const beside = await doctor(here);
    expect(beside.of("bridge")).toEqual([
      {
        check: "bridge",
        outcome: "ok",
        text: expect.stringContaining('"desk" is running with this data folder'),
      },
    ]);
    const elsewhere = await doctor(there);
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.of("bridge")).toEqual([
      expect.objectContaining({ outcome: "failed", remedy: expect.stringContaining('another "instance"') }),
    ]);
    const { stderr } = await bridge.stop();
    expect(stderr).not.toMatch(/another bridge/);
  });
});

describe("doctor without a broker", () => {
  test("no broker at the port: the checks that need it are skipped, and say so", async () => {
    const { code, findings, of } = await doctor(site({ mqtt: { url: "mqtt://127.0.0.1:1" } }));
    expect(code).toBe(1);
    expect(outcomes(findings)).toMatchObject({ tcp: "failed", broker: "skipped", bridge: "skipped" });
    expect(of("tcp")[0]!.remedy).toContain("nothing listens there");
    expect(of("broker")[0]!.text).toContain("because the broker cannot be reached");
  });

  test("a name that nobody knows; a proxy that is set is not used, and not printed", async () => {
    const place = site({ mqtt: { url: "mqtts://broker.invalid" } });
    const { findings, of } = await doctor(place, { HTTPS_PROXY: "http://user:secret-word@proxy:3128" });
    expect(outcomes(findings)).toMatchObject({
      dns: "failed",
      tcp: "skipped",
      tls: "skipped",
      proxy: "warning",
    });
    expect(of("proxy")[0]).toMatchObject({ remedy: expect.stringContaining("broker.invalid:8883") });
    expect(JSON.stringify(findings)).not.toContain("secret-word");
  });

  test("a secret file that is not there, and a variable that is not set", async () => {
    const lost = await doctor(
      site({ mqtt: { url: "mqtt://127.0.0.1:1", username: "a", password: { file: "gone" } } }),
    );
    expect(lost.code).toBe(1);
    expect(lost.of("secrets")[0]).toMatchObject({
      outcome: "failed",
      text: expect.stringContaining("gone does not exist"),
    });
    expect(lost.of("broker")[0]).toMatchObject({
      outcome: "skipped",
      text: expect.stringContaining("see files and secrets"),
    });
    const unset = await doctor(
      site({ mqtt: { url: "mqtt://127.0.0.1:1", username: "a", password: `$\{NOT_SET}` } }),
    );
    expect(unset.of("secrets")[0]).toMatchObject({
      outcome: "failed",
      remedy: expect.stringContaining("environment of the bridge"),
    });
  });

  test("a data folder that cannot be made; one that is in use by a process without a bridge at the broker", async () => {
    const port = await freePort();
    const mqtt = { embedded: { port } };
    const file = site({ mqtt, data: "bridge.json/data" });
    const { code, of } = await doctor(file);
    expect(code).toBe(1);
    expect(of("permissions")[0]).toMatchObject({
      outcome: "failed",
      text: expect.stringContaining("is not a folder"),
    });
    expect(of("broker")[0]).toMatchObject({ outcome: "ok", text: expect.stringContaining(`port ${port}`) });

    const used = site({ mqtt });
    const lock = DataLock.take(used.at("data"));
    endings.push(() => lock.release());
    const busy = await doctor(used);
    expect(busy.of("bridge")[0]).toMatchObject({
      outcome: "warning",
      text: expect.stringContaining(`process ${process.pid}`),
    });
    expect(outcomes(busy.findings)).toMatchObject({ permissions: "ok", disk: "ok", store: "ok" });
  });

  test("a clock that is wrong by an hour", async () => {
    const server = createServer((_, response) => {
      response.setHeader("date", new Date(Date.now() + 3_600_000).toUTCString());
      response.end();
    }).listen(0, "127.0.0.1");
    endings.push(() => server.close());
    await once(server, "listening");
    const { port } = server.address() as AddressInfo;
    const driver_config = {
      stationID: "1:1",
      username: "key",
      password: "word",
      endpoint: `http://127.0.0.1:${port}/`,
    };
    const device = { driver_type: "chargepoint", driver_config, registry_config: "config://chargepoint.csv" };
    const { of } = await doctor(site({ mqtt: { url: "mqtt://127.0.0.1:1" } }, device));
    expect(of("clock")[0]).toMatchObject({
      outcome: "failed",
      text: expect.stringMatching(/^3(599|600|601) s behind/),
    });
  });

  test("on a screen, remedies have lines of their own, and no line is wider than the screen", async () => {
    const place = site({ mqtt: { url: "mqtt://127.0.0.1:1" } });
    const run = new RunningCli(
      ["doctor", "--config", "bridge.json"].with(2, place.at("configs/bridge.json")),
      {},
      { interactive: true, columns: 80 },
    );
    const { stdout, stderr } = await run.ended;
    expect(stdout).toMatch(/^tcp +failed +cannot connect .*\n(?: +\S.*\n)? +→ nothing listens there/m);
    const spaced = stdout.split("\n").filter((line) => !line.includes(place.folder));
    expect(Math.max(...spaced.map((line) => line.length))).toBeLessThanOrEqual(80);
    expect(stderr).toMatch(/\d+ ok, 0 warning, 1 failed, 2 skipped/);
  });
});
