import { statSync } from "node:fs";
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

/** Why reading a file failed, told as what is wrong with it. */
export function unreadableReason(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code ?? String(error);
  return REASONS[code] ?? `cannot be read (${code})`;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: "does not exist",
  EACCES: "may not be read by this user; change its permissions or its owner",
  EISDIR: "is a folder",
};
