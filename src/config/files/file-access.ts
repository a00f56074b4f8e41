import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import { sep } from "node:path";
import type { Diagnostic } from "./diagnostic.ts";

const GROUP_OR_WORLD = 0o044;
const WORLD = 0o004;

/** Folder of the secrets of Docker and Podman: world-readable inside the container, which is what protects them. */
const CONTAINER_SECRETS = "/run/secrets/";

/** Returns whether users other than the owner may read a file. Windows has no such permissions. */
export function readableByOthers(file: string): boolean {
  return (mode(file) & GROUP_OR_WORLD) !== 0;
}

/** Returns whether all users may read a secret file. A group may be intended (fsGroup of Kubernetes). */
export function readableByAll(file: string): boolean {
  return !file.startsWith(CONTAINER_SECRETS) && (mode(file) & WORLD) !== 0;
}

/** Returns the permissions of a file; none of a file that was removed after it was read. */
function mode(file: string): number {
  return sep === "\\" ? 0 : (statSync(file, { throwIfNoEntry: false })?.mode ?? 0);
}

/** How files are read; {@link disk} unless a loader remembers what it read. */
export interface FileAccess {
  /** As {@link readBounded}. */
  read(file: string, maxBytes: number): Buffer;
  /** Returns what a path leads to, undefined if it does not exist. */
  stat(path: string): Stats | undefined;
}

export const disk: FileAccess = {
  read: readBounded,
  stat: (path) => statSync(path, { throwIfNoEntry: false }),
};

/**
 * Reads a regular file of at most `maxBytes`. Throws {@link UnusableFileError} for a larger one, and for a device or a pipe, which may
 * be endless or block.
 */
export function readBounded(file: string, maxBytes: number): Buffer {
  return readWithStats(file, maxBytes).bytes;
}

/** Reads as {@link readBounded}; the stats are those of the same file from before it was read. */
export function readWithStats(file: string, maxBytes: number): { bytes: Buffer; stats: Stats } {
  // Without O_NONBLOCK, opening a pipe blocks until it has a writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    const fault = notRegular(stats);
    if (fault) throw new UnusableFileError(fault);
    if (stats.size > maxBytes)
      throw new UnusableFileError(`is larger than ${megabytes(maxBytes)} (${megabytes(stats.size)})`);
    return { bytes: readFileSync(descriptor), stats };
  } finally {
    closeSync(descriptor);
  }
}

/** A file that is not read; the message is the reason. */
class UnusableFileError extends Error {
  override readonly name = "UnusableFileError";
}

/** Returns why a path is not a regular file; undefined for a regular file. */
export function notRegular(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return REASONS.EISDIR;
  const kind = stats.isFIFO() ? "a pipe" : stats.isSocket() ? "a socket" : "a device";
  return `is ${kind}, not a regular file`;
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`;
}

/** Returns the diagnostic of a file that cannot be read, or of a folder. */
export function unreadable(file: string, error: unknown, kind: "file" | "folder" = "file"): Diagnostic {
  const message = `the ${kind} ${unreadableReason(error)}`;
  const fault = { severity: "error", file, line: 1, column: 1, message } as const;
  return kind === "file" ? { code: "unreadable_file", ...fault } : { code: "unreadable_folder", ...fault };
}

/** Returns the reason for a failed read as a predicate: "does not exist". */
export function unreadableReason(error: unknown): string {
  if (error instanceof UnusableFileError) return error.message;
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return REASONS[code] ?? `cannot be read (${code})`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user; change its permissions or its owner",
  EISDIR: "is a folder",
  ELOOP: "is a link that leads back to itself",
};
