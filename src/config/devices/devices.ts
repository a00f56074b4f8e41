import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import { type Diagnostic, sortDiagnostics } from "../files/diagnostic.ts";
import type { LoadOptions } from "../schema/resolve.ts";
import { type DeviceSurroundings, loadDeviceFile } from "./device-file.ts";
import type { DriverSchemas } from "./device-schema.ts";
import type { DeviceSettings } from "./device-settings.ts";
import { listFiles } from "./registry-file.ts";

const EXTENSIONS = new Set([".json", ".jsonc", ".config"]);

/**
 * Loads every device config of a folder and its subfolders, sorted by file. A file with an error excludes its own device only. Of two
 * files with the same topic path, the first keeps it. Never throws.
 */
export function loadDevices(
  folder: string,
  drivers: DriverSchemas,
  bridge: DeviceSurroundings,
  options: LoadOptions,
): { devices: DeviceSettings[]; diagnostics: Diagnostic[] } {
  const root = resolve(folder);
  const files = listFiles(root).filter((file) => EXTENSIONS.has(extname(file).toLowerCase()));
  if (files.length === 0) return { devices: [], diagnostics: [noDevices(root)] };

  const diagnostics: Diagnostic[][] = [];
  const byTopic = new Map<string, DeviceSettings>();
  for (const file of files) {
    const loaded = loadDeviceFile(file, drivers, bridge, { ...options, folder: root });
    diagnostics.push(loaded.diagnostics);
    if (!loaded.device) continue;
    // Historians ignore the case of topics: devices that differ only in case would be mixed up there.
    // Sets may share a template; collisions of their members are found when the members are known.
    const topic = loaded.device.set ? loaded.device.file : loaded.device.path.toLowerCase();
    const first = byTopic.get(topic);
    if (first) diagnostics.push([duplicate(loaded.device, first)]);
    else byTopic.set(topic, loaded.device);
  }
  return { devices: [...byTopic.values()], diagnostics: sortDiagnostics(diagnostics.flat()) };
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
