import { existsSync } from "node:fs";
import type { Command } from "commander";
import { closest, loadDeviceFile, loadDevices } from "../config/index.ts";
import { type LoadedDevice, scrapeOnce } from "../devices/index.ts";
import { Secrets } from "../log.ts";
import { metadataType, type Scrape } from "../points/index.ts";
import { CommandError, EXIT } from "./command-error.ts";
import { driverSchemas, formatAll, loadSettings, Registries } from "./load.ts";
import { formatTable, formatValue } from "./table.ts";
import { type LogFlags, printJson, type Terminal, terminalLog } from "./terminal.ts";

interface Flags extends LogFlags {
  readonly config?: string;
  readonly json?: true;
}

export function scrape(program: Command, terminal: Terminal): void {
  program
    .command("scrape")
    .description("Read a device once, without a running bridge, and print its points.")
    .argument("<device>", "device path (campus/garage/station-1) or device config file")
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option("--json", "print JSON")
    .option("--log-level <level>", "debug, info, warn or error", "warn")
    .action((name: string, flags: Flags) => scrapeDevice(name, flags, terminal));
}

async function scrapeDevice(name: string, flags: Flags, terminal: Terminal): Promise<void> {
  const secrets = new Secrets();
  const options = { config: flags.config, secrets, env: terminal.env };
  const { settings } = loadSettings(options);
  const device = findDevice(name, settings, options, terminal);
  const log = terminalLog(terminal, flags, secrets);
  const { scrape: reading, diagnostics } = await scrapeOnce({
    device,
    settings: settings.driver,
    log,
    signal: terminal.ending,
  }).catch((error: unknown) => {
    throw new CommandError(
      `device ${device.settings.path} cannot be read: ${secrets.blank((error as Error).message)}`,
      EXIT.failed,
      {
        cause: error,
      },
    );
  });
  terminal.err(formatAll(diagnostics));
  if (flags.json) printJson(terminal, asJson(reading));
  else terminal.out(asTable(reading));
}

function findDevice(
  name: string,
  settings: ReturnType<typeof loadSettings>["settings"],
  options: { readonly secrets: Secrets; readonly env: Terminal["env"] },
  terminal: Terminal,
): LoadedDevice {
  const file = existsSync(name);
  const { devices, diagnostics } = file
    ? fromFile(loadDeviceFile(name, driverSchemas, settings, options))
    : loadDevices(settings.devices, driverSchemas, settings, options);
  const device = file ? devices[0] : devices.find(({ path }) => path === name);
  if (!device) {
    const near = closest(
      name,
      devices.map(({ path }) => path),
    );
    const why = file
      ? "its config cannot be used"
      : `${settings.devices} has no sound config of that device${near ? `; did you mean "${near}"?` : ""}`;
    throw new CommandError(`${name}: ${why}\n${formatAll(diagnostics)}`.trimEnd(), EXIT.configuration);
  }
  const registries = new Registries();
  const { rows } = registries.read(device.registryFile);
  terminal.err(formatAll(registries.diagnostics));
  return { settings: device, rows };
}

function fromFile({ device, diagnostics }: ReturnType<typeof loadDeviceFile>) {
  return { devices: device ? [device] : [], diagnostics };
}

function asTable({ device, takenAt, values, failures }: Scrape): string {
  const rows = [...device.points.values()].map((point) => {
    const value = failures.has(point.name) ? "(not read)" : formatValue(values.get(point.name));
    return [point.name, value, point.units, point.writable ? "yes" : ""];
  });
  const reasons = [...new Set(failures.values())].map((reason) => {
    const points = [...failures].filter(([, why]) => why === reason).map(([point]) => point);
    return `not read: ${points.join(", ")}\n  ${reason}\n`;
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
