import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, describe, expect, onTestFinished, test } from "vitest";
import { findProgram } from "../../helpers/mosquitto.ts";
import { voltbridge } from "../../helpers/voltbridge.ts";
import { cli, RunningCli } from "../in-process.ts";
import { Screen } from "../screen.ts";
import { Workplace } from "../workplace.ts";

const starter = fileURLToPath(new URL("../../../bin/voltbridge", import.meta.url));
/** A terminal for a program, of the Debian package bsdutils. */
const script = findProgram("script");
const TITLE = /^device +port +status/m;

const place = new Workplace();
afterAll(() => place.remove());

/** The demo within this process, on a screen of that size. */
function demoOn(screen: Screen, ...args: string[]): RunningCli {
  const demo = new RunningCli(
    ["demo", ...args],
    {},
    {
      interactive: true,
      get columns() {
        return screen.columns;
      },
      rows: screen.rows,
      out: (text) => {
        demo.stdout += text;
        screen.write(text);
      },
      err: (text) => {
        demo.stderr += text;
        screen.write(text);
      },
    },
  );
  return demo;
}

const count = (text: string, pattern: RegExp) => text.match(new RegExp(pattern, "gm"))?.length ?? 0;

describe("the demo", () => {
  test("prints what it started, commands that work, and stops cleanly; ports that are taken are no hindrance", async () => {
    // The usual ports, if nobody has them already.
    const servers = [1883, 8090].map((port) =>
      createServer()
        .on("error", () => undefined)
        .listen(port, "127.0.0.1"),
    );
    const demo = new RunningCli(["demo", "--stations", "1", "--data", place.at("one")]);
    const [, url] = await demo.printed(/broker +(mqtt:\/\/127\.0\.0\.1:\d+)/);
    await demo.printed(TITLE);
    for (const server of servers) server.close();
    expect(url).not.toMatch(/:1883$/);
    expect(demo.stdout).not.toMatch(/127\.0\.0\.1:8090/);
    expect(demo.stdout).toMatch(/bridge +1 device, read every 10 s/);
    expect(demo.stderr).toBe("");

    // The commands as they stand there: two run by a shell from here, the others within this process.
    const commands = [...demo.stdout.matchAll(/^ {2}(no bridge|\w+) +(.*bin\/voltbridge .*)$/gm)];
    expect(commands.map(([, name]) => name)).toEqual([
      "watch",
      "limit",
      "clear",
      "read",
      "history",
      "bridge",
      "no bridge",
    ]);
    for (const [, name, line] of commands) {
      if (name === "history") continue;
      const run = name === "limit" || name === "no bridge" ? shell : within;
      const { code, output } = await run(name === "watch" ? `${line} --count 1` : line!);
      expect(output, line).toMatch(EXPECTED[name!]!);
      expect(code, line).toBe(0);
    }
    const history = commands.find(([, name]) => name === "history")![2]!;
    await expect
      .poll(async () => (await within(history)).output, { timeout: 10_000 })
      .toMatch(/ values?\ntime /);

    const { code, stdout, stderr } = await demo.stop();
    expect(stdout).toMatch(/\nstopping …\nstopped\n$/);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  });

  const EXPECTED: Record<string, RegExp> = {
    watch: /^\d\d:\d\d:\d\d {2}\S+/m,
    limit: /^confirmed: \S+\/allowedLoad_\d = \d/,
    clear: /^confirmed: \S+\/allowedLoad_\d reverted/,
    read: /^[\d.]+\n$/,
    bridge: /^voltbridge is online/,
    "no bridge": /^campus\/garage\/station-1, /,
  };

  test("the table is drawn in its place: on a narrow screen, with log lines in between, when it gets narrower", async () => {
    const screen = new Screen(80, 60);
    const demo = demoOn(screen, "--stations", "6", "--data", place.at("two"), "--log-level", "info");
    await expect.poll(() => count(demo.stdout, TITLE), { timeout: 15_000 }).toBeGreaterThan(0);
    // Every log line takes the table away and draws it again below.
    expect(demo.stderr).toMatch(/ info /);
    expect(count(screen.text, TITLE)).toBe(1);
    for (const line of demo.stderr.trimEnd().split("\n"))
      expect(screen.text.replaceAll("\n", "")).toContain(line);
    const table = screen.text.slice(screen.text.search(TITLE));
    // In the evening every port is in use, which leaves room for the first letters of the names.
    expect(
      count(table, /^campus\/garage\/station-\d +1 +\w+ +[\d.]+ +–? +online +\d\d:\d\d:\d\d( .*)?$/),
    ).toBe(6);

    screen.narrow(40);
    const drawn = count(demo.stdout, TITLE);
    const url = /broker +(\S+)/.exec(demo.stdout)![1]!;
    await cli(["set", "campus/garage/station-1/allowedLoad_1", "3", "--url", url]);
    await expect.poll(() => count(demo.stdout, TITLE), { timeout: 15_000 }).toBeGreaterThan(drawn);
    expect(count(screen.text, /^device +port/)).toBe(1);
    await demo.stop();
    expect(screen.text).toMatch(/\n\nstopping …\nstopped\n$/);
  });

  test("--stations 40: what does not fit the window is left out and counted", async () => {
    const screen = new Screen(100, 30);
    const demo = demoOn(screen, "--stations", "40", "--data", place.at("three"));
    await expect.poll(() => count(demo.stdout, TITLE), { timeout: 15_000 }).toBeGreaterThan(1);
    await demo.stop();
    expect(count(screen.text, TITLE)).toBe(1);
    const table = screen.text.slice(screen.text.search(TITLE)).split("\n\n")[0]!.split("\n");
    expect(table.length).toBeLessThan(30);
    expect(table.at(-1)).toMatch(/^… \d+ more lines in a taller window$/);
    // Stations with one port, and with ports of other names, are among them.
    expect(demo.stderr).toBe("");
  });

  test("has configs of its own: those of the working folder are a sample, without problems", async () => {
    expect(await cli(["check"])).toMatchObject({ code: 0, stdout: "no problems found\n" });
    expect((await cli(["check", "examples/demo"])).stdout).toMatch(/CHARGEPOINT_PASSWORD is not set/);
  });

  test("a second demo: refused by its data folder, told which flag helps, and nothing is left running", async () => {
    const first = new RunningCli(["demo", "--stations", "1", "--data", place.at("four")]);
    await first.printed(/broker/);
    const { code, stdout, stderr } = await voltbridge(["demo", "--data", place.at("four")]);
    expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    expect(stderr).toMatch(new RegExp(`four is in use by process ${process.pid} .*--data <folder>`));
    expect((await first.stop()).code).toBe(0);
  });

  test("a data folder that cannot be written to: which, why, what to do, and 78", async () => {
    const file = place.write("file", "");
    for (const data of [file, `${file}/below`]) {
      const { code, stdout, stderr } = await cli(["demo", "--data", data]);
      expect(stderr).toMatch(
        /the demo cannot start: data folder \S+file\S* cannot be written to \(\w+\); make it writable/,
      );
      expect({ code, stdout }).toEqual({ code: 78, stdout: "" });
    }
  });

  test.skipIf(script === undefined)("Ctrl-C in a real terminal ends it with 0", async () => {
    // Without exec some shells stay between, take the Ctrl-C too and end with 130.
    const command = `exec ${process.execPath} ${starter} demo --stations 1 --data ${place.at("five")}`;
    const terminal = spawn(script!, ["-qefc", command, "/dev/null"], {
      stdio: ["pipe", "pipe", "inherit"],
      // Node takes a terminal of CI for one without colours.
      env: { ...process.env, TERM: "xterm", FORCE_COLOR: undefined, NO_COLOR: undefined, CI: undefined },
    });
    // Its closing hangs the demo up; one that stayed would keep the whole run from ending.
    onTestFinished(() => void terminal.kill("SIGKILL"));
    let output = "";
    terminal.stdout.on("data", (chunk: Buffer) => {
      output += chunk;
    });
    const shown = () => stripVTControlCharacters(output).replaceAll("\r", "");
    await expect.poll(shown, { timeout: 15_000 }).toMatch(TITLE);
    // The heading is bold, and a state in its colour.
    expect(output).toContain("\u001b[1mdevice");
    expect(output).toContain("\u001b[32monline\u001b[39m");
    terminal.stdin.write("\u0003");
    const [code] = await once(terminal, "close");
    expect(output).toMatch(/stopping …\r\nstopped\r\n/);
    // Nothing about the terminal was changed that would have to be undone: no hidden cursor, no other screen.
    // biome-ignore lint/suspicious/noControlCharactersInRegex: that is what a terminal reads
    expect(output).not.toMatch(/\u001b\[\?/);
    expect(code).toBe(0);
  });
});

/** Runs a line of the demo within this process. */
async function within(line: string): Promise<{ code: number | null; output: string }> {
  const words = line.replace(/^.*bin\/voltbridge /, "").matchAll(/'([^']*)'|(\S+)/g);
  const { code, stdout, stderr } = await cli([...words].map(([, quoted, plain]) => quoted ?? plain!));
  return { code, output: `${stdout}${stderr}` };
}

async function shell(line: string): Promise<{ code: number | null; output: string }> {
  const child = spawn("sh", ["-c", line], { stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (chunk: Buffer) => {
      output += chunk;
    });
  const [code] = await once(child, "close");
  return { code, output };
}
