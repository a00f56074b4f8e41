import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { runCli } from "../../src/cli/index.ts";
import { voltbridge } from "../helpers/voltbridge.ts";
import { commandsOf, shellWords } from "./commands.ts";
import { cli, RunningCli } from "./in-process.ts";

const registry = fileURLToPath(new URL("../../registry/chargepoint.csv", import.meta.url));

test("every command of the contract is there", async () => {
  const names = (await commandsOf()).map((path) => path.join(" "));
  expect(names).toEqual(
    expect.arrayContaining([
      ...["run", "demo", "simulate", "check", "scrape", "get", "set", "revert"],
      ...["history", "history topics", "history query", "status"],
    ]),
  );
});

test("every command has a help that names it, what it does and every option, on standard output", async () => {
  for (const path of await commandsOf()) {
    const { code, stdout, stderr } = await cli([...path, "--help"]);
    expect({ code, stderr }, path.join(" ")).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(new RegExp(`^Usage: voltbridge ${path.join(" ")} `));
    expect(stdout.split("\n")[2], path.join(" ")).toMatch(/^[A-Z]\w+.* .+/);
    expect(stdout).not.toMatch(/undefined|\[object/);
    expect(await cli(["help", ...path])).toMatchObject({ code: 0 });
  }
});

test("voltbridge alone shows the help, as a usage error, and says where to begin", async () => {
  const { code, stdout, stderr } = await voltbridge([]);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
  expect(stderr).toContain("Usage: voltbridge");
  expect(stderr).toContain("voltbridge demo");
});

test("the version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  expect(await cli(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
});

describe("usage errors end with 2, say what was expected, and print nothing on standard output", () => {
  const wrong: [args: string[], said: RegExp][] = [
    [["nonsense"], /unknown command 'nonsense'/],
    [["stauts"], /Did you mean status/],
    [["--nonsense"], /unknown option '--nonsense'/],
    [["run", "extra"], /too many arguments for 'run'/],
    [["run", "--log-level", "loud"], /Allowed choices are debug, info, warn, error/],
    [["run", "--log-format", "xml"], /Allowed choices are text, json/],
    [["demo", "--stations", "0"], /expected a whole number from 1 to 500/],
    [["demo", "--stations", "two"], /expected a whole number from 1 to 500/],
    [["simulate", "--port", "70000"], /expected a whole number from 0 to 65535/],
    [["simulate", "--speed", "0"], /expected a number above 0/],
    [["simulate", "--speed", "Infinity"], /expected a number above 0/],
    [["check", "no/such/path"], /no such file or folder: no\/such\/path/],
    [
      ["check", registry, "--driver", "chargepiont"],
      /unknown driver type "chargepiont"; did you mean "chargepoint"\?/,
    ],
    [["check", registry, "--driver", "constructor"], /unknown driver type "constructor"/],
    [["scrape"], /missing required argument 'device'/],
    [["get"], /missing required argument 'device\/point'/],
    [["get", "a/b", "--timeout", "-1"], /expected a number above 0/],
    [["get", "a/b", "--url", "broker:1883"], /expected mqtt:\/\//],
    [["get", "a/b", "--url", "mqtt://"], /expected mqtt:\/\/.*a host/],
    [
      ["get", "a/b", "--url", "mqtt://user:word@host:99999"],
      /--url mqtt:\/\/\*\*\*@host:99999 is not the address/,
    ],
    [["set", "a/b"], /missing required argument 'value'/],
    [["set", "a/b", "--nonsense"], /unknown option '--nonsense'/],
    [["set", "a/b", "1", "--duration", "0"], /expected a whole number, 1 or more/],
    [["set", "a/b", "1", "--duration", "1.5"], /expected a whole number, 1 or more/],
    [["set", "a/b", "1e999"], /too large/],
    [["set", "a/b", '{"x": [-1e999]}'], /too large/],
    [["revert"], /missing required argument/],
    [["history"], /Usage: voltbridge history/],
    [["history", "nonsense"], /unknown command 'nonsense'/],
    [["history", "query"], /missing required argument 'topic'/],
    [["history", "query", "x", "--count", "-1"], /expected a whole number, 0 or more/],
    [["status", "extra"], /too many arguments for 'status'/],
    [["status", "--url", "http://localhost"], /expected mqtt:\/\//],
  ];
  test.each(wrong)("%j", async (args, said) => {
    const { code, stdout, stderr } = await cli(args);
    expect(stderr).toMatch(said);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).not.toMatch(/\n\s+at /);
  });

  test("and name the help of the command that was meant", async () => {
    expect((await cli(["history", "query"])).stderr).toContain('"voltbridge history query --help"');
  });
});

test("a fault of our own ends with 70, and asks to be reported", async () => {
  let stderr = "";
  const code = await runCli(["check", registry], {
    out() {
      throw new TypeError("a bug");
    },
    err(text) {
      stderr += text;
    },
    interactive: false,
    columns: 80,
    rows: 24,
    env: {},
    ending: new AbortController().signal,
  });
  expect(code).toBe(70);
  expect(stderr).toMatch(/internal fault, please report it: TypeError: a bug/);
});

test("a command that is told to end while it waits ends with 0", async () => {
  const running = new RunningCli(["simulate", "--port", "0", "--stations", "1", "--log-level", "silent"]);
  await running.printed(/endpoint/);
  expect(await running.stop()).toMatchObject({ code: 0, stderr: "" });
});

describe("every help ends with examples", () => {
  const optionsOf = (help: string) =>
    [...help.matchAll(/^ +(?:-\w, )?(--[\w.-]+)/gm)].map((match) => match[1]!);

  test("at least two, of commands and options that there are", async () => {
    const commands = (await commandsOf()).map((path) => path.join(" "));
    for (const path of commands) {
      const { stdout } = await cli([...path.split(" "), "--help"]);
      const examples = stdout.trimEnd().split("\nExamples:\n").at(-1)!.split("\n");
      expect(examples.length, path).toBeGreaterThanOrEqual(2);
      for (const example of examples) {
        const [program, ...words] = shellWords(example);
        expect(program, `${path}: ${example}`).toBe("voltbridge");
        const command = commands
          .filter((one) => `${words.join(" ")} `.startsWith(`${one} `))
          .toSorted((one, other) => other.length - one.length)[0];
        expect(`${command} `, `${path}: ${example}`).toMatch(new RegExp(`^${path}( |$)`));
        const { stdout: help } = await cli([...command!.split(" "), "--help"]);
        const unknown = words.filter((word) => word.startsWith("--") && !optionsOf(help).includes(word));
        expect(unknown, `${path}: ${example}`).toEqual([]);
      }
    }
  }, 60_000);
});
