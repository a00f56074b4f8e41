import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { EXIT } from "../src/cli/terminal/command-error.ts";
import { BRIDGE } from "../src/config/bridge/bridge-schema.ts";
import { DEVICE } from "../src/config/devices/device-schema.ts";
import { DIAGNOSTIC_CODES } from "../src/config/files/diagnostic-codes.ts";
import type { Schema } from "../src/config/schema/schema.ts";
import { nameOf } from "../src/config/schema/settings-of.ts";
import * as message from "../src/drivers/chargepoint/api/message.ts";
import { operations } from "../src/drivers/chargepoint/api/operations/index.ts";
import { RESPONSE_CODES } from "../src/drivers/chargepoint/api/response-codes.ts";
import { HEADERS } from "../src/registry/columns.ts";
import { openAccount } from "../src/simulator/accounts.ts";
import { FILTERS } from "../src/simulator/control/log.ts";
import { ACTIONS } from "../src/simulator/control/world.ts";
import { type AccountOptions, SteppedClock, startSimulator } from "../src/simulator/index.ts";
import { PLANS, type Plan, planIncludes } from "../src/simulator/plans.ts";
import { STAGES } from "../src/simulator/trouble/effect.ts";
import { parseTroubleRules } from "../src/simulator/trouble/rules.ts";
import { rulesSchema } from "../src/simulator/trouble/schema.ts";
import { modelOf } from "../src/simulator/world/stations/models.ts";
import { commandsOf, shellWords } from "./cli/commands.ts";
import { cli } from "./cli/in-process.ts";
import { MAY_IMPORT, ROOMS } from "./helpers/import-tables.ts";
import { importsOf } from "./helpers/source-imports.ts";
import { hourAtAGarage } from "./simulator/hour.ts";
import { NOT_PROVOKED } from "./simulator/not-provoked.ts";

const ROOT = resolve(fileURLToPath(new URL("..", import.meta.url)));
const pages = ["README.md", ...markdownBelow("docs"), ...markdownBelow("examples")].filter((page) =>
  existsSync(join(ROOT, page)),
);

function markdownBelow(folder: string): string[] {
  return filesBelow(folder).filter((file) => file.endsWith(".md"));
}

function filesBelow(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { recursive: true, encoding: "utf8" })
    .map((file) => join(folder, file))
    .filter((file) => !file.includes("node_modules") && statSync(join(ROOT, file)).isFile())
    .sort();
}

function text(file: string): string {
  return readFileSync(join(ROOT, file), "utf8");
}

/** The part of a page below a heading, up to the next heading of its level or above. */
function section(page: string, heading: string): string {
  const lines = prose(page).split("\n");
  const start = lines.indexOf(heading);
  expect(start, `${page} has no heading "${heading}"`).toBeGreaterThanOrEqual(0);
  const level = /^#+/.exec(heading)![0].length;
  const length = lines.slice(start + 1).findIndex((line) => (/^(#+) /.exec(line)?.[1]?.length ?? 9) <= level);
  return lines.slice(start + 1, length < 0 ? undefined : start + 1 + length).join("\n");
}

/** The blocks of a language in the part of a page below a heading. */
function fenced(page: string, heading: string, language: string): string[] {
  const [, below] = text(page).split(`\n${heading}\n`) as [string, string];
  return [...below.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)]
    .filter((block) => block[1] === language)
    .map((block) => block[2]!);
}

/** Cells of the rows of every table whose first cell is code. */
function rows(markdown: string): string[][] {
  return markdown
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll("\\|", "|")),
    );
}

