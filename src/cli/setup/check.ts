import { existsSync, readdirSync, statSync } from "node:fs";
import { extname, join, resolve } from "node:path";
import { type Command, Option } from "commander";
import {
  type BridgeSettings,
  closest,
  type DeviceSettings,
  type Diagnostic,
  defaultBridge,
  hasErrors,
  loadDevices,
  sortDiagnostics,
  strict,
} from "../../config/index.ts";
import { checkOnline, driverDiagnostics, driverTypes, type LoadedDevice } from "../../devices/index.ts";
import { createLog } from "../../log/log.ts";
import { driverSchemas, loadDevice, Registries, readBridge } from "../../reload/bridge-files.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { counted } from "../terminal/table.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { bridgeFileAbove, bridgeFileIn, isBridgeFile, presumedSettings } from "./bridge-file.ts";
import { unmatchedPatterns } from "./check-alerts.ts";
import { FORMATS } from "./check-formats.ts";
import { countErrors } from "./diagnostics.ts";

interface Flags {
  readonly config?: string;
  readonly driver?: string;
  readonly strict?: true;
  readonly format: string;
  readonly json?: true;
  readonly online?: true;
  readonly maxCalls: number;
  readonly timeout: number;
}

export function check(program: Command, terminal: Terminal): void {
  program
    .command("check")
    .description(
      "List every problem in configs and registries, with its location and remedy. Starts nothing.",
    )
    .argument(
      "[path...]",
      "bridge configs, device configs, registry CSVs, folders of them (default: everything the bridge config names)",
    )
    .option("--config <file>", "bridge config (default: the one above the path, or configs/bridge.json)")
    .option("--driver <type>", "driver type to check CSVs against (default: the best match)")
    .option("--strict", "count warnings as errors")
    .addOption(new Option("--format <format>", "output format").choices(Object.keys(FORMATS)).default("text"))
    .option("--json", "print JSON; the same as --format json")
    .option("--online", "ask the accounts whether each station exists and each row can be read")
    .option(
      "--max-calls <calls>",
      "with --online: calls of the services after which no more devices are asked for",
      numberOption({ min: 1 }),
      500,
    )
    .option(
      "--timeout <seconds>",
      "with --online: maximum time",
      numberOption({ above: 0, fraction: true }),
      600,
    )
    .action((paths: string[], flags: Flags) => checkAll(paths, flags, terminal));
}

async function checkAll(paths: readonly string[], flags: Flags, terminal: Terminal): Promise<void> {
  let asked = 0;
  const options: CheckOptions = {
    secrets: terminal.secrets,
    env: terminal.env,
    async online(devices, settings) {
      if (!flags.online) return [];
      const answer = await askAccounts(devices, settings, flags, terminal);
      asked += answer.asked;
      return answer.diagnostics;
    },
  };
  const checks =
    paths.length === 0
      ? [checkBridge(flags.config, options)]
      : paths.map((path) => checkPath(path, flags, options));
  const found = (await Promise.all(checks)).flat();
  const unique = [...new Map(found.map((d) => [JSON.stringify(d), d])).values()];
  const diagnostics = sortDiagnostics(flags.strict ? strict(unique) : unique);

  FORMATS[flags.json ? "json" : flags.format]!(terminal, diagnostics);
  if (flags.online) terminal.err(`${counted(asked, "device")} asked for\n`);
  if (hasErrors(diagnostics)) throw new CommandError("", EXIT.failed);
}

interface CheckOptions {
  readonly secrets: Terminal["secrets"];
  readonly env: Terminal["env"];
  /** Returns what the accounts of these devices report, where they are asked. */
  online(devices: readonly LoadedDevice[], settings: BridgeSettings): Promise<readonly Diagnostic[]>;
}

async function askAccounts(
  devices: readonly LoadedDevice[],
  { driver }: BridgeSettings,
  { maxCalls, timeout }: Flags,
  terminal: Terminal,
) {
  try {
    return await checkOnline(devices, {
      ...{ settings: driver, maxCalls, seconds: timeout, signal: terminal.ending },
      // What the drivers would log is among the problems.
      log: createLog({ level: "silent" }),
      onProgress: (asked, all) => terminal.progress(`asked for ${asked} of ${counted(all, "device")}`),
    });
  } finally {
    terminal.progress();
  }
}

