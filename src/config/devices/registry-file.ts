import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { closest } from "../files/did-you-mean.ts";
import { notRegular } from "../files/file-access.ts";

const SCHEME = /^config:\/\//i;

/** The registry of a device, or why there is none. */
export type FoundRegistry = { file: string } | { problem: string; suggestion?: string };

/**
 * Finds the file of a `registry_config`: `config://name` in the registries folder, ignoring case as VOLTTRON's configuration store does;
 * any other text is a path relative to the folder of the device file.
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
 * Returns the files of a folder and its subfolders, sorted by path. Hidden files and folders are skipped (Kubernetes keeps versions of
 * mounted files in them); links are followed, each folder once. A missing folder has no files.
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