const code = (cell: string) => /^`([^`]+)`/.exec(cell)?.[1] ?? cell;

/** A page without its fenced blocks: what looks like a heading or a link in them is none. */
function prose(page: string): string {
  return text(page).replace(/^ *```[\s\S]*?^ *```/gm, "");
}

describe("docs/configuration.md", () => {
  const page = "docs/configuration.md";

  test("names every setting of VOLTTRON that is accepted and ignored", () => {
    const ignored = section(page, "## VOLTTRON configs");
    const { driver, historian, actuator } = BRIDGE.properties;
    const unused = [driver, historian, actuator, DEVICE]
      .flatMap((schema) => Object.entries<Schema>(schema.properties))
      .filter(([, setting]) => setting["x-unused"])
      .map(([name]) => name);
    expect(unused.length).toBeGreaterThan(5);
    expect(unused.filter((name) => !ignored.includes(`\`${name}\``))).toEqual([]);
  });

  test("has no setting that nothing reads", () => {
    const source = filesBelow("src")
      .filter((file) => file.endsWith(".ts") && !file.startsWith("src/config/"))
      .map(text)
      .join("\n");
    const isRead = (name: string) => new RegExp(`\\b${name}\\b`).test(source);
    const { driver, mqtt, historian, sessions, actuator, web } = BRIDGE.properties;
    const idle = Object.entries<Schema>({ driver, mqtt, historian, sessions, actuator, web }).flatMap(
      ([part, schema]) =>
        Object.entries(schema.properties!)
          // The publish settings of a device and of the bridge are read as views: `depthFirst`.
          .filter(([key, setting]) => !isRead(nameOf(key.replace(/^publish_(?=depth|breadth)/, ""), setting)))
          .filter(([, setting]) => !setting["x-unused"])
          .map(([key]) => `${part}.${key}`),
    );
    expect(idle).toEqual([]);
  });

  test("knows the exit codes of the CLI", () => {
    const codes = Object.values(EXIT).map(String);
    const named = [...section(page, "## Exit codes").matchAll(/^\| (\d+) \|/gm)].map((match) => match[1]);
    expect(named.sort()).toEqual(codes.sort());
  });
});

describe("docs/registry.md", () => {
  const page = "docs/registry.md";

  test("has every column", () => {
    const named = section(page, "## Columns");
    expect(HEADERS.filter((column) => !named.includes(`\`${column}\``))).toEqual([]);
  });
});

