/** Commands about configs: files become settings, devices and rows, and every problem in them is printed with its place. */

import { isAbsolute, relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import {
  type BridgeSettings,
  DeviceFiles,
  type DeviceSettings,
  type Diagnostic,
  FileVersions,
  loadBridge,
  loadDeviceFile,
  PathFolders,
  RecordedFiles,
  sortDiagnostics,
} from "../../config/index.ts";
import { driverTypes, type LoadedDevice } from "../../devices/index.ts";
import { backends } from "../../historian/index.ts";
import type { Secrets } from "../../log/log.ts";
import type { ProbedDevice } from "../../mqtt/index.ts";
import { type Registry, readRegistry, registryReading } from "../../registry/index.ts";
import type { LoadedConfigs } from "../../reload/reloader.ts";
import { sessionBackends } from "../../sessions/index.ts";
import { inSlices } from "../../time/in-slices.ts";
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
export function readBridge(
  file: string | undefined,
  options: Omit<LoadOptions, "config"> & { readonly files?: RecordedFiles },
) {
  return loadBridge(file, { ...options, backends: backendSchemas, sessionBackends: sessionSchemas });
}

/**
 * Loads the bridge's settings alone.
 * @throws CommandError with every problem when one of them is an error
 */
export function loadSettings(options: LoadOptions): { settings: BridgeSettings; diagnostics: Diagnostic[] } {
  const { settings, diagnostics } = readBridge(options.config, options);
  if (settings) return { settings, diagnostics };
  throw unusable(diagnostics);
}

function unusable(diagnostics: readonly Diagnostic[]): CommandError {
  return new CommandError(`the bridge config cannot be used\n${formatAll(diagnostics)}`, EXIT.configuration);
}

/** Loads the bridge config, its device configs and their registries; an error in a file affects only its own device. */
export async function loadAll(options: LoadOptions): Promise<LoadedBridge> {
  return new BridgeFiles(options).load();
}

type ReadBridge = ReturnType<typeof readBridge> & { readonly files: RecordedFiles };

/**
 * The files of a bridge, loaded again and again while it runs: only what changed is read again, and what is unchanged is the identical
 * object as before (settings, rows). The event loop is not blocked.
 */
export class BridgeFiles {
  readonly #options: LoadOptions;
  readonly #versions = new FileVersions();
  readonly #devices: DeviceFiles;
  readonly #registries = new Registries(this.#versions);
  #config: string | undefined;
  #bridge: ReadBridge | undefined;
  #settings: BridgeSettings | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#devices = new DeviceFiles(driverSchemas, options, this.#versions);
  }

  /**
   * Loads what changed since the load before; calls wait for each other.
   * @throws CommandError with every problem when the bridge config has an error and there was no load before
   */
  load(): Promise<LoadedConfigs> {
    const loaded = this.#turn.then(() => inSlices(this.#load()));
    this.#turn = loaded.catch(() => undefined);
    return loaded;
  }

  *#load(): Generator<void, LoadedConfigs> {
    this.#versions.startRound();
    const bridge = this.#loadBridge();
    const settings = this.#settings;
    if (!settings) throw unusable(bridge.diagnostics);
    const found = yield* this.#devices.load(settings.devices, settings);
    const devices = yield* this.#registries.loading(found.devices);
    const diagnostics = [...bridge.diagnostics, ...found.diagnostics, ...this.#registries.diagnostics];
    const folders = new PathFolders();
    for (const file of [settings.file, ...bridge.files.paths()]) folders.addFile(file);
    const own = [...folders.folders, settings.devices, settings.registries];
    // The bridge writes to its data folder all the time; nothing else is in it, unless it is one of the others.
    const watched = [...found.folders].filter((folder) => !isWithin(settings.data, folder));
    return {
      settings,
      devices,
      diagnostics: sortDiagnostics(diagnostics),
      folders: new Set([...own, ...watched]),
    };
  }

  /** Loads the bridge config if it changed, and keeps the settings of the last one that could be used. */
  #loadBridge(): ReadBridge {
    if (this.#bridge?.settings && this.#bridge.files.areCurrent()) return this.#bridge;
    const files = new RecordedFiles(this.#versions);
    const { settings, diagnostics } = readBridge(this.#config, { ...this.#options, files });
    this.#bridge = { settings, diagnostics, files };
    if (!settings) return this.#bridge;
    // Defaults must not take the place of a config that is missing for a moment.
    if (files.hasRead(settings.file)) this.#config = settings.file;
    if (!isDeepStrictEqual(settings, this.#settings)) this.#settings = settings;
    return this.#bridge;
  }
}

/** Returns whether a path is a folder or inside it. */
export function isWithin(folder: string, path: string): boolean {
  const inner = relative(folder, path);
  return inner === "" || !(inner.startsWith("..") || isAbsolute(inner));
}

/** Loads one device config; its topic path is the one that it has when the bridge runs. */
export function loadDevice(
  file: string,
  settings: BridgeSettings,
  options: Omit<LoadOptions, "config">,
): { device?: DeviceSettings; diagnostics: Diagnostic[] } {
  const folder = isWithin(settings.devices, resolve(file)) ? { folder: settings.devices } : {};
  return loadDeviceFile(file, driverSchemas, settings, { ...options, ...folder });
}

/** Registries by file, each read once however many devices share it. */
export class Registries {
  readonly #versions: FileVersions;
  /** Those of the last load. */
  #read = new Map<string, Registry & { hash?: string }>();

  constructor(versions = new FileVersions()) {
    this.#versions = versions;
  }

  async read(file: string): Promise<Registry> {
    const registry = this.#read.get(file) ?? (await readRegistry(file));
    this.#read.set(file, registry);
    return registry;
  }

  /** Devices with the rows of their registries. */
  load(devices: readonly DeviceSettings[]): Promise<LoadedDevice[]> {
    return inSlices(this.loading(devices));
  }

  /** Loads as {@link load}, again and again: a registry with the same content has the identical rows as before. */
  *loading(devices: readonly DeviceSettings[]): Generator<void, LoadedDevice[]> {
    const before = this.#read;
    this.#read = new Map();
    const loaded: LoadedDevice[] = [];
    for (const settings of devices) {
      const file = settings.registryFile;
      const registry = this.#read.get(file) ?? (yield* this.#reading(file, before.get(file)));
      this.#read.set(file, registry);
      loaded.push({ settings, rows: registry.rows });
    }
    return loaded;
  }

  *#reading(
    file: string,
    before: (Registry & { hash?: string }) | undefined,
  ): Generator<void, Registry & { hash?: string }> {
    yield;
    if (before?.hash !== undefined && this.#versions.current(file)?.hash === before.hash) return before;
    let hash: string | undefined;
    const read = (path: string, maxBytes: number) => {
      const { bytes, version } = this.#versions.read(path, maxBytes);
      hash = version.hash;
      return bytes;
    };
    const registry = yield* registryReading(file, read);
    const isUnreadable = hash === undefined && before && before.hash === undefined;
    if (isUnreadable && isDeepStrictEqual(registry.diagnostics, before.diagnostics)) return before;
    return { ...registry, hash };
  }

  get diagnostics(): Diagnostic[] {
    return [...this.#read.values()].flatMap((registry) => registry.diagnostics);
  }
}

/** Returns what the self-test needs to know of a device. */
export function probed({ settings, rows }: LoadedDevice, bridge: BridgeSettings): ProbedDevice {
  const { path, timezone, publish } = settings;
  return {
    path,
    timezone,
    points: new Map(rows.map(({ point }) => [point.name, point])),
    publish: { ...bridge.driver.publish, ...publish },
  };
}
