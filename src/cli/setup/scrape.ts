import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import type { Command } from "commander";
import { type BridgeSettings, closest, loadDevices } from "../../config/index.ts";
import type { LoadedDevice } from "../../devices/index.ts";
import { driverSchemas, loadDevice, Registries } from "../../reload/bridge-files.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions } from "../terminal/options.ts";
import { counted } from "../terminal/table.ts";
import type { LogFlags, Terminal } from "../terminal/terminal.ts";
import { bridgeFileAbove } from "./bridge-file.ts";
import { countErrors, formatAll } from "./diagnostics.ts";
import { loadSettings } from "./load.ts";
import { readDevice } from "./read-device.ts";

interface Flags extends LogFlags {
  readonly config?: string;
  readonly json?: true;
}

export function scrape(program: Command, terminal: Terminal): void {
  const command = program
    .command("scrape")
    .description(
      "Read a device once, without a running bridge: each point with its value, what the service sent, and by which call.",
    )
    .argument("<device>", "device path (campus/garage/station-1) or device config file")
    .option("--config <file>", "bridge config (default: the one above the file, or configs/bridge.json)")
    .option("--json", "print JSON");
  // What the driver would log in a running bridge is in the answer or in the error here.
  logOptions(command, "silent").action((name: string, flags: Flags) => scrapeDevice(name, flags, terminal));
}

async function scrapeDevice(name: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { secrets } = terminal;
  const { device, settings } = await findDevice(name, flags.config, { secrets, env: terminal.env }, terminal);
  await readDevice(device, settings.driver, flags, terminal);
}

interface FileOptions {
  readonly secrets: Terminal["secrets"];
  readonly env: Terminal["env"];
}

/** Finds a device by its config file, or by its path in the bridge, and prints the problems of its files. */
async function findDevice(
  name: string,
  config: string | undefined,
  options: FileOptions,
  terminal: Terminal,
): Promise<{ device: LoadedDevice; settings: BridgeSettings }> {
  const isFile = statSync(name, { throwIfNoEntry: false })?.isFile() ?? false;
  const bridge = config ?? (isFile ? bridgeFileAbove(name) : undefined);
  const { settings } = loadSettings({ ...options, config: bridge });
  const { device, diagnostics } = isFile
    ? loadDevice(name, settings, options)
    : findByPath(name, settings, options);
  if (!device) {
    throw new CommandError(
      `the config of ${name} cannot be used\n${formatAll(diagnostics)}`.trimEnd(),
      EXIT.configuration,
    );
  }
  const registries = new Registries();
  const { rows } = await registries.read(device.registryFile);
  terminal.err(formatAll([...diagnostics, ...registries.diagnostics]));
  return { device: { settings: device, rows }, settings };
}

function findByPath(
  path: string,
  settings: BridgeSettings,
  options: FileOptions,
): ReturnType<typeof loadDevice> {
  const { devices, diagnostics } = loadDevices(settings.devices, driverSchemas, settings, options);
  const device = devices.find((one) => one.path === path);
  const place = resolve(settings.devices, path);
  const own = diagnostics.filter(({ file }) => file === device?.file || withoutExtension(file) === place);
  if (device) return { device, diagnostics: own };
  if (own.length > 0) return { diagnostics: own };
  const near = closest(
    path,
    devices.map((one) => one.path),
  );
  const errors = countErrors(diagnostics);
  throw new CommandError(
    `${settings.devices} has no device ${path}${near === undefined ? "" : `; did you mean "${near}"?`}` +
      (errors === 0
        ? ""
        : `\n${counted(errors, "error")} in the configs there: "voltbridge check" lists them`),
    EXIT.configuration,
  );
}

function withoutExtension(file: string): string {
  return file.slice(0, file.length - extname(file).length);
}
