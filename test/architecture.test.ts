import { existsSync, readdirSync } from "node:fs";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { MAY_IMPORT, ROOMS } from "./helpers/import-tables.ts";
import { importsOf } from "./helpers/source-imports.ts";

const src = resolve(fileURLToPath(new URL("../src", import.meta.url)));

/** Folders named for what they are not about. */
const GRAB_BAGS = /^(utils?|common|helpers?|base|managers?|misc|shared|lib)$/;

interface SourceFile {
  readonly path: string;
  readonly imports: readonly string[];
}

const files: SourceFile[] = readdirSync(src, { recursive: true, encoding: "utf8" })
  .filter((path) => /\.tsx?$/.test(path))
  .map((path) => ({ path, imports: importsOf(src, path) }));

const partOf = (path: string) => path.split("/")[0]!.replace(/\.tsx?$/, "");

/** Circles in a graph, each as the way around. */
function cyclesOf(next: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (place: string, trail: readonly string[]): void => {
    if (trail.includes(place)) cycles.push([...trail.slice(trail.indexOf(place)), place].join(" → "));
    if (done.has(place) || trail.includes(place)) return;
    for (const target of next.get(place) ?? []) visit(target, [...trail, place]);
    done.add(place);
  };
  for (const place of next.keys()) visit(place, []);
  return cycles;
}

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

  test.each(Object.entries(ROOMS))("the rooms of %s import one way", (part, rooms) => {
    const inside = files.filter((file) => file.path.startsWith(`${part}/`));
    const placeIn = (path: string) => path.slice(part.length + 1).split("/");
    const folders = new Set(
      inside.map((file) => placeIn(file.path)).flatMap(([room, ...rest]) => (rest.length > 0 ? room! : [])),
    );
    expect([...folders].sort()).toEqual(rooms.toSorted());
    // Files beside the rooms stand above some and below others: a way back through them is a circle too.
    const next = new Map<string, Set<string>>();
    const wrong: string[] = [];
    for (const { path, imports } of inside) {
      const [from] = placeIn(path);
      for (const target of imports.filter((one) => one.startsWith(`${part}/`))) {
        const [to] = placeIn(target);
        if (to !== from) next.set(from!, (next.get(from!) ?? new Set<string>()).add(to!));
        if (folders.has(to!) && rooms.indexOf(to!) > rooms.indexOf(from!) && folders.has(from!))
          wrong.push(`${path} imports ${target}`);
      }
    }
    expect(wrong).toEqual([]);
    expect(cyclesOf(next)).toEqual([]);
  });

  test("the ChargePoint web services know nothing of drivers and devices", () => {
    const allowed =
      /^(drivers\/chargepoint\/api\/|drivers\/(errors|write-permit)\.ts$|time\/|net\/|points\/|config\/|log\/)/;
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
    const all = files.flatMap((file) => file.imports);
    expect(all.filter((target) => !existsSync(resolve(src, target)))).toEqual([]);
  });
});

describe("the shape of the sources", () => {
  test("no cycles between files", () => {
    const cycles = cyclesOf(new Map(files.map((file) => [file.path, new Set(file.imports)])));
    expect(cycles).toEqual([]);
  });

  test("names are kebab-case, folders have a subject", () => {
    const names = files.flatMap((file) => file.path.split("/").map((name) => name.replace(/\.tsx?$/, "")));
    expect(names.filter((name) => !/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) || GRAB_BAGS.test(name))).toEqual(
      [],
    );
  });
});
