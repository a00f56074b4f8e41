import { lstatSync, realpathSync } from "node:fs";
import { dirname, join } from "node:path";

/**
 * Returns a path with its links followed, as far as it exists: of a path that does not exist, that of its nearest parent with the rest.
 * Throws for a link that leads to nothing or in a circle, and below a folder that may not be entered.
 */
export function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const parent = dirname(path);
    if (code !== "ENOENT" || parent === path || lstatSync(path, { throwIfNoEntry: false })) throw error;
    return join(realPath(parent), path.slice(parent.length));
  }
}
