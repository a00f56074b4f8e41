import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";

/** Returns the files that a source file imports, statically or not; like `path`, relative to `root`. */
export function importsOf(root: string, path: string): string[] {
  const text = readFileSync(join(root, path), "utf8");
  const specifiers = text.matchAll(
    /^\s*(?:import|export)\b[^;"']*?from\s+["'](\.[^"']+)["']|^\s*import\s+["'](\.[^"']+)["']|import\(["'](\.[^"']+)["']\)/gm,
  );
  return [...specifiers].map((m) =>
    relative(root, resolve(dirname(join(root, path)), m[1] ?? m[2] ?? m[3] ?? "")),
  );
}
