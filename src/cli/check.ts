import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import type { Command } from "commander";
import { Bus } from "../bus.ts";
import {
  type BridgeSettings,
  closest,
  type DeviceSettings,
  type Diagnostic,
  defaultBridge,
  hasErrors,
  loadBridge,
  loadDeviceFile,
  loadDevices,
  sortDiagnostics,
  strict,
} from "../config/index.ts";
import { driverTypes, type LoadedDevice, openDevices, StateStore } from "../devices/index.ts";
import { createLog, Secrets } from "../log.ts";
import { CommandError, EXIT } from "./command-error.ts";
import { driverSchemas, formatAll, loadAll, loadSettings, Registries } from "./load.ts";
import { printJson, type Terminal } from "./terminal.ts";

interface Flags {
  readonly config?: string;
  readonly driver: string;
  readonly strict?: true;
  readonly json?: true;
}

export function check(program: Command, terminal: Terminal): void {
  program
    .command("check")
    .description("List every problem of configs and registries, with its place. Starts nothing.")
    .argument(
      "[path...]",
      "bridge configs, device configs, folders of them, registry CSVs (default: all that the bridge config names)",
    )
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--driver <type>", "driver type by which a CSV named alone is checked", "chargepoint")
    .option("--strict", "count warnings as errors")
    .option("--json", "print JSON")
    .action((paths: string[], flags: Flags) => checkAll(paths, flags, terminal));
}

function checkAll(paths: readonly string[], flags: Flags, terminal: Terminal): void {
  const options = { config: flags.config, secrets: new Secrets(), env: terminal.env };
  const found =
    paths.length === 0 ? checkBridge(options) : paths.flatMap((path) => checkPath(path, flags, options));
  const unique = [...new Map(found.map((d) => [JSON.stringify(d), d])).values()];
  const diagnostics = sortDiagnostics(flags.strict ? strict(unique) : unique);

  const errors = diagnostics.filter(({ severity }) => severity === "error").length;
  const warnings = diagnostics.length - errors;
  if (flags.json) printJson(terminal, { errors, warnings, diagnostics });
  else terminal.out(`${formatAll(diagnostics)}${errors} errors, ${warnings} warnings\n`);
  if (hasErrors(diagnostics)) throw new CommandError("", EXIT.failed);
}

interface CheckOptions {
  readonly config: string | undefined;
  readonly secrets: Secrets;
  readonly env: Terminal["env"];
}

function checkBridge(options: CheckOptions): Diagnostic[] {
  const { diagnostics: own } = loadBridge(options.config, options);
  if (hasErrors(own)) return own;
  const { settings, devices, diagnostics } = loadAll(options);
  return [...diagnostics, ...driverDiagnostics(devices, settings)];
}

/** By what it is: a folder of device configs, a registry, a bridge config, or a device config. */
function checkPath(path: string, flags: Flags, options: CheckOptions): Diagnostic[] {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new CommandError(`there is no ${path}`, EXIT.usage);
  if (extname(path).toLowerCase() === ".csv") return checkRegistry(resolve(path), flags.driver);
  const surroundings = flags.config === undefined ? defaultBridge() : loadSettings(options).settings;
  if (stat.isDirectory()) {
    const { devices, diagnostics } = loadDevices(path, driverSchemas, surroundings, options);
    return [...diagnostics, ...checkDevices(devices, surroundings)];
  }
  if (/^bridge\.jsonc?$/.test(path.split("/").at(-1) ?? "")) return checkBridge({ ...options, config: path });
  const { device, diagnostics } = loadDeviceFile(path, driverSchemas, surroundings, options);
  return [...diagnostics, ...checkDevices(device ? [device] : [], surroundings)];
}

function checkDevices(devices: readonly DeviceSettings[], settings: BridgeSettings): Diagnostic[] {
  const registries = new Registries();
  const loaded = devices.map((device) => ({
    settings: device,
    rows: registries.read(device.registryFile).rows,
  }));
  return [...registries.diagnostics, ...driverDiagnostics(loaded, settings)];
}

function checkRegistry(file: string, driver: string): Diagnostic[] {
  const type = driverTypes[driver];
  if (!type) {
    const near = closest(driver, Object.keys(driverTypes));
    throw new CommandError(
      `there is no driver type "${driver}"${near ? `; did you mean "${near}"?` : ""}`,
      EXIT.usage,
    );
  }
  const registries = new Registries();
  const { rows } = registries.read(file);
  return [...registries.diagnostics, ...type.checkRows(rows)];
}

/** What only the drivers see. Devices are made, as for a run, and never started. */
function driverDiagnostics(devices: readonly LoadedDevice[], settings: BridgeSettings): Diagnostic[] {
  const state = StateStore.open(":memory:");
  const log = createLog({ level: "silent" });
  const running = openDevices({ devices, settings, bus: new Bus(() => undefined), log, state });
  void running.stop().finally(() => state.close());
  return [...running.diagnostics];
}