/** Checks a bridge config and the files that it names; the files in its folders even when it has errors itself. */
export async function checkBridge(file: string | undefined, options: CheckOptions): Promise<Diagnostic[]> {
  const { settings, diagnostics } = readBridge(file, options);
  if (settings) return [...diagnostics, ...(await checkDevices(settings.devices, settings, options))];
  const presumed = presumedSettings(resolve(file ?? defaultBridge().file));
  if (!existsSync(presumed.devices)) return diagnostics;
  return [...diagnostics, ...(await checkDevices(presumed.devices, presumed, options))];
}

/** Checks a path by its kind: a folder, a registry, a bridge config, or a device config. */
async function checkPath(path: string, flags: Flags, options: CheckOptions): Promise<Diagnostic[]> {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (!stat) throw new CommandError(`no such file or folder: ${path}`, EXIT.usage);
  if (stat.isDirectory()) return checkFolder(path, flags, options);
  if (extname(path).toLowerCase() === ".csv") return checkRegistry(resolve(path), flags.driver);
  if (isBridgeFile(path)) return checkBridge(path, options);
  const { settings, diagnostics } = surroundings(path, flags, options);
  const { device, diagnostics: own } = loadDevice(path, settings, options);
  return [...diagnostics, ...own, ...(await checkLoaded(device ? [device] : [], settings, options))];
}

/** Checks the bridge in a folder; without one, its device configs and its registries. */
async function checkFolder(folder: string, flags: Flags, options: CheckOptions): Promise<Diagnostic[]> {
  const bridge = bridgeFileIn(folder) ?? bridgeFileIn(join(folder, "configs"));
  if (bridge !== undefined) return checkBridge(bridge, options);
  const registries = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => extname(name).toLowerCase() === ".csv")
    .map((name) => resolve(folder, name));
  const { settings, diagnostics } = surroundings(join(folder, "device"), flags, options);
  const found = await checkDevices(folder, settings, options);
  const ofRegistries = await Promise.all(registries.map((file) => checkRegistry(file, flags.driver)));
  return [
    ...diagnostics,
    ...(registries.length > 0 ? found.filter(({ code }) => code !== "no_devices") : found),
    ...ofRegistries.flat(),
  ];
}

/** Returns the settings of the bridge to which a device config belongs. */
function surroundings(
  path: string,
  flags: Flags,
  options: CheckOptions,
): { settings: BridgeSettings; diagnostics: Diagnostic[] } {
  const file = flags.config ?? bridgeFileAbove(path);
  const { settings, diagnostics } = readBridge(file, options);
  return { settings: settings ?? presumedSettings(resolve(file ?? defaultBridge().file)), diagnostics };
}

async function checkDevices(
  folder: string,
  settings: BridgeSettings,
  options: CheckOptions,
): Promise<Diagnostic[]> {
  const { devices, diagnostics } = loadDevices(folder, driverSchemas, settings, options);
  const patterns = unmatchedPatterns(settings, devices);
  return [...diagnostics, ...patterns, ...(await checkLoaded(devices, settings, options))];
}

/** Returns the problems in the registries of these devices, and those that only the drivers find. */
async function checkLoaded(
  devices: readonly DeviceSettings[],
  settings: BridgeSettings,
  options: CheckOptions,
): Promise<Diagnostic[]> {
  const registries = new Registries();
  const loaded = await registries.load(devices);
  return [
    ...registries.diagnostics,
    ...driverDiagnostics(loaded, settings),
    ...(await options.online(loaded, settings)),
  ];
}

async function checkRegistry(file: string, driver: string | undefined): Promise<Diagnostic[]> {
  const registries = new Registries();
  const { rows } = await registries.read(file);
  const types = driver === undefined ? Object.values(driverTypes) : [driverType(driver)];
  // A CSV does not name its driver type; of equal matches, the type listed first wins.
  const [found = []] = types
    .map((type) => [...type.checkRows(rows), ...(type.noteRows?.(rows) ?? [])])
    .toSorted((a, b) => countErrors(a) - countErrors(b));
  return [...registries.diagnostics, ...found];
}

function driverType(name: string): (typeof driverTypes)[string] {
  const type = Object.hasOwn(driverTypes, name) ? driverTypes[name] : undefined;
  if (type) return type;
  const near = closest(name, Object.keys(driverTypes));
  const remedy = near ? `; did you mean "${near}"?` : "";
  throw new CommandError(`unknown driver type "${name}"${remedy}`, EXIT.usage);
}