describe("docs/diagnostics.md", () => {
  const page = "docs/diagnostics.md";
  const codes = Object.entries(DIAGNOSTIC_CODES);
  const entries = [...text(page).matchAll(/^### (.+)$/gm)].map((match) => match[1]!);

  test("has an entry for every code, in the order of the list, and no other", () => {
    expect(entries).toEqual(codes.map(([name]) => name));
  });

  test.each(codes)("%s: its meaning, severity, cause, remedy and an example", (name, meaning) => {
    const [, below] = text(page).split(`\n### ${name}\n`) as [string, string];
    const [entry] = below.split(/^#+ /m);
    expect(entry!.trim().split("\n")[0]).toBe(meaning);
    for (const part of ["Severity", "Cause", "Remedy"])
      expect(entry).toMatch(new RegExp(`^- ${part}: \\S.*\\.$`, "m"));
    expect(entry).toMatch(new RegExp(`^\\S+:\\d+:\\d+: (error|warning|note) \\[${name}\\] \\S.*$`, "m"));
  });

  test("no code is in the list that nothing reports", () => {
    const source = filesBelow("src")
      .filter((file) => file.endsWith(".ts") && !file.endsWith("diagnostic-codes.ts"))
      .map(text)
      .join("\n");
    expect(codes.map(([name]) => name).filter((name) => !source.includes(`"${name}"`))).toEqual([]);
  });
});

describe("docs/architecture.md", () => {
  test("has the import table that test/architecture.test.ts holds", () => {
    const held = new Map(Object.entries(MAY_IMPORT).map(([part, list]) => [part, list.toSorted()]));
    for (const [part, , imports] of rows(section("docs/architecture.md", "## Who may import whom"))) {
      const named = [...imports!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!).sort();
      // Three are told in words.
      const inWords = ["drivers/chargepoint/api", "bridge", "cli"].includes(code(part!));
      if (!inWords) expect(named, part).toEqual(held.get(code(part!)));
      held.delete(code(part!));
    }
    expect([...held.keys()]).toEqual([]);
  });

  const CONTRACTS = [
    "bus",
    "timer",
    "broker",
    "thread",
    "driver contract",
    "commands contract",
    "sink contract",
    "backend contract",
  ];

  test.each(["One scrape", "One set point", "One stored sample"])(
    "%s passes files that are joined",
    (name) => {
      const passed: string[] = [];
      for (const [file, , from] of rows(section("docs/architecture.md", `### ${name}`))) {
        const path = code(file!);
        expect(existsSync(join(ROOT, path)), path).toBe(true);
        const [, before] = /^`(.+)`$/.exec(from!) ?? [];
        if (before === undefined) expect(CONTRACTS, path).toContain(from!.replace(/^the /, ""));
        else {
          // A file that was passed, or one beside the way that both know.
          const joined = passed.find((one) => one.endsWith(`/${before}`));
          const isJoined = joined
            ? importsOf(ROOT, joined).includes(path) || importsOf(ROOT, path).includes(joined)
            : [path, passed.at(-1)!].every((one) =>
                importsOf(ROOT, one).some((target) => target.endsWith(`/${before}`)),
              );
          expect(isJoined, `${path} and ${before}`).toBe(true);
        }
        passed.push(path);
      }
      expect(passed.length).toBeGreaterThan(4);
    },
  );

  test("has the rooms that test/architecture.test.ts holds, in their order", () => {
    const told = rows(section("docs/architecture.md", "## Rooms")).map(([part, rooms]) => [
      code(part!),
      [...rooms!.matchAll(/(?:^|, )`([^`]+)`/g)].map((match) => match[1]!),
    ]);
    expect(Object.fromEntries(told)).toEqual(ROOMS);
  });
});

const help = new Map<string, Promise<string>>();
/** What `voltbridge <words> --help` prints; it fails for a command that does not exist. */
function helpOf(words: readonly string[]): Promise<string> {
  const key = words.join(" ");
  const known = help.get(key) ?? runHelp(words);
  help.set(key, known);
  return known;
}

async function runHelp(words: readonly string[]): Promise<string> {
  const { code, stdout } = await cli([...words, "--help"]);
  expect(code, `voltbridge ${words.join(" ")} --help`).toBe(0);
  return stdout;
}

describe("docs/simulator.md", () => {
  const page = "docs/simulator.md";
  /** All that a cell has as code. */
  const codes = (cell: string) => [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!);
  const firstCells = (heading: string) => rows(section(page, heading)).flatMap(([cell]) => codes(cell!));

  test("has every option of the command line, and no other", async () => {
    const usage = await helpOf(["simulate"]);
    const real = [...usage.matchAll(/^ +(?:-\w, )?(--[\w-]+)/gm)].map((match) => match[1]!);
    expect(firstCells("## Start it").sort()).toEqual(real.filter((option) => option !== "--help").sort());
  });

  test("has every operation with its section, the smallest plan that has it, and its largest page", () => {
    const documented = rows(section(page, "## Operations")).map(([name, guide, plan, rest]) =>
      [code(name!), guide, plan, ...(rest!.match(/(?<=pages of |at most )\d+/g) ?? [])].join(" "),
    );
    const byPrice: Plan[] = ["commercial", "enterprise", "full"];
    const real = Object.values<message.Operation>(operations).map(({ name, section, paging }) => {
      const plan = byPrice.find((one) => planIncludes(one, name));
      const { size = [], maxSize = [] } = paging ?? {};
      return [name, section, plan, size, maxSize].flat().join(" ");
    });
    expect(documented).toEqual(real);
  });

  test("has every plan, and no other", () => {
    const [plans] = section(page, "## Accounts and rights").split("| rights |");
    expect(rows(plans!).map(([name]) => code(name!))).toEqual([...PLANS]);
  });

  test("has every model with the first station of it", () => {
    const first = new Map<string, string>();
    for (let index = 0; index < 100; index++) {
      const { name } = modelOf(index);
      if (!first.has(name)) first.set(name, `1:${100_001 + index}`);
    }
    const documented = rows(section(page, "## The network")).map(([name, station]) => [code(name!), station]);
    expect(documented).toEqual([...first]);
  });

  test("has every response code that a request provokes, and with reasons those that none does", () => {
    const [shown, others] = section(page, "## Response codes").split("Codes that no request brings about");
    const codesOf = (markdown: string) =>
      rows(markdown)
        .flatMap(([cell]) => codes(cell!))
        .sort();
    const known = Object.keys(RESPONSE_CODES).filter((code) => code !== "100");
    expect(codesOf(shown!)).toEqual(known.filter((code) => !(code in NOT_PROVOKED)).sort());
    expect(codesOf(others!)).toEqual(Object.keys(NOT_PROVOKED).sort());
  });

  test("has every kind of trouble with its parameters, and no other", () => {
    const documented = rows(section(page, "### Effects")).map(([kind, parameters]) =>
      [code(kind!), ...codes(parameters!)].join(" "),
    );
    const real = Object.keys(STAGES).map((kind) => {
      const { effect } = rulesSchema({ effect: { kind } }).properties!;
      const needed = (effect!.required ?? []) as readonly string[];
      const parameters = Object.keys(effect!.properties!).map((key) =>
        needed.includes(key) ? key : `${key}?`,
      );
      return [kind, ...parameters.filter((key) => key !== "kind")].join(" ");
    });
    expect(documented.sort()).toEqual(real.sort());
  });

  test("has every field of a rule of trouble, and no other", () => {
    const [fields] = section(page, "## Trouble on request").split("### Effects");
    const documented = rows(fields!).map(([name]) => code(name!));
    expect(documented).toEqual(Object.keys(rulesSchema({}).properties!));
  });

  test("has every filter of the log, and no other", () => {
    expect(firstCells("### The log")).toEqual(Object.keys(FILTERS));
  });

  test("has every action on the world with what it takes, and no other", () => {
    const real = Object.entries(ACTIONS).map(([name, { needs, takes = {} }]) => [
      name,
      ...Object.keys(needs),
      ...Object.keys(takes).map((key) => `${key}?`),
    ]);
    const documented = rows(section(page, "### The world")).map(([name, takes]) => [
      code(name!),
      ...codes(takes!).filter((word) => !word.startsWith("--")),
    ]);
    expect(documented).toEqual([...real, ["advance", "seconds"]]);
  });
  test("an example of rules can be taken as it is, and one of accounts", () => {
    const known = { accounts: ["license-key-0001"], hasStation: (id: string) => id === "1:100001" };
    const example = (heading: string, language: string) => fenced(page, heading, language)[0]!;
    expect(parseTroubleRules(example("## Trouble on request", "jsonc"), "page", known)).toHaveLength(3);
    const accounts = JSON.parse(example("## Accounts and rights", "json")) as AccountOptions[];
    expect(accounts.map((account) => openAccount(account).plan)).toEqual(["full", "commercial"]);
  });

  test("the hour at a garage is what bench/simulator-hour.ts prints", async () => {
    const clock = new SteppedClock("2026-11-18T17:00:00Z");
    const simulator = await startSimulator({ stations: 6, seed: 1, clock });
    try {
      const printed = fenced(page, "### An hour at a garage", "console")[0]!.split("\n").slice(2, -1);
      const real: string[] = [];
      for await (const row of hourAtAGarage(simulator, clock)) {
        const { minute, stationLoad, percentShed, energy, garageLoad, portsInUse } = row;
        const numbers = [
          minute,
          stationLoad.toFixed(1),
          percentShed,
          energy.toFixed(3),
          garageLoad.toFixed(1),
        ];
        real.push([...numbers, portsInUse].join(" "));
      }
      expect(
        printed.map((line) =>
          line
            .match(/[\d.]+/g)!
            .slice(0, 6)
            .join(" "),
        ),
      ).toEqual(real);
    } finally {
      await simulator.close();
    }
  });
});

describe("docs/extending.md", () => {
  const page = "docs/extending.md";
  const [properties, fields] = section(page, "## An operation").split("| field |") as [string, string];
  const named = (markdown: string) =>
    rows(markdown).flatMap(([cell]) => [...cell!.matchAll(/`([^`]+)`/g)].map((match) => match[1]!));
  test("has every property of the description of an operation, and no other", () => {
    const real = new Set(Object.values(operations).flatMap(Object.keys));
    expect(named(properties).sort()).toEqual([...real].sort());
  });

  test("has every kind of field, and no other", () => {
    const real = Object.keys(message).filter((name) => name !== "operation");
    expect(named(fields).sort()).toEqual(real.sort());
  });
});

describe("docs/troubleshooting.md", () => {
  test("tells of response codes that there are", () => {
    const told = section("docs/troubleshooting.md", "### Response codes of the service").matchAll(
      /^\| ([\d, ]+) \|/gm,
    );
    const named = [...told].flatMap((match) => match[1]!.split(", "));
    expect(named.length).toBeGreaterThan(20);
    expect(named.filter((known) => !(known in RESPONSE_CODES))).toEqual([]);
  });
});

/** Anchors of a page's headings, as GitHub makes them. */
function anchors(page: string): Set<string> {
  const counts = new Map<string, number>();
  const found = new Set<string>();
  for (const [, title] of prose(page).matchAll(/^#{1,6} (.+)$/gm)) {
    const slug = title!
      .toLowerCase()
      .replace(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-");
    const before = counts.get(slug) ?? 0;
    counts.set(slug, before + 1);
    found.add(before === 0 ? slug : `${slug}-${before}`);
  }
  return found;
}

describe("links", () => {
  for (const page of pages)
    test(`every relative link of ${page} leads somewhere`, () => {
      const links = [...prose(page).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
      const broken = links.filter((link) => {
        if (/^[a-z]+:/.test(link)) return false;
        const [file, anchor] = link.split("#") as [string, string?];
        const target = file === "" ? page : relative(ROOT, resolve(ROOT, dirname(page), file));
        if (!existsSync(join(ROOT, target))) return true;
        return anchor !== undefined && !anchors(target).has(anchor);
      });
      expect(broken).toEqual([]);
    });

  test("every file of src, test and configs that a page names is there", () => {
    const missing = pages.flatMap((page) =>
      [...prose(page).matchAll(/`((?:src|test|configs|registry|bench|bin|docs|examples)\/[\w./-]*\w)`/g)]
        .map((match) => match[1]!)
        // Files of somebody's own site, and examples of what to add.
        .filter((file) => !/^(configs|registry)\/.*(pnnl|my-)|\/(modbus|influxdb)/.test(file))
        .filter((file) => !existsSync(join(ROOT, file)))
        .map((file) => `${page}: ${file}`),
    );
    expect(missing).toEqual([]);
  });
});

describe("commands", () => {
  const commands = pages.flatMap((page) =>
    [...text(page).matchAll(/^ *```(\w*)\n([\s\S]*?)^ *```$/gm)]
      .filter((block) => ["", "sh", "bash", "console"].includes(block[1]!))
      .flatMap((block) => block[2]!.replaceAll("\\\n", " ").split("\n"))
      .map((line) => /^\s*(?:[$#] |\w+ {2,})?(?:[A-Z_]+=\S+ )*(?:\.\/bin\/)?voltbridge (.+)$/.exec(line)?.[1])
      .filter((line) => line !== undefined && !/^(demo, all|needs|is )/.test(line))
      .map((line) => ({ page, line: line! })),
  );

  test("the pages have some", () => {
    expect(commands.length).toBeGreaterThan(15);
  });

  test.each(commands)("$page: voltbridge $line", async ({ line }) => {
    const words = shellWords(line);
    const [, subcommands = ""] = (await helpOf(words.slice(0, 1))).split("\nCommands:\n");
    // Some groups are commands too, with arguments of their own.
    const isGroup =
      subcommands !== "" && (!words[1]?.startsWith("/") || subcommands.includes(`\n  ${words[1]} `));
    const path = words.slice(0, isGroup ? 2 : 1);
    const usage = await helpOf(path);
    expect(usage).toContain(`Usage: voltbridge ${path.join(" ")}`);
    const options = words.filter((word) => /^--?[a-z]/.test(word)).map((word) => word.split("=")[0]!);
    expect(options.filter((option) => !new RegExp(`(^|[ ,])${option}\\b`, "m").test(usage))).toEqual([]);
    const wanted = [...(/Usage: .*/.exec(usage)?.[0] ?? "").matchAll(/<[^>]+>/g)].length;
    expect(positional(words.slice(path.length), usage)).toBeGreaterThanOrEqual(wanted);
  });

  /** How many words are arguments: neither options nor their values. */
  function positional(words: readonly string[], usage: string): number {
    let count = 0;
    for (let i = 0; i < words.length; i++) {
      const word = words[i]!;
      if (!/^--?[a-z]/.test(word)) count++;
      else if (!word.includes("=") && new RegExp(`${word} <`).test(usage)) i++;
    }
    return count;
  }
});

test("what differs from VOLTTRON on purpose stands on one page, and other pages lead there", () => {
  const page = text("docs/volttron.md");
  for (const subject of ["first scrape", "`all`, then the points", "16 MiB", "requester of a command"])
    expect(page).toContain(subject);
  for (const other of ["README.md", "docs/configuration.md", "docs/historian.md"])
    expect(text(other)).toMatch(/\]\((docs\/)?volttron\.md\)/);
});

describe("the command", () => {
  test("README's table names every one", async () => {
    const table = rows(section("README.md", "## Commands")).map(([cell]) => cell!);
    // A group is named with its commands: `voltbridge history topics`, `query`.
    const named = table.flatMap((cell) => {
      const codes = [...cell.matchAll(/`([^`]+)`/g)].map((match) => match[1]!.replace(/ [<[].*$/, ""));
      const [first, ...others] = codes.map((one) => one.replace(/^voltbridge /, ""));
      const group = first!.split(" ").slice(0, -1);
      return [first!, ...others.map((other) => [...group, other].join(" "))];
    });
    const all = (await commandsOf()).map((words) => words.join(" "));
    const missing = all
      // A group is named by its commands.
      .filter((path) => !all.some((other) => other.startsWith(`${path} `)))
      .filter((path) => !/^(api .*|completion)$/.test(path) && !named.includes(path));
    expect(missing).toEqual([]);
  });

  test("is spelt in one way, but where the folder it is in is shown", () => {
    const elsewhere = pages
      .map((page) => (page === "README.md" ? text(page).split("## Your own stations")[1]! : text(page)))
      .flatMap((page) => page.match(/.*(?:bin\/voltbridge|npx voltbridge).*/g) ?? []);
    expect(elsewhere.filter((line) => !/\/bin:|\["bin\/voltbridge"/.test(line))).toEqual([]);
  });
});
