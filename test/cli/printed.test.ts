import { readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startSimulator } from "../../src/simulator/index.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { cli, RunningCli } from "./in-process.ts";
import { Workplace } from "./workplace.ts";

// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
const UNSAFE = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/;

const endings: (() => unknown)[] = [];
afterAll(async () => {
  for (const end of endings.splice(0).reverse()) await end();
});

describe("G10: names made to do harm", () => {
  const hostile = '=HYPERLINK("x")\u001b]0;owned\u0007\u202etxt\u2066\u009b2J\nconfirmed: lab/one/limit = 9';
  let place: Workplace;
  let bridge: RunningCli;
  let port: number;
  const ask = (...args: string[]) => cli([...args, "--url", `mqtt://127.0.0.1:${port}`]);

  beforeAll(async () => {
    port = await freePort();
    place = new Workplace({
      "configs/bridge.json": { mqtt: { embedded: { port } }, actuator: { confirm_timeout: 1 } },
      "configs/devices/lab/one.json": { driver_type: "fake", registry_config: "config://fake.csv" },
      "registry/fake.csv": [
        "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Min,Max",
        "limit,memory(7),FakeRegister,1,float,kW,,TRUE,0,50",
      ].join("\n"),
    });
    endings.push(() => place.remove());
    bridge = new RunningCli(["run", "--config", place.at("configs/bridge.json"), "--log-level", "debug"]);
    endings.push(() => bridge.stop());
    await bridge.printed(/connected to/);
  });

  test("neither move the cursor, nor turn text around, nor look like lines of our own, in tables, errors and the log", async () => {
    const printed = [
      await ask("set", "lab/one/limit", "4", "--requester", hostile),
      await ask(
        ...["schedule", "request", hostile, "lab/one", "2026-01-01T00:00:00Z", "2099-01-01T00:00:00Z"],
      ),
      await ask("schedule", "list"),
      await ask("set", `lab/${hostile}`, "4", "--requester", hostile),
      await ask("override", "off", hostile),
      await ask("sheds"),
      await cli(["check", place.at("configs"), "--driver", hostile]),
      await cli(["audit", "--config", place.at("configs/bridge.json")]),
    ].map(({ stdout, stderr }) => `${stdout}${stderr}`);
    expect(printed.filter((text) => text.includes("\\u001b]0;owned")).length).toBeGreaterThanOrEqual(4);
    for (const text of [...printed, bridge.stderr]) {
      expect(text).not.toMatch(UNSAFE);
      expect(text).not.toMatch(/^confirmed: lab\/one\/limit = 9/m);
    }
  });

  test("make no formula of a CSV cell, and JSON says what they are", async () => {
    const audit = (form: string) => cli(["audit", form, "--config", place.at("configs/bridge.json")]);
    // The attempt is in the store a moment after its answer.
    const stdout = await eventually(async () => {
      const text = (await audit("--csv")).stdout.replaceAll("\r\n", "\n");
      expect(text).toContain(`"'=HYPERLINK(""x"")`);
      return text;
    });
    expect(stdout).not.toMatch(/(^|,)"?=/m);
    expect(stdout).not.toMatch(UNSAFE);
    const [entry] = JSON.parse((await audit("--json")).stdout) as { requester: string }[];
    expect(entry!.requester).toBe(hostile);
  });
});

describe("G1: what a server echoes of a secret", () => {
  async function serve(answer: (body: string) => Promise<[status: number, text: string]>): Promise<string> {
    const server = createServer(async (request, response) => {
      const body = await request.setEncoding("utf8").toArray();
      const [status, text] = await answer(body.join(""));
      response.writeHead(status).end(text);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    endings.push(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  test("is in no answer and no error of api", async () => {
    const simulator = await startSimulator({ stations: 1, traffic: false, password: "canary-password" });
    endings.push(() => simulator.close());
    const url = await serve(async (body) => {
      const answer = await fetch(simulator.endpoint, { method: "POST", body });
      return [200, (await answer.text()).replace(/<responseText>[^<]*/, "$& for canary-password")];
    });
    const env = {
      CHARGEPOINT_ENDPOINT: `${url}/webservices/chargepoint/services/5.1`,
      CHARGEPOINT_USERNAME: simulator.username,
      CHARGEPOINT_PASSWORD: "canary-password",
    };
    for (const args of [
      ["--stationID", "1:100001"],
      ["--stationID", "1:100001", "--json"],
      ["--stationID", "9:9"],
    ]) {
      const { stdout, stderr } = await cli(["api", "getLoad", ...args], env);
      expect(`${stdout}${stderr}`).toContain("for ***");
      expect(`${stdout}${stderr}`).not.toContain("canary");
    }
  });

  test("is in no error of history", async () => {
    const url = await serve(async () => [401, '{"error": "authorization failed for bms:canary-password"}']);
    const connection = { url, username: "bms", password: "canary-password" };
    const place = new Workplace({
      "configs/bridge.json": { historian: { backend: "influxdb", connection } },
    });
    endings.push(() => place.remove());
    const { code, stderr } = await cli(["history", "topics", "--config", place.at("configs/bridge.json")]);
    expect(code).toBe(1);
    expect(stderr).toContain("***");
    expect(stderr).not.toContain("canary");
  });

  test("leaves JSON and numbers whole where the secret is a number", async () => {
    const place = new Workplace({
      "configs/bridge.json": { mqtt: { username: "bms", password: "1000", url: "mqtt://127.0.0.1" } },
    });
    endings.push(() => place.remove());
    const { stdout } = await cli(["check", "--json", place.at("configs/bridge.json")]);
    expect(JSON.parse(stdout)).toMatchObject({ diagnostics: expect.any(Array) });
  });
});

describe("G6: what is written for people is the owner's alone", () => {
  test("reports and exports of the history, whatever was there before", async () => {
    const place = new Workplace({ "configs/bridge.json": {}, "fleet.json": "{}" });
    endings.push(() => place.remove());
    const mode = (file: string) => (statSync(file).mode & 0o777).toString(8);
    const simulator = await startSimulator({ stations: 1, traffic: false });
    endings.push(() => simulator.close());
    const env = {
      CHARGEPOINT_ENDPOINT: simulator.endpoint,
      CHARGEPOINT_USERNAME: simulator.username,
      CHARGEPOINT_PASSWORD: simulator.password,
    };
    writeFileSync(place.at("fleet.json.part"), "", { mode: 0o644 });
    for (const form of ["fleet.json", "fleet.xlsx", "fleet.html"]) {
      const out = place.at(form);
      expect((await cli(["report", "fleet", "--out", out], env)).code).toBe(0);
      expect([form, mode(out)]).toEqual([form, "600"]);
    }
    const { stdout } = await cli(["report", "fleet", "--format", "csv", "--out", place.at("tables")], env);
    for (const file of stdout.trim().split("\n")) expect([file, mode(file)]).toEqual([file, "600"]);
  });

  test("a container image has no configs, secrets and data of whoever builds it", () => {
    const read = (name: string) =>
      readFileSync(new URL(`../../${name}`, import.meta.url), "utf8").split("\n");
    const ignored = read(".dockerignore");
    for (const name of ["configs", "data", "secrets", "**/.env*", "**/*.key", "**/*.pem"])
      expect(ignored).toContain(name);
    expect(read("Dockerfile").filter((line) => /^COPY.*(configs|data|secrets)/.test(line))).toEqual([]);
  });
});
