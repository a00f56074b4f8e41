import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { afterAll, afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Progress } from "../../src/cli/terminal/progress.ts";
import { formatTable } from "../../src/cli/terminal/table.ts";
import { type Terminal, terminalOn } from "../../src/cli/terminal/terminal.ts";
import { findProgram } from "../helpers/mosquitto.ts";
import { voltbridge } from "../helpers/voltbridge.ts";

const starter = fileURLToPath(new URL("../../bin/voltbridge", import.meta.url));
/** A terminal for a program, of the Debian package bsdutils. */
const script = findProgram("script");
const ESCAPE = "\u001b";
const plain = stripVTControlCharacters;

/** A stream that is a terminal of so many colours and columns, or none. */
function stream(bits: number | undefined, columns = 100): NodeJS.WriteStream {
  const found = bits === undefined ? {} : { isTTY: true, columns, getColorDepth: () => bits };
  return Object.assign(new Writable(), found) as unknown as NodeJS.WriteStream;
}

function terminal(bits: number | undefined, columns?: number) {
  const printed = { out: "", err: "" };
  const on = terminalOn({
    out: (text) => {
      printed.out += text;
    },
    err: (text) => {
      printed.err += text;
    },
    interactive: bits !== undefined,
    streams: { out: stream(bits, columns), err: stream(bits, columns) },
    ...{ columns: 100, rows: 40, env: {}, ending: new AbortController().signal },
  });
  return { printed, on };
}

