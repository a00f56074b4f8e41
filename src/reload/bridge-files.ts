/** The files of a bridge become settings, devices and rows: for a start, for a reload, and for whatever else looks at them. */

import { isAbsolute, relative, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { clusterBackends } from "../cluster/backends.ts";
import {
  type BridgeSettings,
  bridgeSchema,
  DeviceFiles,
  type DeviceSettings,
  type Diagnostic,
  type FileAccess,
  FileVersions,
  loadBridge,
  loadDeviceFile,
  PathFolders,
  RecordedFiles,
  type Schema,
  sortDiagnostics,
} from "../config/index.ts";
import { driverTypes, type LoadedDevice } from "../devices/index.ts";
import { backends } from "../historian/index.ts";
import type { Secrets } from "../log/log.ts";
import { type Registry, readRegistry, registryReading } from "../registry/index.ts";
import { sessionBackends } from "../sessions/index.ts";
import { inSlices } from "../time/in-slices.ts";
import type { LoadedConfigs } from "./reloader.ts";

export interface LoadOptions {
  /** Bridge config; undefined for `configs/bridge.json`. */
  readonly config: string | undefined;
  readonly secrets: Secrets;
  readonly env: Readonly<Record<string, string | undefined>>;
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

/** JSON Schemas of every cluster backend's `cluster.connection`. */
const clusterSchemas = Object.fromEntries(
  Object.entries(clusterBackends).map(([name, type]) => [name, type.configSchema]),
);

const sectionBackends = {
  backends: backendSchemas,
  sessionBackends: sessionSchemas,
  clusterBackends: clusterSchemas,
};

/** How one file is read. */
export interface ReadOptions extends Omit<LoadOptions, "config"> {
  /** Default: from disk. */
  readonly files?: FileAccess;
}

/** Loads a bridge config, and checks the settings of its backends too. */
export function readBridge(file: string | undefined, options: ReadOptions) {
  return loadBridge(file, { ...options, ...sectionBackends });
}

/** Returns the JSON Schema of a bridge config as written, with that of the backends that it chooses. */
export function bridgeSchemaOf(raw: unknown): Schema {
  return bridgeSchema(raw, sectionBackends);
}

/** The bridge config has an error, and no earlier load of it can take its place. */
export class UnusableConfigError extends Error {
  override readonly name = "UnusableConfigError";
  readonly diagnostics: readonly Diagnostic[];

  constructor(diagnostics: readonly Diagnostic[]) {
    super("the bridge config cannot be used");
    this.diagnostics = diagnostics;
  }
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
   * @throws UnusableConfigError when the bridge config has an error and there was no load before
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
    if (!settings) throw new UnusableConfigError(bridge.diagnostics);
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
  options: ReadOptions,
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
