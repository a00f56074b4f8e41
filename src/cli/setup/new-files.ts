import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, relative } from "node:path";
import { CommandError, EXIT } from "../terminal/command-error.ts";

/** A file to write. */
export interface NewFile {
  readonly path: string;
  readonly text: string;
  /** Only its owner may read it. */
  readonly secret?: boolean;
  /** Made by the program and never edited, so that a new version replaces it. */
  readonly replace?: boolean;
}

/**
 * Writes files, all in one go: nothing that ends the command comes in between. Existing files are kept, unless `force` is set, and
 * returned. A failure removes what was created.
 * @throws CommandError when one cannot be written
 */
export function writeNewFiles(
  files: readonly NewFile[],
  force: boolean,
): { kept: string[]; written: string[] } {
  const kept: string[] = [];
  const written: string[] = [];
  const created: string[] = [];
  try {
    for (const { path, text, secret = false, replace = false } of files) {
      const exists = existsSync(path);
      if (exists && !force && !replace) {
        kept.push(path);
        continue;
      }
      mkdirSync(dirname(path), { recursive: true, ...(secret && { mode: 0o700 }) });
      const part = `${path}.part`;
      rmSync(part, { force: true });
      if (!exists) created.push(path);
      writeFileSync(part, text, { flag: "wx", mode: secret ? 0o600 : 0o644 });
      renameSync(part, path);
      written.push(path);
    }
    return { kept, written };
  } catch (error) {
    for (const path of created) {
      rmSync(path, { force: true });
      rmSync(`${path}.part`, { force: true });
    }
    throw new CommandError(`cannot write: ${(error as Error).message}`, EXIT.failed, { cause: error });
  }
}

/** Formats paths for a message, relative to the working directory, the first of them only. */
export function fewPaths(paths: readonly string[]): string {
  const shown = paths.slice(0, 5).map((path) => relative(process.cwd(), path) || ".");
  return `${shown.join(", ")}${paths.length > shown.length ? ", …" : ""}`;
}