beforeEach(() => {
  for (const name of ["FORCE_COLOR", "NO_COLOR"]) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

describe("colours", () => {
  const table = formatTable(
    ["device", "is", "text", "read"],
    [
      ["garage/one", "online", "offline since noon", "confirmed"],
      ["garage/two", "offline", `${ESCAPE}[2J error`, ""],
    ],
  );
  const coloured = (bits: number | undefined, text: string) => {
    const { printed, on } = terminal(bits);
    on.out(text);
    return printed.out;
  };

  test("mark a table's heading and the cells that are a state, and leave the columns where they are", () => {
    const text = coloured(8, table);
    expect(text).toContain("\u001b[1mdevice");
    expect(text).toContain("\u001b[32monline\u001b[39m ");
    expect(text).toContain("\u001b[32mconfirmed\u001b[39m\n");
    expect(text).toContain("\u001b[31moffline\u001b[39m");
    expect(text).toContain("  offline since noon");
    expect(plain(text)).toBe(table);
  });

  test("G10: come after the data's own control characters are escaped", () => {
    expect(coloured(8, `x: ${ESCAPE}[31mowned\n`)).toBe("x: \\u001b[31mowned\n");
    expect(plain(coloured(8, table))).not.toContain(ESCAPE);
  });

  test("mark what a sentence says of a state, and how bad a problem is", () => {
    expect(coloured(8, "confirmed: garage/one/limit = 3\n")).toContain("\u001b[32mconfirmed\u001b[39m: g");
    expect(coloured(8, "bridge is offline: gone\n")).toContain("is \u001b[31moffline\u001b[39m: ");
    expect(coloured(8, "a b.json:3:1: error [x] y\n")).toContain("3:1: \u001b[31merror\u001b[39m [");
    expect(coloured(8, "no error here\n")).toBe("no error here\n");
  });

  test("are absent where the stream is no terminal, or one without colours, and where FORCE_COLOR is 0", () => {
    expect(coloured(undefined, table)).toBe(table);
    expect(coloured(1, table)).toBe(table);
    vi.stubEnv("FORCE_COLOR", "0");
    expect(coloured(8, table)).toBe(table);
  });

  const check = ["check", "registry/chargepoint.csv", "--driver", "fake"];

  test("of the program: none in a pipe, all where FORCE_COLOR asks", async () => {
    const bare = await voltbridge(check);
    const forced = await voltbridge(check, { env: { FORCE_COLOR: "1" } });
    expect(bare.stdout).toMatch(/:\d+:\d+: error \[/);
    expect(bare.stdout).not.toContain(ESCAPE);
    expect(forced.stdout).toContain("\u001b[31merror\u001b[39m");
    expect(plain(forced.stdout)).toBe(bare.stdout);
  });

  test.skipIf(script === undefined)("of the program in a real terminal: all, and none with NO_COLOR", () => {
    const onTerminal = (env: Record<string, string>) => {
      const command = ["exec", process.execPath, starter, ...check].join(" ");
      // Node takes a terminal of CI for one without colours.
      const own = { ...process.env, TERM: "xterm", CI: undefined, ...env };
      const options = { encoding: "utf8", env: own } as const;
      return spawnSync(script!, ["-qec", command, "/dev/null"], options).stdout;
    };
    expect(onTerminal({})).toContain("\u001b[31merror\u001b[39m");
    const without = onTerminal({ NO_COLOR: "1" });
    expect(without).toMatch(/:\d+:\d+: error \[/);
    expect(without).not.toContain(ESCAPE);
  });
});

describe("progress", () => {
  const range = { from: "2026-11-01T00:00:00Z", to: "2026-11-11T00:00:00Z" };
  let now = 0;
  beforeEach(() => {
    now = 0;
  });
  const started = (on: Terminal, everyMs?: number) => new Progress(on, everyMs, () => now);

  test("is a line that is rewritten, with rate and time left, and gone when something else is printed", () => {
    const { printed, on } = terminal(8);
    const progress = started(on);
    progress.show({ phase: "sessions", count: 0, reached: range.from, ...range });
    expect(printed.err).toBe(`sessions   ${"░".repeat(24)}   0 %  0  up to ${range.from}`);
    now = 100;
    progress.show({ phase: "sessions", count: 10, ...range });
    expect(printed.err).not.toContain("10,");
    now = 60_000;
    progress.show({ phase: "sessions", count: 6000, reached: "2026-11-03T12:00:00Z", ...range });
    const line = `sessions   ${"█".repeat(6)}${"░".repeat(18)}  25 %  6000, 100/s, 3 min left  up to 2026-11-03T12:00:00Z`;
    expect(printed.err).toContain(`\r\u001b[K${line}`);
    on.out("done\n");
    expect(printed.err.endsWith("\r\u001b[K")).toBe(true);
    on.err("more\n");
    expect(printed.err.endsWith("\r\u001b[Kmore\n")).toBe(true);
  });

  test("begins anew with each phase, goes on from where an interrupted one was, and names no end that is not known", () => {
    const { printed, on } = terminal(8);
    const progress = started(on);
    progress.show({ phase: "sessions", count: 0, ...range });
    now = 10_000;
    progress.show({ phase: "sessions", count: 5000, reached: "2026-11-06T00:00:00Z", ...range });
    now = 20_000;
    progress.show({ phase: "sessions", count: 5010, reached: "2026-11-07T00:00:00Z", ...range });
    expect(printed.err).toMatch(/60 % {2}5010, 1\.0\/s, 40 s left/);
    now = 21_000;
    progress.show({ phase: "alarms", count: 1 });
    now = 23_000;
    progress.show({ phase: "alarms", count: 101 });
    expect(printed.err).toMatch(/alarms {5}101, 50\/s$/);
  });

  test("fits the screen, and blanks secrets and control characters", () => {
    const { printed, on } = terminal(8, 20);
    on.secrets.add("hunter22");
    started(on).show({ phase: `${ESCAPE}hunter22`, count: 123_456_789 });
    expect(printed.err).toBe("\\u001b***  12345678");
  });

  test("is nothing where standard error is no terminal, but a line at times for those that have one", async () => {
    const { printed, on } = terminal(undefined);
    const rows = (async function* () {
      yield* [1, 2];
    })();
    const seen: number[] = [];
    for await (const row of started(on).counting("rows", rows)) seen.push(row);
    expect({ seen, ...printed }).toEqual({ seen: [1, 2], out: "", err: "" });
    const progress = started(on, 10_000);
    for (now = 0; now <= 20_000; now += 1000) progress.show({ phase: "rows", count: now });
    expect(printed.err).toBe("rows       0\nrows       10000, 1000/s\nrows       20000, 1000/s\n");
  });
});

describe("SIGHUP", () => {
  const surroundings = new URL("../../src/cli/terminal/terminal.ts", import.meta.url).href;
  const folder = mkdtempSync(join(tmpdir(), "voltbridge-hup-"));
  const children: ChildProcess[] = [];
  const pids: number[] = [];
  let runs = 0;
  afterEach(() => {
    for (const child of children.splice(0)) child.kill("SIGKILL");
    for (const pid of pids.splice(0)) if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  /** A command that appends what happens to it to a file. `listens`: it is one that loads its configs again. */
  function command(listens: boolean): { args: string[]; file: string } {
    const file = join(folder, `${++runs}.txt`);
    const code = `
      import { appendFileSync } from "node:fs";
      import { processSurroundings } from ${JSON.stringify(surroundings)};
      const say = (text) => appendFileSync(${JSON.stringify(file)}, text + "\\n");
      const { ending, onHangUp } = processSurroundings();
      if (${listens}) onHangUp(() => say("reload"));
      const timer = setInterval(() => {}, 1000);
      ending.addEventListener("abort", () => { say("ended"); clearInterval(timer); });
      say("pid " + process.pid);
    `;
    return { args: ["--input-type=module", "--no-warnings", "-e", code], file };
  }
  const happened = (file: string) => (existsSync(file) ? readFileSync(file, "utf8").trim().split("\n") : []);
  async function pidOf(file: string): Promise<number> {
    const line = await vi.waitFor(() => {
      const [first] = happened(file);
      expect(first).toMatch(/^pid \d+$/);
      return first!;
    }, 30_000);
    const pid = Number(line.replace("pid ", ""));
    pids.push(pid);
    return pid;
  }
  const becomes = (file: string, expected: string[]) =>
    vi.waitFor(() => expect(happened(file).slice(1)).toEqual(expected), 30_000);

  test("without a terminal is a request to load the configs again, of a command that does; TERM ends it", async () => {
    const { args, file } = command(true);
    children.push(spawn(process.execPath, args, { stdio: "ignore" }));
    const pid = await pidOf(file);
    process.kill(pid, "SIGHUP");
    await becomes(file, ["reload"]);
    process.kill(pid, "SIGHUP");
    await becomes(file, ["reload", "reload"]);
    process.kill(pid, "SIGTERM");
    await becomes(file, ["reload", "reload", "ended"]);
  });

  test("ends any other command", async () => {
    const { args, file } = command(false);
    children.push(spawn(process.execPath, args, { stdio: "ignore" }));
    process.kill(await pidOf(file), "SIGHUP");
    await becomes(file, ["ended"]);
  });

  test.skipIf(script === undefined).each([
    [
      "a terminal that is closed ends it, also where only its input is the terminal",
      "> /dev/null 2>&1",
      "ended",
    ],
    [
      "one that was detached from the terminal, as by nohup, goes on",
      "< /dev/null > /dev/null 2>&1",
      "reload",
    ],
  ])("%s", async (_, streams, expected) => {
    const { args, file } = command(true);
    const quoted = [process.execPath, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
    const terminalWindow = spawn(script!, ["-qec", `exec ${quoted} ${streams}`, "/dev/null"], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    children.push(terminalWindow);
    await pidOf(file);
    terminalWindow.kill("SIGKILL");
    await becomes(file, [expected]);
  });
});
