import { type Dirent, readdirSync, type Stats, statSync } from "node:fs";
import { join } from "node:path";
import type { Diagnostic } from "./diagnostic.ts";
import { unreadable } from "./file-access.ts";

/** The files of a folder and its subfolders, sorted by path. */
export interface Listing {
  readonly files: string[];
  /** The folder and its subfolders, as far as they exist. */
  readonly folders: string[];
  /** Links to files and folders. */
  readonly links: string[];
  /** Folders and links that cannot be followed. */
  readonly diagnostics: Diagnostic[];
}

/**
 * Lists a folder, one entry for each yield. Hidden files and folders are skipped (Kubernetes keeps versions of mounted files in them);
 * links are followed, each folder once. A missing folder has no files. Never throws.
 */
export function* listing(folder: string, deep = true): Generator<void, Listing> {
  const found: Listing = { files: [], folders: [], links: [], diagnostics: [] };
  yield* list(folder, deep, found, new Set());
  return found;
}

function* list(folder: string, deep: boolean, found: Listing, seen: Set<string>): Generator<void> {
  const here = statsOf(folder, "folder", found);
  const identity = `${here?.dev} ${here?.ino}`;
  if (!here?.isDirectory() || seen.has(identity)) return;
  seen.add(identity);
  found.folders.push(folder);
  for (const entry of entriesOf(folder, found)) {
    yield;
    const path = join(folder, entry.name);
    if (entry.isSymbolicLink()) found.links.push(path);
    // Some file systems do not say what an entry is.
    const isKnown = entry.isFile() || entry.isDirectory();
    const kind = isKnown ? entry : statsOf(path, "file", found);
    if (kind?.isFile()) found.files.push(path);
    else if (deep && kind?.isDirectory()) yield* list(path, deep, found, seen);
  }
}

function entriesOf(folder: string, { diagnostics }: Listing): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true })
      .filter(({ name }) => !name.startsWith("."))
      .sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    // A folder that was removed meanwhile has no files.
    if ((error as NodeJS.ErrnoException).code !== "ENOENT")
      diagnostics.push(unreadable(folder, error, "folder"));
    return [];
  }
}

function statsOf(path: string, kind: "file" | "folder", { diagnostics }: Listing): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    diagnostics.push(unreadable(path, error, kind));
    return undefined;
  }
}

/** Does work that yields between its steps without a pause. */
export function atOnce<T>(work: Generator<void, T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}
