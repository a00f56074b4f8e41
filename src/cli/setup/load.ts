/** Commands about configs: files become settings, devices and rows, and every problem in them is printed with its place. */

import type { BridgeSettings, Diagnostic } from "../../config/index.ts";
import type { LoadedDevice } from "../../devices/index.ts";
import type { ProbedDevice } from "../../mqtt/index.ts";
import { BridgeFiles, type LoadOptions, readBridge, UnusableConfigError } from "../../reload/bridge-files.ts";
import type { LoadedConfigs } from "../../reload/reloader.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { formatAll } from "./diagnostics.ts";

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
export function loadAll(options: LoadOptions): Promise<LoadedConfigs> {
  return loadFirst(new BridgeFiles(options));
}

/**
 * Loads the files of a bridge for the first time.
 * @throws CommandError with every problem when the bridge config has an error
 */
export async function loadFirst(files: BridgeFiles): Promise<LoadedConfigs> {
  try {
    return await files.load();
  } catch (error) {
    throw error instanceof UnusableConfigError ? unusable(error.diagnostics) : error;
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
