import { statSync } from "node:fs";
import { extname, resolve } from "node:path";
import type { Command } from "commander";
import { type BridgeSettings, closest, loadDevices } from "../../config/index.ts";
import { type LoadedDevice, scrapeOnce } from "../../devices/index.ts";
import { metadataType, type Scrape } from "../../points/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions } from "../terminal/options.ts";
import { counted, formatTable, formatValue } from "../terminal/table.ts";
import { type LogFlags, printJson, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { bridgeFileAbove } from "./bridge-file.ts";
import { countErrors, formatAll } from "./diagnostics.ts";
import { driverSchemas, loadDevice, loadSettings, Registries } from "./load.ts";

interface Flags extends LogFlags {
  readonly config?: string;
  readonly json?: true;
}

export function scrape(program: Command, terminal: Terminal): void {
  const command = program
    .command("scrape")
    .description("Read a device once, without a running bridge, and print its points.")
    .argument("<device>", "device path (campus/garage/station-1) or device config file")
    .option("--config <file>", "bridge config (default: the one above the file, or configs/bridge.json)")
    .option("--json", "print JSON");
  // What the driver would log in a running bridge is in the answer or in the error here.
  logOptions(command, "silent").action((name: string, flags: Flags) => scrapeDevice(name, flags, terminal));
}

async function scrapeDevice(name: string, flags: Flags, terminal: Terminal): Promise<void> {
  const { secrets } = terminal;
  const { device, settings } = await findDevice(name, flags.config, { secrets, env: terminal.env }, terminal);
  const { scrape: reading, diagnostics } = await scrapeOnce({
    device,
    settings: settings.driver,
    log: terminalLog(terminal, flags, secrets),
    signal: terminal.ending,
  }).catch((cause: Error) => {
    const message = `device ${device.settings.path} cannot be read: ${cause.message}`;
    throw new CommandError(message, EXIT.failed, { cause });
  });
  terminal.err(formatAll(diagnostics));
  if (flags.json) printJson(terminal, asJson(reading));
  else terminal.out(asTable(reading));
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

function asTable({ device, takenAt, values, failures }: Scrape): string {
  const rows = [...device.points.values()].map((point) => {
    const value = failures.has(point.name) ? "(not read)" : formatValue(values.get(point.name));
    return [point.name, value, point.units, point.writable ? "yes" : ""];
  });
  const reasons = [...new Set(failures.values())].map((reason) => {
    const points = [...failures].filter(([, why]) => why === reason).map(([point]) => point);
    return `\nnot read: ${points.join(", ")}\n  ${reason}\n`;
  });
  const title = `${device.path}, ${takenAt.toISOString()}\n\n`;
  return title + formatTable(["point", "value", "units", "writable"], rows) + reasons.join("");
}

function asJson({ device, takenAt, values, failures }: Scrape): unknown {
  return {
    device: device.path,
    takenAt,
    values: Object.fromEntries(values),
    failures: Object.fromEntries(failures),
    metadata: Object.fromEntries(
      [...device.points.values()].map(({ name, units, type }) => [
        name,
        { units, type: metadataType(type), tz: device.timezone },
      ]),
    ),
  };
}
