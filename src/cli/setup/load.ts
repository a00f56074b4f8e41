/** Commands about configs: files become settings, devices and rows, and every problem in them is printed with its place. */

import { relative, resolve } from "node:path";
import {
  type BridgeSettings,
  type DeviceSettings,
  type Diagnostic,
  loadBridge,
  loadDeviceFile,
  loadDevices,
  sortDiagnostics,
} from "../../config/index.ts";
import { driverTypes, type LoadedDevice } from "../../devices/index.ts";
import { backends } from "../../historian/index.ts";
import type { Secrets } from "../../log/log.ts";
import { type Registry, readRegistry } from "../../registry/index.ts";
import { sessionBackends } from "../../sessions/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { formatAll } from "./diagnostics.ts";

export interface LoadOptions {
  /** Bridge config; undefined for `configs/bridge.json`. */
  readonly config: string | undefined;
  readonly secrets: Secrets;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface LoadedBridge {
  readonly settings: BridgeSettings;
  readonly devices: readonly LoadedDevice[];
  readonly diagnostics: readonly Diagnostic[];
}

/** JSON Schemas of every driver type's `driver_config`. */
export const driverSchemas = Object.fromEntries(
  Object.entries(driverTypes).map(([name, type]) => [name, type.configSchema]),
);

/** JSON Schemas of every historian backend's `historian.connection`. */
const backendSchemas = Object.fromEntries(
  Object.entries(backends).map(([name, type]) => [name, type.configSchema]),
);

/** JSON Schemas of every session database's `sessions.connection`. */
const sessionSchemas = Object.fromEntries(
  Object.entries(sessionBackends).map(([name, type]) => [name, type.configSchema]),
);

/** Loads a bridge config, and checks the settings of its backends too. */
export function readBridge(file: string | undefined, options: Omit<LoadOptions, "config">) {
  return loadBridge(file, { ...options, backends: backendSchemas, sessionBackends: sessionSchemas });
}

/**
 * Loads the bridge's settings alone.
 * @throws CommandError with every problem when one of them is an error
 */
export function loadSettings(options: LoadOptions): { settings: BridgeSettings; diagnostics: Diagnostic[] } {
  const { settings, diagnostics } = readBridge(options.config, options);
  if (settings) return { settings, diagnostics };
  throw new CommandError(`the bridge config cannot be used\n${formatAll(diagnostics)}`, EXIT.configuration);
}

/** Loads the bridge config, its device configs and their registries; an error in a file affects only its own device. */
export async function loadAll(options: LoadOptions): Promise<LoadedBridge> {
  const { settings, diagnostics } = loadSettings(options);
  const files = loadDevices(settings.devices, driverSchemas, settings, options);
  const registries = new Registries();
  const devices = await registries.load(files.devices);
  const found = [...diagnostics, ...files.diagnostics, ...registries.diagnostics];
  return { settings, devices, diagnostics: sortDiagnostics(found) };
}

/** Loads one device config; its topic path is the one that it has when the bridge runs. */
export function loadDevice(
  file: string,
  settings: BridgeSettings,
  options: Omit<LoadOptions, "config">,
): { device?: DeviceSettings; diagnostics: Diagnostic[] } {
  const inside = !relative(settings.devices, resolve(file)).startsWith("..");
  const folder = inside ? { folder: settings.devices } : {};
  return loadDeviceFile(file, driverSchemas, settings, { ...options, ...folder });
}

/** Registries by file, each read once however many devices share it. */
export class Registries {
  readonly #read = new Map<string, Registry>();

  async read(file: string): Promise<Registry> {
    const registry = this.#read.get(file) ?? (await readRegistry(file));
    this.#read.set(file, registry);
    return registry;
  }

  /** Devices with the rows of their registries. */
  async load(devices: readonly DeviceSettings[]): Promise<LoadedDevice[]> {
    const loaded: LoadedDevice[] = [];
    for (const settings of devices)
      loaded.push({ settings, rows: (await this.read(settings.registryFile)).rows });
    return loaded;
  }

  get diagnostics(): Diagnostic[] {
    return [...this.#read.values()].flatMap((registry) => registry.diagnostics);
  }
}
