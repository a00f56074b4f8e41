import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer } from "node:net";
import { PassThrough } from "node:stream";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Simulator, startSimulator } from "../../../src/simulator/index.ts";
import { findProgram } from "../../helpers/mosquitto.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Workplace } from "../workplace.ts";

const starter = fileURLToPath(new URL("../../../bin/voltbridge", import.meta.url));
/** A terminal for a program, of the Debian package bsdutils. */
const script = findProgram("script");
let simulator: Simulator;
let account: string[];
let free: number;

beforeAll(async () => {
  simulator = await startSimulator({ stations: 12, traffic: false, incidents: false, password: "canary-1" });
  account = ["--endpoint", simulator.endpoint, "--username", simulator.username];
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  free = (server.address() as { port: number }).port;
  server.close();
});
afterAll(() => simulator.close());

function workplace(): Workplace {
  const place = new Workplace({ password: "canary-1\n" });
  onTestFinished(() => place.remove());
  return place;
}

const textsBelow = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8", withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.endsWith(".schema.json"))
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, "utf8"));

/** `init` at a terminal, with the answers to its questions. */
async function asked(
  place: Workplace,
  answers: readonly [question: RegExp, answer: string][],
  args: string[] = [],
) {
  const input = Object.assign(new PassThrough(), { isTTY: true });
  const running = new RunningCli(
    ["init", "--folder", place.folder, ...args],
    {},
    { interactive: true, input: () => input },
  );
  for (const [question, answer] of answers) {
    await running.printed(new RegExp(`${question.source}[^\\n]*: $`, "m"));
    // As a terminal echoes it; the question is no longer the end of a line.
    running.stdout += `${answer || "(empty)"}\n`;
    input.write(`${answer}\n`);
  }
  return running;
}

