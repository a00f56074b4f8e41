import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { type Simulator, startSimulator } from "../src/simulator/index.ts";

const run = promisify(execFile);
const ROOT = fileURLToPath(new URL("..", import.meta.url));
const work = mkdtempSync(join(tmpdir(), "voltbridge-package-"));
/** Where the package is installed, with its production dependencies and nothing else. */
const site = join(work, "site");
const installed = join(site, "node_modules", "voltbridge");
/** Parts of a checkout that pages for its developers link to. */
const NOT_PACKED = /^(src|test|bench)\//;

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly unpackedSize: number;
  readonly files: readonly { readonly path: string }[];
}

let packed: Packed;
let paths: Set<string>;
let tarball: string;

beforeAll(async () => {
  const checkout = join(work, "checkout");
  copyCheckout(checkout);
  const emit = ["-p", join(ROOT, "tsconfig.build.json"), "--outDir", join(checkout, "dist")];
  // `npm run types` has checked them.
  await runTool("typescript/bin/tsc", [...emit, "--noCheck"]);
  const { stdout } = await run("npm", ["pack", "--ignore-scripts", "--json"], { cwd: checkout });
  // npm 12 lists packages by name.
  [packed] = Object.values(JSON.parse(stdout) as Record<string, Packed>) as [Packed];
  paths = new Set(packed.files.map(({ path }) => path));
  tarball = join(checkout, packed.filename);
  mkdirSync(installed, { recursive: true });
  await run("tar", ["-xzf", tarball, "-C", installed, "--strip-components=1"]);
  linkDependencies();
}, 120_000);
afterAll(() => rmSync(work, { recursive: true, force: true }));

/** Copies the checkout, and puts into the copy what a used one has besides its sources. */
function copyCheckout(target: string): void {
  const skipped = new Set([".git", "node_modules", "dist", "data", "voltbridge-demo", "coverage"]);
  for (const name of readdirSync(ROOT).filter((one) => !skipped.has(one)))
    cpSync(join(ROOT, name), join(target, name), {
      recursive: true,
      filter: (path) => basename(path) !== "node_modules",
    });
  // Built by the set-up of the tests.
  cpSync(join(ROOT, "dist/web/page"), join(target, "dist/web/page"), { recursive: true });
  for (const left of [
    "data/historian.sqlite",
    "voltbridge-demo/historian.sqlite",
    "secrets/chargepoint",
    ".env",
    "coverage/index.html",
    "examples/demo/data/historian.sqlite",
    "examples/read-history/node_modules/some/index.js",
    "examples/volttron-agent/voltbridge_agent/__pycache__/agent.pyc",
    "docs/draft.docx",
  ]) {
    mkdirSync(dirname(join(target, left)), { recursive: true });
    writeFileSync(join(target, left), "");
  }
}

function linkDependencies(): void {
  const { dependencies } = JSON.parse(readFileSync(join(installed, "package.json"), "utf8")) as {
    dependencies: Record<string, string>;
  };
  for (const name of Object.keys(dependencies)) {
    mkdirSync(dirname(join(site, "node_modules", name)), { recursive: true });
    symlinkSync(join(ROOT, "node_modules", name), join(site, "node_modules", name));
  }
}

/** Runs a program of a development dependency; what it prints is in the error where it fails. */
async function runTool(program: string, args: readonly string[], cwd = ROOT): Promise<void> {
  const file = join(ROOT, "node_modules", program);
  await run(process.execPath, [file, ...args], { cwd }).catch(({ stdout, stderr }) => {
    throw new Error(`${program} ${args.join(" ")}:\n${stdout}${stderr}`);
  });
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => !statSync(join(folder, path)).isDirectory())
    .sort();
}

