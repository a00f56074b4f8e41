import { readlinkSync, realpathSync } from "node:fs";
import { dirname, resolve } from "node:path";

/** The folders in which a change can change what some paths lead to: their own, and those of the links on the way. */
export class PathFolders {
  readonly folders = new Set<string>();
  readonly #followed = new Set<string>();

  addFile(file: string): void {
    this.folders.add(dirname(file));
    this.#follow(file);
  }

  addFolder(folder: string): void {
    this.folders.add(folder);
    this.#follow(folder);
  }

  /** Adds the folders of links in this path, and of those in what they lead to. */
  #follow(path: string): void {
    if (this.#followed.has(path)) return;
    this.#followed.add(path);
    const folder = dirname(path);
    if (folder === path) return;
    this.#follow(folder);
    const target = linkTarget(path);
    if (target === undefined) return;
    this.folders.add(folder);
    this.addFile(target);
  }
}

/** Returns the absolute path that a link leads to; undefined for anything else. */
function linkTarget(path: string): string | undefined {
  try {
    const target = readlinkSync(path);
    return resolve(realpathSync.native(dirname(path)), target);
  } catch {
    // No link, or not there.
    return undefined;
  }
}