describe("voltbridge init", () => {
  test("by options: configs that are ready to run, secrets in files of the owner", async () => {
    const place = workplace();
    const args = ["init", "--folder", place.folder, "--broker", `embedded:${free}`, "--instance", "acme"];
    const options = [...account, "--password-file", place.at("password"), "--topic", "pnnl/garage"];
    const { code, stdout, stderr } = await cli([...args, ...options]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/check: 12 devices, no problems found/);
    expect(JSON.parse(readFileSync(place.at("configs/bridge.json"), "utf8"))).toMatchObject({
      $schema: "./bridge.schema.json",
      instance: "acme",
      mqtt: { embedded: { host: "127.0.0.1", port: free } },
    });
    expect(existsSync(place.at("configs/bridge.schema.json"))).toBe(true);
    const device = JSON.parse(readFileSync(place.at("configs/devices/pnnl/garage/1-100012.json"), "utf8"));
    expect(device).toMatchObject({
      driver_config: {
        username: { file: "../../../../secrets/chargepoint.username" },
        password: { file: place.at("password") },
      },
      registry_config: "config://cpe250c-625.csv",
    });
    expect(statSync(place.at("secrets/chargepoint.username")).mode & 0o777).toBe(0o600);
    expect(statSync(place.at("secrets")).mode & 0o777).toBe(0o700);
    // The password is only where it was.
    expect(textsBelow(place.folder).filter((text) => text.includes("canary-1"))).toHaveLength(1);

    const scraped = await cli([
      "scrape",
      "pnnl/garage/1-100012",
      "--config",
      place.at("configs/bridge.json"),
      "--json",
    ]);
    expect(JSON.parse(scraped.stdout).failures).toEqual({});

    const again = await cli([...args, ...options]);
    expect(again.stderr).toMatch(/bridge\.json is already there, and nothing was written.*--force/);
    expect(again.code).toBe(1);
    expect((await cli([...args, ...options, "--force"])).code).toBe(0);
  });

  test("an account of the environment is named by its variables", async () => {
    const place = workplace();
    const env = {
      CHARGEPOINT_ENDPOINT: simulator.endpoint,
      CHARGEPOINT_USERNAME: simulator.username,
      CHARGEPOINT_PASSWORD: "canary-1",
    };
    const { code } = await cli(
      ["init", "--folder", place.folder, "--broker", `embedded:${free}`, "--points", "load"],
      env,
    );
    expect(code).toBe(0);
    const text = readFileSync(place.at("configs/devices/campus/garage/1-100001.json"), "utf8");
    expect(text).toContain("$" + '{CHARGEPOINT_PASSWORD}"');
    expect(existsSync(place.at("secrets"))).toBe(false);
  });

  test("without a terminal: everything that is missing in one usage error, and nothing is written", async () => {
    const place = workplace();
    const { code, stderr } = await cli(["init", "--folder", place.at("new")]);
    expect(stderr).toMatch(/no terminal.*--broker.*--region or --endpoint.*--username.*--password-file/);
    expect(code).toBe(2);
    expect(existsSync(place.at("new"))).toBe(false);
  });

  test("without a terminal: a broker or an account that does not work ends it, and nothing is written", async () => {
    const place = workplace();
    const broker = ["init", "--folder", place.at("new"), "--broker"];
    const all = [...account, "--password-file", place.at("password")];
    const away = await cli([...broker, "mqtt://127.0.0.1:1", ...all]);
    expect(away.stderr).toMatch(/cannot connect to mqtt:\/\/127\.0\.0\.1:1/);
    place.write("wrong", "no");
    const refused = await cli([
      ...broker,
      `embedded:${free}`,
      ...account,
      "--password-file",
      place.at("wrong"),
    ]);
    expect(refused.stderr).toMatch(/does not accept the credentials/);
    const inClear = await cli([...broker, "mqtt://me:secret@127.0.0.1", ...all]);
    expect(inClear.stderr).toMatch(/give the password by itself/);
    expect([away.code, refused.code, inClear.code]).toEqual([1, 1, 2]);
    expect(existsSync(place.at("new"))).toBe(false);
  });

  test("asks at a terminal, and again where an answer does not work", async () => {
    const place = workplace();
    const running = await asked(place, [
      [/Name of the bridge/, "acme/2"],
      [/Name of the bridge/, "acme"],
      [/^Broker/m, "mqtt://127.0.0.1:1"],
      [/User name there/, ""],
      [/nevertheless/, "n"],
      [/^Broker/m, `embedded:${free}`],
      [/Region/, simulator.endpoint],
      [/licence key/, simulator.username],
      [/API password/, "wrong"],
      [/Region/, simulator.endpoint],
      [/licence key/, simulator.username],
      [/API password/, "canary-1"],
      [/Topic path/, ""],
      [/Points/, ""],
    ]);
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).toMatch(
      /cannot be used[\s\S]*cannot connect[\s\S]*does not accept[\s\S]*12 stations[\s\S]*no problems found/,
    );
    expect(readFileSync(place.at("secrets/chargepoint.password"), "utf8")).toBe("canary-1\n");
    expect(statSync(place.at("secrets/chargepoint.password")).mode & 0o777).toBe(0o600);
    expect(textsBelow(place.at("configs")).join("")).not.toContain("canary-1");
  });

  test("ended between two questions: nothing was written", async () => {
    const place = workplace();
    const running = await asked(place, [
      [/Name of the bridge/, "acme"],
      [/^Broker/m, `embedded:${free}`],
      [/Region/, simulator.endpoint],
      [/licence key/, simulator.username],
      [/API password/, "canary-1"],
    ]);
    await running.printed(/Topic path/);
    const { code, stderr } = await running.stop();
    expect(stderr).toMatch(/nothing was written/);
    expect(code).toBe(1);
    expect(readdirSync(place.folder)).toEqual(["password"]);
  });

  test.skipIf(script === undefined)(
    "in a real terminal a password is not shown, and Ctrl-C ends it",
    async () => {
      const place = workplace();
      const command = `exec ${process.execPath} ${starter} init --folder ${place.folder} --instance a --broker embedded:${free} ${account.join(" ")}`;
      const terminal = spawn(script!, ["-qefc", command, "/dev/null"], {
        stdio: ["pipe", "pipe", "inherit"],
        env: { ...process.env, TERM: "xterm", NO_COLOR: "1" },
      });
      let output = "";
      terminal.stdout.on("data", (chunk: Buffer) => {
        output += chunk;
      });
      const shown = () => stripVTControlCharacters(output).replaceAll("\r", "");
      await expect.poll(shown, { timeout: 30_000 }).toMatch(/API password \(not shown\): $/);
      terminal.stdin.write("canary-1\r");
      await expect.poll(shown, { timeout: 30_000 }).toMatch(/12 stations[\s\S]*Topic path/);
      terminal.stdin.write("\u0003");
      const [code] = await once(terminal, "close");
      expect(shown()).toMatch(/nothing was written\n$/);
      expect(output).not.toContain("canary-1");
      expect(code).toBe(1);
      expect(readdirSync(place.folder)).toEqual(["password"]);
    },
  );
});
