import { readdirSync, statSync } from "node:fs";
import { basename, join, relative, sep } from "node:path";
import { decodeText, readBounded, readLeniently, unreadable } from "../../config/index.ts";

/** One config of an agent's store, by its name there: `config`, `devices/campus/garage/station-1`, `registry_configs/x.csv`. */
export interface StoredConfig {
  readonly name: string;
  readonly text: string;
}

/** The configs of an export by agent, and what could not be read. */
export interface StoreExport {
  readonly driver: StoredConfig[];
  /** Main config of the actuator agent, which VOLTTRON 9 and earlier keep apart. */
  readonly actuator: StoredConfig[];
  readonly unread: { readonly name: string; readonly reason: string }[];
}

const DRIVER = /^(platform|master)\.driver/;
const ACTUATOR = /^platform\.actuator/;
/** Maximum size of a file of an export, in bytes. */
const MAX_BYTES = 32_000_000;

/**
 * Reads an export: files named as in the store (as `vctl config get` and VOLTTRON's own scripts write them), folders of those by
 * agent, or the store's files (`platform.driver.store`) of `$VOLTTRON_HOME/configuration_store`.
 */
export function readExport(path: string): StoreExport {
  const found: StoreExport = { driver: [], actuator: [], unread: [] };
  const isFile = statSync(path).isFile();
  const files = isFile ? [path] : filesBelow(path);
  for (const file of files) {
    const name = isFile ? basename(file) : relative(path, file).split(sep).join("/");
    let text: string;
    try {
      text = decodeText(readBounded(file, MAX_BYTES)).text;
    } catch (error) {
      found.unread.push({ name, reason: unreadable(file, error).message });
      continue;
    }
    if (name.endsWith(".store")) readStore(name, text, found);
    else addTo(found, name, text);
  }
  return found;
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => !name.split(sep).some((part) => part.startsWith(".")))
    .map((name) => join(folder, name))
    .filter((file) => statSync(file, { throwIfNoEntry: false })?.isFile())
    .sort();
}

/** Files below a folder with the name of an agent belong to that agent, others to the driver. */
function addTo(found: StoreExport, name: string, text: string): void {
  const parts = name.split("/");
  const at = parts.findIndex((part, i) => i < parts.length - 1 && /^(platform|master)\./.test(part));
  const agent = parts[at];
  const own = parts.slice(at + 1).join("/");
  if (agent === undefined || DRIVER.test(agent)) found.driver.push({ name: own, text });
  else if (ACTUATOR.test(agent)) found.actuator.push({ name: own, text });
  else found.unread.push({ name, reason: `it belongs to ${agent}, not to the driver` });
}

/** Reads a file of the configuration store: every config of one agent, each with its text in `data`. */
function readStore(name: string, text: string, found: StoreExport): void {
  const agent = basename(name, ".store");
  const store = readLeniently(text);
  if (typeof store !== "object" || store === null || Array.isArray(store)) {
    found.unread.push({ name, reason: "it is not a file of VOLTTRON's configuration store" });
    return;
  }
  if (!DRIVER.test(agent) && !ACTUATOR.test(agent)) {
    found.unread.push({ name, reason: `it belongs to ${agent}, not to the driver` });
    return;
  }
  for (const [key, entry] of Object.entries(store)) {
    const data = (entry as { data?: unknown } | null)?.data;
    if (typeof data !== "string") found.unread.push({ name: `${name}: ${key}`, reason: "it has no data" });
    else (DRIVER.test(agent) ? found.driver : found.actuator).push({ name: key, text: data });
  }
}
