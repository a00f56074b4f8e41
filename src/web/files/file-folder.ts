import { realpathSync, type Stats, statSync } from "node:fs";
import { extname, join, relative, sep } from "node:path";
import { listing, realPath, unreadableReason } from "../../config/index.ts";
import { isWithin } from "../../reload/bridge-files.ts";
import { inSlices } from "../../time/in-slices.ts";
import { FileRefusal } from "./refusal.ts";

export interface FolderFile {
  /** Path relative to the folder, with slashes. */
  readonly name: string;
  readonly bytes: number;
  readonly modifiedAt: Date;
}

const LONGEST_NAME = 500;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
const UNSAFE = /[\u0000-\u001f\u007f\\:*?"<>|]/;

/** A folder whose files are named from outside. No name leads out of it, also not through a link. */
export class FileFolder {
  readonly path: string;
  readonly #extensions: readonly string[];
  readonly #what: string;

  /** `what`: the kind of its files, for messages. */
  constructor(path: string, extensions: readonly string[], what: string) {
    this.path = path;
    this.#extensions = extensions;
    this.#what = what;
  }

  /** Lists the files; those that a link leads out of the folder are omitted. */
  async list(): Promise<FolderFile[]> {
    const { files } = await inSlices(listing(this.path));
    return files.flatMap((file) => {
      if (!this.#isKind(file) || !this.#isInside(file)) return [];
      const stats = statsOf(file);
      if (!stats?.isFile()) return [];
      const name = relative(this.path, file).replaceAll(sep, "/");
      return [{ name, bytes: stats.size, modifiedAt: stats.mtime }];
    });
  }

  /**
   * Returns the absolute path of a name. `exists`: whether there is a file.
   * @throws FileRefusal for a name that no file of this folder can have
   */
  resolve(name: string): { readonly file: string; readonly exists: boolean } {
    const fault =
      nameFault(name) ??
      (this.#isKind(name) ? undefined : `ends with none of ${this.#extensions.join(", ")}`);
    const shown = JSON.stringify(name.slice(0, LONGEST_NAME));
    if (fault)
      throw new FileRefusal("bad_file_name", `${shown} cannot be the name of a ${this.#what}: it ${fault}`);
    const file = join(this.path, name);
    if (!this.#isInside(file))
      throw new FileRefusal(
        "bad_file_name",
        `${shown} leads out of the folder ${this.path} through a link; edit it on the machine`,
      );
    const stats = statsOf(file);
    if (stats && !stats.isFile()) throw new FileRefusal("bad_file_name", `${shown} is not a regular file`);
    return { file, exists: stats !== undefined };
  }

  /** Returns the path of a file. @throws FileRefusal where there is none */
  existing(name: string): string {
    const { file, exists } = this.resolve(name);
    if (exists) return file;
    throw new FileRefusal(
      "no_such_file",
      `there is no ${this.#what} ${JSON.stringify(name)} in ${this.path}`,
    );
  }

  #isKind(name: string): boolean {
    return this.#extensions.includes(extname(name).toLowerCase()) && !/\.schema\.json$/i.test(name);
  }

  /** Returns whether a path is inside when every link is followed, or would be if the file existed. */
  #isInside(file: string): boolean {
    try {
      return isWithin(realpathSync(this.path), realPath(file));
    } catch {
      // A link in a circle, or a folder that may not be entered.
      return false;
    }
  }
}

function nameFault(name: string): string | undefined {
  if (name === "" || name.length > LONGEST_NAME) return `has no or more than ${LONGEST_NAME} characters`;
  if (UNSAFE.test(name)) return "has a character that file names cannot have everywhere";
  const steps = name.split("/");
  if (steps.some((step) => step === "" || step.startsWith(".")))
    return "has an empty step, or one that begins with a dot";
  if (steps.some((step) => step !== step.trim())) return "has a space at the begin or end of a step";
  return undefined;
}

function statsOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw new FileRefusal("unreadable_file", `${path} ${unreadableReason(error)}`);
  }
}
