import {
  type BridgeSettings,
  type Diagnostic,
  formatDiagnostic,
  hasErrors,
  loadBridge,
  loadDevices,
  sortDiagnostics,
  strict,
} from "../config/index.ts";
import { driverTypes, type LoadedDevice } from "../devices/index.ts";
import { backends } from "../historian/index.ts";
import type { Secrets } from "../log.ts";
import { type Registry, readRegistry } from "../registry/index.ts";
import { CommandError, EXIT } from "./command-error.ts";
import type { Terminal } from "./terminal.ts";

export interface LoadOptions {
  /** Bridge config; undefined for `configs/bridge.json`. */
  readonly config: string | undefined;
  /** Warnings count as errors. */
  readonly strict?: boolean;
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

/** The bridge's settings alone. Throws a CommandError with every problem where there is an error. */
export function loadSettings(options: LoadOptions): { settings: BridgeSettings; diagnostics: Diagnostic[] } {
  const schemas = Object.fromEntries(
    Object.entries(backends).map(([name, type]) => [name, type.configSchema]),
  );
  const { settings, diagnostics } = loadBridge(options.config, { ...options, backends: schemas });
  if (settings) return { settings, diagnostics };
  throw new CommandError(`the bridge config cannot be used\n${formatAll(diagnostics)}`, EXIT.configuration);
}

/** The bridge config, its device configs and their registries; a file with an error stops its own device only. */
export function loadAll(options: LoadOptions): LoadedBridge {
  const { settings, diagnostics } = loadSettings(options);
  const files = loadDevices(settings.devices, driverSchemas, settings, options);
  const registries = new Registries();
  const devices = files.devices.map((device) => ({
    settings: device,
    rows: registries.read(device.registryFile).rows,
  }));
  const found = sortDiagnostics([...diagnostics, ...files.diagnostics, ...registries.diagnostics]);
  return { settings, devices, diagnostics: options.strict ? strict(found) : found };
}

/** Registries by file, each read once however many devices share it. */
export class Registries {
  readonly #read = new Map<string, Registry>();

  read(file: string): Registry {
    const registry = this.#read.get(file) ?? readRegistry(file);
    this.#read.set(file, registry);
    return registry;
  }

  get diagnostics(): Diagnostic[] {
    return [...this.#read.values()].flatMap((registry) => registry.diagnostics);
  }
}

export function formatAll(diagnostics: readonly Diagnostic[]): string {
  return diagnostics.map((diagnostic) => `${formatDiagnostic(diagnostic, process.cwd())}\n`).join("");
}

/** Prints problems to standard error; under `--strict` an error ends the command before anything runs. */
export function tellDiagnostics(
  terminal: Terminal,
  diagnostics: readonly Diagnostic[],
  isStrict: boolean,
): void {
  terminal.err(formatAll(diagnostics));
  if (isStrict && hasErrors(diagnostics)) {
    throw new CommandError("not started: --strict turns every warning into an error", EXIT.configuration);
  }
}
