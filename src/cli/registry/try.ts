import { resolve } from "node:path";
import type { Command } from "commander";
import { type DeviceSettings, type DriverSettings, defaultBridge } from "../../config/index.ts";
import { driverSchemas, loadDevice, Registries } from "../../reload/bridge-files.ts";
import { type AccountFlags, accountOf, accountOptions } from "../api/account.ts";
import { bridgeFileAbove } from "../setup/bridge-file.ts";
import { formatAll } from "../setup/diagnostics.ts";
import { loadSettings } from "../setup/load.ts";
import { readDevice } from "../setup/read-device.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions } from "../terminal/options.ts";
import type { LogFlags, Terminal } from "../terminal/terminal.ts";

interface Flags extends LogFlags, AccountFlags {
  readonly station?: string;
  readonly device?: string;
  readonly config?: string;
  readonly json?: true;
}

export function tryOut(group: Command, terminal: Terminal): void {
  const command = group
    .command("try")
    .description(
      "Read a station once with a registry: each point with its value, what the service sent, and by which call.",
    )
    .argument("<file>", "registry CSV")
    .option("--station <id>", "stationID of a ChargePoint station of the account, e.g. 1:12345")
    .option("--device <file>", "instead of a station: a device config, of any driver type")
    .option(
      "--config <file>",
      "with --device: bridge config (default: the one above the file, or configs/bridge.json)",
    )
    .option("--json", "print JSON");
  accountOptions(command);
  logOptions(command, "silent").action((file: string, flags: Flags) => tryRegistry(file, flags, terminal));
}

async function tryRegistry(file: string, flags: Flags, terminal: Terminal): Promise<void> {
  if ((flags.station === undefined) === (flags.device === undefined))
    throw new CommandError("name a station with --station, or a device config with --device", EXIT.usage);
  const registryFile = resolve(file);
  const { device, settings } =
    flags.device === undefined ? stationOf(flags, terminal) : deviceOf(flags.device, flags, terminal);
  const registries = new Registries();
  const { rows } = await registries.read(registryFile);
  terminal.err(formatAll(registries.diagnostics));
  if (rows.length === 0) throw new CommandError(`${file} has no row that can be read`, EXIT.configuration);
  await readDevice({ settings: { ...device, registryFile }, rows }, settings, flags, terminal);
}

type Tried = { readonly device: DeviceSettings; readonly settings: DriverSettings };

/** Returns a device for a station of the account that the flags name. */
function stationOf(flags: Flags, terminal: Terminal): Tried {
  const { properties } = driverSchemas.chargepoint as {
    properties: Record<string, { default?: unknown; pattern?: string }>;
  };
  const stationID = flags.station!;
  if (!new RegExp(properties.stationID!.pattern!).test(stationID))
    throw new CommandError(
      `--station ${stationID}: expected a network number, a colon and a station number, e.g. 1:12345`,
      EXIT.usage,
    );
  const defaults = Object.entries(properties).flatMap(([name, { default: value }]) =>
    value === undefined ? [] : [[name, value]],
  );
  const device: DeviceSettings = {
    file: "--station",
    path: stationID,
    driverType: "chargepoint",
    driverConfig: { ...Object.fromEntries(defaults), ...accountOf(flags, terminal), stationID },
    registryFile: "",
    intervalSeconds: 60,
    timezone: "UTC",
    group: 0,
    publish: {},
  };
  return { device, settings: defaultBridge().driver };
}

function deviceOf(file: string, flags: Flags, terminal: Terminal): Tried {
  const options = { secrets: terminal.secrets, env: terminal.env };
  const { settings } = loadSettings({ ...options, config: flags.config ?? bridgeFileAbove(file) });
  const { device, diagnostics } = loadDevice(file, settings, options);
  // The registry that the config names is not the one that is tried.
  if (device) return { device, settings: settings.driver };
  throw new CommandError(
    `the config ${file} cannot be used\n${formatAll(diagnostics)}`.trimEnd(),
    EXIT.configuration,
  );
}
