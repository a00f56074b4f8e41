// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of configs
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { EXIT } from "../../src/cli/terminal/command-error.ts";
import { Workplace } from "../cli/workplace.ts";
import { BLOCK_MS } from "../helpers/loop-blocker.ts";
import { freePort } from "../helpers/mosquitto.ts";
import { hasAnalyze, hasNotify, NotifySocket } from "../helpers/notify-socket.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const folder = join(root, "deploy", "systemd");
const units = readdirSync(folder).filter((file) => file.endsWith(".service"));
const unit = (name: string) => readFileSync(join(folder, name), "utf8");
/** Highest exposure level that is accepted; 0 is fully closed, 10 is open. */
const MOST_EXPOSED = 2.0;

/** Values of a setting, in their order. */
const settings = (name: string, key: string) =>
  [...unit(name).matchAll(new RegExp(`^${key}=(.*)$`, "gm"))].map((match) => match[1]!);

function place(files: Record<string, unknown> = {}): Workplace {
  const made = new Workplace(files);
  onTestFinished(() => made.remove());
  return made;
}

/** A unit as it is installed, with the paths of this checkout. */
const installed = (name: string) =>
  unit(name).replace("/usr/bin/node", process.execPath).replaceAll("/opt/voltbridge/", root);

describe.skipIf(!hasAnalyze())("A47: the units, by systemd's own tools", () => {
  test.each(units)("%s is clean, and its exposure is at most 2.0", (name) => {
    const file = place().write(name, installed(name));
    const verified = spawnSync("systemd-analyze", ["verify", "--man=no", file], { encoding: "utf8" });
    expect(verified).toMatchObject({ status: 0, stdout: "", stderr: "" });
    const security = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", file], {
      encoding: "utf8",
    });
    const [, level] = /Overall exposure level for \S+: ([\d.]+)/.exec(security)!;
    expect(Number(level)).toBeLessThanOrEqual(MOST_EXPOSED);
  });
});

test.each(units)(
  "%s does not restart what cannot start, and names its credentials as the docs do",
  (name) => {
    expect(settings(name, "RestartPreventExitStatus")[0]!.split(" ")).toContain(String(EXIT.configuration));
    expect(settings(name, "MemoryDenyWriteExecute")).toEqual([]);
    const page = readFileSync(join(root, "docs", "operations.md"), "utf8");
    const credentials = settings(name, "LoadCredential");
    expect(credentials.length).toBeGreaterThan(1);
    for (const credential of credentials) expect(page).toContain(credential);
  },
);

const DEVICE = { driver_type: "fake", registry_config: "config://fake.csv", interval: 1 };
const REGISTRY =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\nload,constant(3.6),FakeRegister,,float,kW,,FALSE,\n";

/** Starts the command of a unit as systemd does, with folders of the test. */
async function started(name: string, env: Record<string, string>, files: Record<string, unknown> = {}) {
  const socket = await NotifySocket.open();
  onTestFinished(() => socket.close());
  const port = await freePort();
  const at = place({
    "etc/configs/bridge.json": {
      mqtt: {
        embedded: { port },
        username: "me",
        password: { file: "${CREDENTIALS_DIRECTORY}/voltbridge.mqtt-password" },
      },
      data: "${STATE_DIRECTORY}",
    },
    "etc/configs/historian.json": { mqtt: { url: `mqtt://127.0.0.1:${port}` }, data: "${STATE_DIRECTORY}" },
    "etc/configs/devices/lab/one.json": DEVICE,
    "etc/registry/fake.csv": REGISTRY,
    "credentials/voltbridge.mqtt-password": "secret of the broker",
    ...files,
  });
  const [line] = settings(name, "ExecStart");
  const [, program, args] = /^(\S+) (.*)$/.exec(line!.replaceAll("/etc/voltbridge", at.at("etc")))!;
  expect(program).toBe("/usr/bin/node");
  const child = spawn(process.execPath, args!.replaceAll("/opt/voltbridge/", root).split(" "), {
    stdio: ["ignore", "ignore", "pipe"],
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      NOTIFY_SOCKET: socket.address,
      CREDENTIALS_DIRECTORY: at.at("credentials"),
      STATE_DIRECTORY: at.at("state"),
      LOGS_DIRECTORY: at.at("logs"),
      ...env,
    },
  });
  let log = "";
  child.stderr.on("data", (chunk) => {
    log += chunk;
  });
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { socket, child, ended, log: () => log };
}

describe.skipIf(!hasNotify())("A48: the command of a unit at the socket of a service manager", () => {
  test("the bridge: ready once, its status, keep-alives but for a blocked loop, stopping", async () => {
    const blocker = fileURLToPath(new URL("../helpers/loop-blocker.ts", import.meta.url));
    const { socket, child, ended, log } = await started("voltbridge.service", {
      WATCHDOG_USEC: "1000000",
      NODE_OPTIONS: `--import ${blocker}`,
    });
    await socket.got(/^READY=1$/);
    await socket.got(/^STATUS=1 device online; connected to mqtt:.*; storing in sqlite$/);
    await socket.got(/^WATCHDOG=1$/);
    child.kill("SIGUSR2");
    const blockedAt = performance.now();
    await socket.got(/^WATCHDOG=1$/, { from: socket.messages.length + 1 });
    // One may have been on its way when the loop was blocked.
    const between = socket.messages
      .filter(({ at }) => at > blockedAt + 500 && at < blockedAt + BLOCK_MS - 500)
      .flatMap(({ lines }) => lines);
    expect(between).toEqual([]);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    await socket.got(/^STOPPING=1$/);
    expect(socket.of("READY")).toHaveLength(1);
    expect(log()).not.toContain("secret of the broker");
  });

  test("the historian, ready although there is no broker", async () => {
    const { socket, child, ended } = await started("voltbridge-historian.service", {});
    await socket.got(/^READY=1$/);
    await socket.got(/^STATUS=not connected to mqtt:.*; storing in sqlite$/);
    child.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    await socket.got(/^STOPPING=1$/);
  });

  test("configs that cannot work: never ready, and the code that is not tried again", async () => {
    const { socket, ended } = await started(
      "voltbridge.service",
      {},
      { "etc/configs/bridge.json": { mqtt: { qos: 3 } } },
    );
    expect(await ended).toEqual([EXIT.configuration, null]);
    expect(socket.messages).toEqual([]);
  });
});
