import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type Diagnostic, hasErrors, sortDiagnostics } from "../files/diagnostic.ts";
import { FileVersions, RecordedFiles } from "../files/file-versions.ts";
import { atOnce, type Listing, listing } from "../files/listing.ts";
import { PathFolders } from "../files/path-folders.ts";
import type { LoadOptions } from "../schema/resolve.ts";
import { type DeviceSurroundings, type ReadDevice, readDeviceFile } from "./device-file.ts";
import type { DriverSchemas } from "./device-schema.ts";
import type { DeviceSettings } from "./device-settings.ts";
import { RegistryFolder } from "./registry-file.ts";

const EXTENSIONS = new Set([".json", ".jsonc", ".config"]);
/** Schemas for editors, of whatever is beside them. */
const SCHEMA = /\.schema\.json$/i;

export interface FoundDevices {
  readonly devices: DeviceSettings[];
  readonly diagnostics: Diagnostic[];
}

/**
 * Loads every device config of a folder and its subfolders, sorted by file. A file with an error excludes its own device only. Of two
 * files with the same topic path, the first keeps it. Never throws.
 */
export function loadDevices(
  folder: string,
  drivers: DriverSchemas,
  bridge: DeviceSurroundings,
  options: LoadOptions,
): FoundDevices {
  const { devices, diagnostics } = atOnce(new DeviceFiles(drivers, options).load(folder, bridge));
  return { devices, diagnostics };
}

interface KnownDevice extends ReadDevice {
  /** Folder relative to which its topic path is. */
  readonly root: string;
  readonly files: RecordedFiles;
}

/** The device configs of a folder, loaded as by {@link loadDevices} again and again; only what changed is read again. */
export class DeviceFiles {
  readonly #drivers: DriverSchemas;
  readonly #options: LoadOptions;
  readonly #versions: FileVersions;
  #known = new Map<string, KnownDevice>();

  /** The rounds of `versions` are the caller's. */
  constructor(drivers: DriverSchemas, options: LoadOptions, versions = new FileVersions()) {
    this.#drivers = drivers;
    this.#options = options;
    this.#versions = versions;
  }

  /**
   * Yields after each file. A device whose config and secrets are unchanged has the identical settings as before; a file with errors
   * is read each time. `folders`: where a change can change the result.
   */
  *load(
    folder: string,
    bridge: DeviceSurroundings,
  ): Generator<void, FoundDevices & { folders: ReadonlySet<string> }> {
    const root = resolve(folder);
    const folders = new PathFolders();
    const configs = yield* this.#list(root, folders);
    const names = yield* this.#list(bridge.registries, folders);
    const registries = new RegistryFolder(bridge.registries, names);
    const diagnostics = [...configs.diagnostics, ...names.diagnostics];
    const files = configs.files.filter(
      (file) => EXTENSIONS.has(extname(file).toLowerCase()) && !SCHEMA.test(file),
    );
    if (files.length === 0) diagnostics.push(noDevices(root));

    const known = new Map<string, KnownDevice>();
    const byTopic = new Map<string, DeviceSettings>();
    for (const file of files) {
      yield;
      const loaded = this.#load(file, root, registries);
      known.set(file, loaded);
      for (const path of loaded.files.paths()) if (path !== file) folders.addFile(path);
      diagnostics.push(...loaded.diagnostics);
      const { device } = loaded;
      if (!device) continue;
      // Historians ignore the case of topics: devices that differ only in case would be mixed up there.
      // Sets may share a template; collisions of their members are found when the members are known.
      const topic = device.set ? device.file : device.path.toLowerCase();
      const first = byTopic.get(topic);
      if (first) diagnostics.push(duplicate(device, first));
      else byTopic.set(topic, device);
    }
    this.#known = known;
    const devices = [...byTopic.values()];
    return { devices, diagnostics: sortDiagnostics(diagnostics), folders: folders.folders };
  }

  *#list(folder: string, folders: PathFolders): Generator<void, Listing> {
    folders.addFolder(folder);
    const found = yield* listing(folder);
    for (const each of found.folders) folders.addFolder(each);
    for (const link of found.links) {
      yield;
      folders.addFile(link);
    }
    return found;
  }

  #load(file: string, root: string, registries: RegistryFolder): KnownDevice {
    const before = this.#known.get(file);
    if (before?.root === root && isCurrent(before, registries)) return before;
    const files = new RecordedFiles(this.#versions);
    const read = readDeviceFile(file, this.#drivers, registries, { ...this.#options, folder: root, files });
    const isSame = before?.device && isDeepStrictEqual(read.device, before.device);
    return { ...read, ...(isSame && { device: before.device }), root, files };
  }
}

/** Returns whether a config would be read with the same result. */
function isCurrent(known: KnownDevice, registries: RegistryFolder): boolean {
  const { device, diagnostics, reference, files } = known;
  if (!device || reference === undefined || hasErrors(diagnostics) || !files.areCurrent()) return false;
  const registry = registries.find(reference);
  return registry === undefined || ("file" in registry && registry.file === device.registryFile);
}

function noDevices(folder: string): Diagnostic {
  const exists = statSync(folder, { throwIfNoEntry: false })?.isDirectory();
  return {
    code: "no_devices",
    severity: "warning",
    file: folder,
    line: 1,
    column: 1,
    message: exists
      ? "the folder holds no device config (.json, .jsonc or .config)"
      : "there is no such folder of device configs",
  };
}

function duplicate(second: DeviceSettings, first: DeviceSettings): Diagnostic {
  return {
    code: "duplicate_device",
    severity: "error",
    file: second.file,
    line: 1,
    column: 1,
    message: `the topic path "${second.path}" is already used by ${first.file}${
      first.path === second.path ? "" : ` (as "${first.path}"; upper and lower case make no difference)`
    }; give one of the two devices another location or path`,
  };
}
