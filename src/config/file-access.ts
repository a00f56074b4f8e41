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
