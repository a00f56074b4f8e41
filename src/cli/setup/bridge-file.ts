import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import {
  type BridgeSettings,
  decodeText,
  defaultBridge,
  LARGEST_CONFIG,
  readBounded,
  readLeniently,
} from "../../config/index.ts";

const NAMES = ["bridge.json", "bridge.jsonc"];
const OWN_KEYS = [
  "instance",
  "devices",
  "registries",
  "data",
  "driver",
  "mqtt",
  "historian",
  "sessions",
  "actuator",
  "web",
  "metrics",
];
const DEVICE_KEYS = ["driver_type", "driver_config", "registry_config"];

/** Returns the bridge config in a folder, if there is one. */
export function bridgeFileIn(folder: string): string | undefined {
  return NAMES.map((name) => join(folder, name)).find((file) => existsSync(file));
}

/** Returns the bridge config of a device config: the nearest one in the folders above it, if there is one. */
export function bridgeFileAbove(path: string): string | undefined {
  const folder = dirname(resolve(path));
  return bridgeFileIn(folder) ?? (folder === dirname(folder) ? undefined : bridgeFileAbove(folder));
}

/** Returns whether a file is a bridge config, by its name or its keys; it may contain errors. */
export function isBridgeFile(file: string): boolean {
  if (NAMES.includes(basename(file))) return true;
  const keys = Object.keys(glance(file));
  return keys.some((key) => OWN_KEYS.includes(key)) && !keys.some((key) => DEVICE_KEYS.includes(key));
}

/** Returns the folders of a bridge config with errors, as far as they can be read: enough to check the files in them. */
export function presumedSettings(file: string): BridgeSettings {
  const settings = defaultBridge(file);
  const written = glance(file);
  const folder = (key: "devices" | "registries") => {
    const value = written[key];
    return typeof value === "string" && !value.includes("${") ? resolve(dirname(file), value) : settings[key];
  };
  return { ...settings, devices: folder("devices"), registries: folder("registries") };
}

/** Returns what can be parsed of a JSON(C) file; an empty object when nothing can. */
function glance(file: string): Record<string, unknown> {
  if (!existsSync(file)) return {};
  let bytes: Uint8Array;
  try {
    bytes = readBounded(file, LARGEST_CONFIG);
  } catch {
    // The loader of the file reports the reason.
    return {};
  }
  const value = readLeniently(decodeText(bytes).text);
  return typeof value === "object" && value !== null ? { ...value } : {};
}
