import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats, statSync } from "node:fs";
import { sep } from "node:path";

const GROUP_OR_WORLD = 0o044;
const WORLD = 0o004;

/** Where Docker and Podman put secrets: open inside the container, which is their wall. */
const CONTAINER_SECRETS = "/run/secrets/";

/** Whether users other than the owner may read a file. Windows has no such permissions to look at. */
export function readableByOthers(file: string): boolean {
  return (mode(file) & GROUP_OR_WORLD) !== 0;
}

/** Whether everybody may read a secret file; a group may be meant (Kubernetes' fsGroup). */
export function readableByAll(file: string): boolean {
  return !file.startsWith(CONTAINER_SECRETS) && (mode(file) & WORLD) !== 0;
}

function mode(file: string): number {
  return sep === "\\" ? 0 : statSync(file).mode;
}

/**
 * Reads a regular file of at most `maxBytes`. Throws {@link UnusableFileError} for a larger one, and for a device or a pipe, which could
 * go on for ever or never begin.
 */
export function readBounded(file: string, maxBytes: number): Buffer {
  // Without O_NONBLOCK, opening a pipe waits for its writer.
  const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(descriptor);
    const fault = notRegular(stats);
    if (fault) throw new UnusableFileError(fault);
    if (stats.size > maxBytes)
      throw new UnusableFileError(`is larger than ${megabytes(maxBytes)} (${megabytes(stats.size)})`);
    return readFileSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** A file that must not be read; the message says why. */
class UnusableFileError extends Error {
  override readonly name = "UnusableFileError";
}

/** What a path leads to where that is not a regular file. */
export function notRegular(stats: Stats): string | undefined {
  if (stats.isFile()) return undefined;
  if (stats.isDirectory()) return REASONS.EISDIR;
  const kind = stats.isFIFO() ? "a pipe" : stats.isSocket() ? "a socket" : "a device";
  return `is ${kind}, not a regular file`;
}

function megabytes(bytes: number): string {
  return bytes < 1e6 ? `${Math.round(bytes / 1e3)} kB` : `${Math.round(bytes / 1e6)} MB`;
}

/** Why reading a file failed, told as what is wrong with it. */
export function unreadableReason(error: unknown): string {
  if (error instanceof UnusableFileError) return error.message;
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return REASONS[code] ?? `cannot be read (${code})`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user; change its permissions or its owner",
  EISDIR: "is a folder",
};