/** Returns the files and folders of the package that a page links to or shows. */
function linksOf(page: string): string[] {
  const prose = readFileSync(join(installed, page), "utf8").replace(/^ *```[\s\S]*?^ *```/gm, "");
  return [...prose.matchAll(/\]\(([^)#\s]+)/g)]
    .map((match) => match[1]!)
    .filter((link) => !/^[a-z]+:/.test(link))
    .map((link) => normalize(join(dirname(page), link)));
}

describe("what npm pack packs", () => {
  test("the built program: a file for each source file, and the page", () => {
    const isProgram = (path: string) => /^dist\/(?!web\/page\/).*\.js$/.test(path);
    const sources = filesBelow(join(ROOT, "src"))
      .filter((path) => path.endsWith(".ts") && !path.startsWith("web/page/"))
      .map((path) => `dist/${path.replace(/\.ts$/, ".js")}`);
    expect([...paths].filter(isProgram).sort()).toEqual(sources.sort());
    const page = (folder: string) => filesBelow(join(folder, "dist/web/page"));
    expect(page(installed)).toEqual(page(ROOT));
  });

  test("starter, registries, configs, schemas, examples, pages; nothing of the checkout besides", () => {
    const others = [...paths].filter((path) => !path.startsWith("dist/"));
    const kept =
      /^(bin|configs|deploy|docs|examples|registry)\/|^(CHANGELOG|README)\.md$|^LICENSE$|^package\.json$/;
    expect(others.filter((path) => !kept.test(path))).toEqual([]);
    for (const folder of ["bin", "configs", "deploy", "examples", "registry"])
      if (existsSync(join(ROOT, folder)))
        expect(others.filter((path) => path.startsWith(`${folder}/`)).sort(), folder).toEqual(
          filesBelow(join(ROOT, folder))
            .filter((path) => !/(^|\/)(data|node_modules|__pycache__)\/|^grafana\/source\//.test(path))
            .map((path) => `${folder}/${path}`)
            .sort(),
        );
    expect([...paths].filter((path) => /\.(map|tsx|sqlite.*|pem|key|docx|pyc|tgz)$/.test(path))).toEqual([]);
  });

  test("every page that a page links to, and no picture that none shows", () => {
    const pages = [...paths].filter((path) => path.endsWith(".md"));
    const links = pages.flatMap((page) => linksOf(page).map((link) => ({ page, link })));
    expect(links.filter(({ page, link }) => page === "README.md" && NOT_PACKED.test(link))).toEqual([]);
    expect(links.filter(({ link }) => !NOT_PACKED.test(link) && !existsSync(join(installed, link)))).toEqual(
      [],
    );
    const shown = new Set(links.map(({ link }) => link));
    expect([...paths].filter((path) => path.startsWith("docs/images/") && !shown.has(path))).toEqual([]);
  });

  test("less than 2.5 MB, and 8 MB unpacked", () => {
    expect(packed.size).toBeLessThan(2.5e6);
    expect(packed.unpackedSize).toBeLessThan(8e6);
  });
});

describe("the package for its users", () => {
  test("publint finds nothing", () => runTool("publint/src/cli.js", ["run", tarball, "--strict"]));

  // The library is an ES module only: what attw reports about `require` does not apply.
  test("attw finds nothing", () =>
    runTool("@arethetypeswrong/cli/dist/index.js", [tarball, "--profile", "esm-only"]));

  test("a strict program compiles against the declarations of the library", async () => {
    const project = join(site, "typed");
    cpSync(join(installed, "examples/library"), project, { recursive: true });
    symlinkSync(join(ROOT, "node_modules/@types"), join(site, "node_modules/@types"));
    const compilerOptions = {
      ...{ module: "nodenext", target: "es2024", lib: ["es2024", "esnext.disposable"], types: ["node"] },
      ...{ strict: true, exactOptionalPropertyTypes: true, noEmit: true },
    };
    writeFileSync(join(project, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    await runTool("typescript/bin/tsc", ["-p", project]);
  });

  describe("examples/library, copied", () => {
    let simulator: Simulator;
    beforeAll(async () => {
      simulator = await startSimulator({ stations: 12, seed: 3, incidents: false });
      cpSync(join(installed, "examples/library"), join(site, "library"), { recursive: true });
    });
    afterAll(() => simulator.close());

    const example = (password: string, ...args: string[]) =>
      run(process.execPath, ["library/account.mts", "--endpoint", simulator.endpoint, ...args], {
        cwd: site,
        env: { ...process.env, CHARGEPOINT_USERNAME: simulator.username, CHARGEPOINT_PASSWORD: password },
        timeout: 15_000,
      });

    test("lists the account's stations and the last day's sessions", async () => {
      const { stdout } = await example(simulator.password);
      const lines = stdout.trim().split("\n");
      const stations = lines
        .filter((line) => /^\d+:\d+ .*\(1.*kW/.test(line))
        .map((line) => line.split(" ")[0]);
      expect(stations.sort()).toEqual([...simulator.stationIDs].sort());
      const sessions = lines.filter((line) => /^\d{4}-.* port \w+ {2}[\d.]+ kWh {2}until/.test(line));
      expect(sessions.length).toBeGreaterThan(0);
      expect(lines.at(-1)).toMatch(
        new RegExp(`^12 stations, ${sessions.length} sessions since 20\\d\\d-.*Z, [\\d.]+ kWh$`),
      );
    });

    test("says what is wrong with the credentials, without the password, and fails", async () => {
      await expect(example("wrong-password")).rejects.toMatchObject({
        code: 1,
        stderr: expect.stringMatching(/^(?!.*wrong-password).*does not accept the credentials/),
      });
    });

    test("says what it needs", async () => {
      await expect(example("", "--hours", "1")).rejects.toMatchObject({
        code: 2,
        stderr: expect.stringContaining("CHARGEPOINT_PASSWORD"),
      });
    });
  });
});

describe("voltbridge demo out of the package, in an empty folder", () => {
  test("scrapes, serves the page, ends on TERM, and writes into its folder only", async () => {
    const [cwd, home, temporary] = ["empty", "home", "tmp"].map((name) => join(work, name)) as [
      string,
      string,
      string,
    ];
    for (const folder of [cwd, home, temporary]) mkdirSync(folder);
    const before = filesBelow(site);
    const env = {
      PATH: process.env.PATH,
      HOME: home,
      TMPDIR: temporary,
      // The set-up of the tests keeps compiled sources elsewhere.
      NODE_COMPILE_CACHE: undefined,
    };
    const demo = spawn(process.execPath, [join(installed, "bin/voltbridge"), "demo"], {
      cwd,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    onTestFinished(() => void demo.kill("SIGKILL"));
    let printed = "";
    for (const stream of [demo.stdout, demo.stderr])
      stream.on("data", (chunk: Buffer) => {
        printed += chunk;
      });
    const ended = once(demo, "close");

    await expect
      .poll(() => printed, { timeout: 30_000 })
      .toMatch(/^campus\/garage\/station-6 .* online +\d\d:\d\d:\d\d/m);
    const [, url] = /Open the page: (\S+)/.exec(printed)!;
    const page = await (await fetch(url!)).text();
    const [, program] = /<script[^>]* src="([^"]+)"/.exec(page)!;
    expect((await fetch(new URL(program!, url))).status).toBe(200);

    // An example against it, run where the package is installed.
    const [, broker] = /broker +(\S+)/.exec(printed)!;
    cpSync(join(installed, "examples/subscribe-node"), join(site, "subscribe-node"), { recursive: true });
    const { stdout } = await run(
      process.execPath,
      ["subscribe-node/subscribe.mts", "--url", broker!, "--count", "1"],
      { cwd: site, timeout: 30_000 },
    );
    expect(stdout).toMatch(/^\S+ campus\/garage\/station-\d \{/m);
    rmSync(join(site, "subscribe-node"), { recursive: true });

    demo.kill("SIGTERM");
    expect(await ended).toEqual([0, null]);
    expect(printed).toMatch(/\nstopping …\nstopped\n$/);
    expect(readdirSync(cwd)).toEqual(["voltbridge-demo"]);
    expect(filesBelow(cwd)).toContain("voltbridge-demo/historian.sqlite");
    // The compiled program, of Node's own cache: it may be removed at any time.
    expect(readdirSync(temporary)).toEqual([expect.stringMatching(/^voltbridge(-\d+)?$/)]);
    expect(readdirSync(home)).toEqual([]);
    expect(filesBelow(site)).toEqual(before);
  });
});
