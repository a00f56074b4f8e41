import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";

const bin = fileURLToPath(new URL("../bin", import.meta.url));
const oldNode = findOldNode();
if (oldNode === undefined) {
  process.stderr.write(
    "\n*** No Node older than 24 on this machine: tests of bin/voltbridge are SKIPPED.\n\n",
  );
}

function findOldNode(): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/bin", "/usr/local/bin"];
  return folders
    .map((folder) => join(folder, "node"))
    .find((file) => {
      if (!existsSync(file)) return false;
      const version = execFileSync(file, ["-p", "process.versions.node"], { encoding: "utf8" });
      return Number.parseInt(version, 10) < 24;
    });
}

function start(node: string, folder: string, args: readonly string[]) {
  const child = spawn(node, [join(folder, "voltbridge"), ...args], { stdio: ["ignore", "pipe", "pipe"] });
  const ended = Promise.all([once(child, "close"), text(child.stdout), text(child.stderr)]).then(
    ([[code], stdout, stderr]) => ({ code: code as number | null, stdout, stderr }),
  );
  return { child, ended };
}

describe.skipIf(oldNode === undefined)("bin/voltbridge started by an older Node", () => {
  const folders: string[] = [];
  afterAll(() => {
    for (const folder of folders) rmSync(folder, { recursive: true, force: true });
  });

  /** The starter by itself, and in the place of the project's Node a script of the shell, or nothing. */
  function installed(node?: string): string {
    const root = mkdtempSync(join(tmpdir(), "voltbridge-starter-"));
    folders.push(root);
    cpSync(bin, join(root, "bin"), { recursive: true });
    if (node !== undefined) {
      const folder = join(root, "node_modules", "node", "bin");
      mkdirSync(folder, { recursive: true });
      writeFileSync(join(folder, "node"), node);
      chmodSync(join(folder, "node"), 0o755);
    }
    return join(root, "bin");
  }

  test("hands over to the project's Node: same output, same exit code", async () => {
    for (const args of [["--help"], ["check", "no/such/path"], ["history", "topics", "--data", "/nowhere"]]) {
      const [own, handedOver] = await Promise.all([
        start(process.execPath, bin, args).ended,
        start(oldNode!, bin, args).ended,
      ]);
      expect(handedOver).toEqual(own);
    }
  });

  test("passes signals on: a simulator ends with 0 on TERM, and is gone", async () => {
    const { child, ended } = start(oldNode!, bin, ["simulate", "--port", "0", "--stations", "1"]);
    onTestFinished(() => void child.kill("SIGTERM"));
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    const { endpoint } = JSON.parse(line.toString()) as { endpoint: string };
    expect((await fetch(endpoint)).status).toBeLessThan(500);
    child.kill("SIGTERM");
    expect(await ended).toMatchObject({ code: 0 });
    await expect(fetch(endpoint)).rejects.toThrow();
  });

  test("the child feeds the watchdog that was set for this process, and no other", async () => {
    const folder = installed('#!/bin/sh\necho "pid=$WATCHDOG_PID"\n');
    const as = (pid: string) =>
      execFileSync(
        "/bin/sh",
        ["-c", `WATCHDOG_PID=${pid} exec "$0" "$1"`, oldNode!, join(folder, "voltbridge")],
        {
          encoding: "utf8",
        },
      );
    expect(as("$$")).toBe("pid=\n");
    expect(as("1")).toBe("pid=1\n");
  });

  test("ends as the project's Node ends: with its code, or as a shell tells of a signal", async () => {
    expect((await start(oldNode!, installed("#!/bin/sh\nexit 7\n"), []).ended).code).toBe(7);
    expect((await start(oldNode!, installed("#!/bin/sh\nkill -9 $$\n"), []).ended).code).toBe(128 + 9);
  });

  test("passes every argument as it is", async () => {
    const args = ["set", "a/b", "two words", "", "$HOME", "*"];
    const { stdout } = await start(oldNode!, installed("#!/bin/sh\nshift\nprintf '[%s]' \"$@\"\n"), args)
      .ended;
    expect(stdout).toBe(args.map((arg) => `[${arg}]`).join(""));
  });

  test("without the project's Node: what is needed and how to get it, and 78", async () => {
    const { code, stdout, stderr } = await start(oldNode!, installed(), ["--version"]).ended;
    expect(stderr).toMatch(/^voltbridge needs Node 24 or newer; this is v\d+\.\d+\.\d+\.\n.*npm ci.*\n$/);
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
  });

  test("a Node of the project that does not start: which one and why, and 78", async () => {
    const { code, stdout, stderr } = await start(oldNode!, installed("#!/no/such/interpreter\n"), []).ended;
    expect(stderr).toMatch(/^voltbridge: .*node_modules\/node\/bin\/node does not start: .*\n$/);
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
  });
});
