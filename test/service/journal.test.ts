import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, fstatSync, openSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Workplace } from "../cli/workplace.ts";
import { eventually } from "../helpers/eventually.ts";
import { freePort } from "../helpers/mosquitto.ts";

const starter = fileURLToPath(new URL("../../bin/voltbridge", import.meta.url));

const REGISTRY =
  "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Units,Starting Value,Writable,Notes\nload,constant(3.6),FakeRegister,,float,kW,,FALSE,\n";

function place(files: Record<string, unknown> = {}): Workplace {
  const made = new Workplace(files);
  onTestFinished(() => made.remove());
  return made;
}

/** Starts a command with standard error in a file, and `JOURNAL_STREAM` as systemd sets it for the journal's stream. */
function started(args: readonly string[], at: Workplace, { matches = true, file: name = "stderr" } = {}) {
  const file = at.at(name);
  const output = openSync(file, "a");
  const { dev, ino } = fstatSync(output, { bigint: true });
  const child = spawn(process.execPath, [starter, ...args], {
    stdio: ["ignore", "ignore", output],
    env: {
      PATH: process.env.PATH,
      NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE,
      JOURNAL_STREAM: matches ? `${dev}:${ino}` : `${dev}:${ino + 1n}`,
    },
  });
  closeSync(output);
  const ended = once(child, "exit");
  onTestFinished(async () => {
    child.kill("SIGKILL");
    await ended;
  });
  return { child, ended, lines: () => readFileSync(file, "utf8").split("\n").slice(0, -1) };
}

async function site() {
  const at = place({
    "configs/bridge.json": { mqtt: { embedded: { port: await freePort() } }, data: "data" },
    "configs/devices/lab/one.json": {
      driver_type: "fake",
      registry_config: "config://fake.csv",
      interval: 1,
    },
    "registry/fake.csv": REGISTRY,
  });
  return { at, run: ["run", "--config", at.at("configs/bridge.json"), "--log-level", "debug"] };
}

test("in the journal each line has its priority and no time, also what is no log line", async () => {
  const { at, run } = await site();
  const bridge = started(run, at);
  await eventually(() => expect(bridge.lines().join("\n")).toMatch(/ running /), 20_000);
  bridge.child.kill("SIGTERM");
  await bridge.ended;
  const lines = bridge.lines();
  for (const line of lines) expect(line).toMatch(/^<[3467]>(error|warn |info |debug) \S/);
  expect(lines.filter((line) => line.startsWith("<6>info "))).not.toEqual([]);
  expect(lines.filter((line) => line.startsWith("<7>debug"))).not.toEqual([]);

  const wrong = started(["run", "--config", at.at("missing.json")], place());
  expect(await wrong.ended).toEqual([78, null]);
  expect(wrong.lines()).not.toEqual([]);
  for (const line of wrong.lines().filter(Boolean)) expect(line).toMatch(/^<3>/);
});

test("JSON lines have the priority before them, and their time and level as fields", async () => {
  const { at, run } = await site();
  const bridge = started([...run, "--log-format", "json"], at);
  await eventually(() => expect(bridge.lines().join("\n")).toMatch(/"running"/), 20_000);
  for (const line of bridge.lines()) {
    const { level, time, msg } = JSON.parse(line.slice(3)) as Record<string, string>;
    expect(line.slice(0, 3)).toBe({ debug: "<7>", info: "<6>", warn: "<4>", error: "<3>" }[level!]);
    expect([Date.parse(time!) > 0, typeof msg]).toEqual([true, "string"]);
  }

  // What ends the command is such a line too: a second bridge on the same data folder.
  const second = started([...run, "--log-format", "json"], at, { file: "second" });
  expect(await second.ended).toEqual([1, null]);
  const last = JSON.parse(second.lines().at(-1)!.slice(3)) as Record<string, string>;
  expect(last).toMatchObject({
    level: "error",
    msg: expect.stringMatching(/is in use by process/) as string,
  });
});

test("a stream that is not the journal's has no priorities, although the variable was inherited", async () => {
  const { at, run } = await site();
  const bridge = started(run, at, { matches: false });
  await eventually(() => expect(bridge.lines().join("\n")).toMatch(/ running /), 20_000);
  for (const line of bridge.lines()) expect(line).toMatch(/^\d{4}-\d\d-\d\dT\S+ (error|warn |info |debug) /);
});
