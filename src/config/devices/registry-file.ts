import { dirname, join, relative, resolve, sep } from "node:path";
import { closest } from "../files/did-you-mean.ts";
import { disk, type FileAccess, notRegular, unreadableReason } from "../files/file-access.ts";
import { atOnce, type Listing, listing } from "../files/listing.ts";

const SCHEME = /^config:\/\//i;

/** The registry of a device, or why there is none. */
export type FoundRegistry = { file: string } | { problem: string; suggestion?: string };

/** The registries folder: `config://name` is a file in it, ignoring case as VOLTTRON's configuration store does. */
export class RegistryFolder {
  readonly #folder: string;
  readonly #names: ReadonlySet<string>;
  readonly #folded = new Map<string, string>();

  constructor(folder: string, { files }: Listing) {
    this.#folder = folder;
    this.#names = new Set(files.map((file) => relative(folder, file).replaceAll(sep, "/")));
    for (const name of this.#names) {
      const folded = name.toLowerCase();
      if (!this.#folded.has(folded)) this.#folded.set(folded, name);
    }
  }

  /** Returns the registry of a reference; undefined for one that is a path. */
  find(reference: string): FoundRegistry | undefined {
    if (!SCHEME.test(reference)) return undefined;
    const name = reference.replace(SCHEME, "");
    const match = this.#names.has(name) ? name : this.#folded.get(name.toLowerCase());
    if (match !== undefined) return { file: join(this.#folder, match) };
    const near = closest(name, this.#names);
    return {
      problem: `there is no registry "${name}" in ${this.#folder}`,
      ...(near === undefined ? {} : { suggestion: `config://${near}` }),
    };
  }
}

/** Returns the registry of a reference that is a path relative to the folder of the device file. */
export function findBesideDevice(
  reference: string,
  deviceFile: string,
  files: FileAccess = disk,
): FoundRegistry {
  const folder = dirname(deviceFile);
  const file = resolve(folder, reference);
  try {
    const stats = files.stat(file);
    if (stats) {
      const fault = notRegular(stats);
      return fault ? { problem: `${file} ${fault}` } : { file };
    }
  } catch (error) {
    return { problem: `${file} ${unreadableReason(error)}` };
  }
  const near = closest(file, atOnce(listing(dirname(file), false)).files);
  return {
    problem: `there is no file ${file}`,
    ...(near === undefined ? {} : { suggestion: relative(folder, near).replaceAll(sep, "/") }),
  };
}
