import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { closest } from "../files/did-you-mean.ts";
import { notRegular } from "../files/file-access.ts";

const SCHEME = /^config:\/\//i;

/** Where a device's registry is, or what there is instead. */
export type FoundRegistry = { file: string } | { problem: string; suggestion?: string };

/**
 * Finds the file of a `registry_config`: `config://name` in the registries folder, whatever the case, as VOLTTRON's configuration store
 * does; anything else is a path that starts at the device file's folder.
 */
export function findRegistry(reference: string, deviceFile: string, registries: string): FoundRegistry {
  if (!SCHEME.test(reference)) return besideDevice(reference, deviceFile);
  const name = reference.replace(SCHEME, "");
  const names = listFiles(registries).map((file) => relative(registries, file).replaceAll(sep, "/"));
  const match = names.find((n) => n === name) ?? names.find((n) => n.toLowerCase() === name.toLowerCase());
  if (match !== undefined) return { file: join(registries, match) };
  const near = closest(name, names);
  return {
    problem: `there is no registry "${name}" in ${registries}`,
    ...(near === undefined ? {} : { suggestion: `config://${near}` }),
  };
}

function besideDevice(reference: string, deviceFile: string): FoundRegistry {
  const folder = dirname(deviceFile);
  const file = resolve(folder, reference);
  if (existsSync(file)) {
    const fault = notRegular(statSync(file));
    return fault ? { problem: `${file} ${fault}` } : { file };
  }
  const near = closest(file, listFiles(dirname(file), false));
  return {
    problem: `there is no file ${file}`,
    ...(near === undefined ? {} : { suggestion: relative(folder, near).replaceAll(sep, "/") }),
  };
}

/**
 * The files of a folder, sorted by path, those of its subfolders too. Hidden ones are left out (Kubernetes keeps the versions of
 * mounted files in them), links are followed, and none twice. A folder that is not there holds no files.
 */
export function listFiles(folder: string, deep = true, seen = new Set<number>()): string[] {
  const here = statSync(folder, { throwIfNoEntry: false });
  if (!here?.isDirectory() || seen.has(here.ino)) return [];
  seen.add(here.ino);
  return readdirSync(folder)
    .filter((name) => !name.startsWith("."))
    .sort()
    .flatMap((name) => {
      const path = join(folder, name);
      const entry = statSync(path, { throwIfNoEntry: false });
      if (entry?.isFile()) return [path];
      return deep && entry?.isDirectory() ? listFiles(path, deep, seen) : [];
    });
}
