import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";

const src = resolve(fileURLToPath(new URL("../src", import.meta.url)));

/** The import table of docs/architecture.md: what a part may import besides itself. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  points: [],
  log: [],
  bus: ["points"],
  "thread-calls": [],
  "sqlite-failure": [],
  "sqlite-file": [],
  storage: [],
  "csv-cell": ["log"],
  queue: ["points", "log", "storage", "thread-calls", "sqlite-failure", "sqlite-file"],
  config: ["points", "log"],
  registry: ["points", "config"],
  drivers: ["points", "config", "registry", "log"],
  simulator: ["points", "config", "log", "drivers/chargepoint/api"],
  devices: ["points", "config", "registry", "drivers", "bus", "log", "storage", "sqlite-file"],
  historian: ["points", "config", "bus", "queue", "log", "thread-calls", "sqlite-failure", "sqlite-file"],
  limits: ["points", "config", "bus", "devices", "log"],
  mqtt: ["points", "config", "bus", "queue", "devices", "log"],
  sessions: [
    "points",
    "config",
    "bus",
    "log",
    "thread-calls",
    "sqlite-failure",
    "csv-cell",
    "drivers/chargepoint/api",
    "historian/postgres",
  ],
  reports: [
    "points",
    "config",
    "bus",
    "log",
    "csv-cell",
    "drivers/chargepoint/api",
    "drivers/econnect/api",
    "sessions",
  ],
  bridge: [
    "points",
    "config",
    "registry",
    "drivers",
    "bus",
    "queue",
    "log",
    "devices",
    "historian",
    "limits",
    "mqtt",
    "sessions",
  ],
  "historian-process": [
    "points",
    "config",
    "registry",
    "drivers",
    "bus",
    "queue",
    "log",
    "devices",
    "historian",
    "mqtt",
  ],
  cli: [
    "points",
    "config",
    "registry",
    "bus",
    "queue",
    "log",
    "csv-cell",
    "devices",
    "historian",
    "mqtt",
    "sessions",
    "reports",
    "bridge",
    "historian-process",
    "simulator",
    "drivers/chargepoint/api",
    "drivers/chargepoint/discovery",
    "drivers/econnect/api",
  ],
  main: ["cli"],
};

/** Folders named for what they are not about. */
const GRAB_BAGS = /^(utils?|common|helpers?|base|managers?|misc|shared|lib)$/;

interface SourceFile {
  readonly path: string;
  readonly imports: readonly string[];
}

const files: SourceFile[] = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => ({ path, imports: importsOf(path) }));

function importsOf(path: string): string[] {
  const text = readFileSync(join(src, path), "utf8");
  const specifiers = text.matchAll(
    /^\s*(?:import|export)\b[^;"']*?from\s+["'](\.[^"']+)["']|^\s*import\s+["'](\.[^"']+)["']|import\(["'](\.[^"']+)["']\)/gm,
  );
  return [...specifiers].map((m) =>
    relative(src, resolve(dirname(join(src, path)), m[1] ?? m[2] ?? m[3] ?? "")),
  );
}

const partOf = (path: string) => path.split("/")[0]!.replace(/\.ts$/, "");

describe("the import table", () => {
  test("every part of src is in it", () => {
    expect(
      [...new Set(files.map((file) => partOf(file.path)))].filter((part) => !(part in MAY_IMPORT)),
    ).toEqual([]);
  });

  test("nobody imports what the table does not allow", () => {
    const wrong = files.flatMap((file) =>
      file.imports
        .filter((target) => {
          const allowed = [partOf(file.path), ...(MAY_IMPORT[partOf(file.path)] ?? [])];
          return !allowed.some((part) => target === `${part}.ts` || target.startsWith(`${part}/`));
        })
        .map((target) => `${file.path} imports ${target}`),
    );
    expect(wrong).toEqual([]);
  });

  test("the ChargePoint web services know nothing of drivers and devices", () => {
    const allowed = /^(drivers\/chargepoint\/api\/|drivers\/(errors|retry)\.ts$|points\/|config\/|log\.ts$)/;
    const wrong = files
      .filter((file) => file.path.startsWith("drivers/chargepoint/api/"))
      .flatMap((file) =>
        file.imports.filter((target) => !allowed.test(target)).map((t) => `${file.path} imports ${t}`),
      );
    expect(wrong).toEqual([]);
  });

  test("only devices imports the list of driver types", () => {
    const importers = (list: string) =>
      files.filter((file) => file.imports.includes(list)).map((file) => partOf(file.path));
    expect(importers("drivers/index.ts").filter((part) => part !== "devices")).toEqual([]);
  });

  test("every import leads to a file", () => {
    const known = new Set(files.map((file) => file.path));
    expect(files.flatMap((file) => file.imports.filter((target) => !known.has(target)))).toEqual([]);
  });
});

describe("the shape of the sources", () => {
  test("no cycles between files", () => {
    const byPath = new Map(files.map((file) => [file.path, file.imports]));
    const done = new Set<string>();
    const cycles: string[] = [];
    const visit = (path: string, trail: readonly string[]): void => {
      if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(" → "));
      if (done.has(path) || trail.includes(path)) return;
      for (const target of byPath.get(path) ?? []) visit(target, [...trail, path]);
      done.add(path);
    };
    for (const file of files) visit(file.path, []);
    expect(cycles).toEqual([]);
  });

  test("names are kebab-case, folders have a subject", () => {
    const names = files.flatMap((file) => file.path.split("/").map((name) => name.replace(/\.ts$/, "")));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || GRAB_BAGS.test(name))).toEqual(
      [],
    );
  });
});
