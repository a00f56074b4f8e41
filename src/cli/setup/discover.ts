import { join } from "node:path";
import type { Command } from "commander";
import { defaultBridge } from "../../config/index.ts";
import { ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import { type FoundStation, findStations } from "../../drivers/chargepoint/discovery/index.ts";
import { createLog } from "../../log/log.ts";
import { type AccountFlags, accountOf, accountOptions, answered } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { counted, formatTable, formatValue } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { bridgeFileAbove, presumedSettings } from "./bridge-file.ts";
import { type AccountReference, deviceConfig, ENVIRONMENT_ACCOUNT, stationFiles } from "./device-configs.ts";
import { madeNotes, madeTable, makeRegistries, type PointFlags, pointOptions } from "./make-registries.ts";
import { fewPaths, writeNewFiles } from "./new-files.ts";

interface Flags extends AccountFlags, PointFlags {
  readonly sgID?: string;
  readonly orgID?: string;
  readonly stationName?: string;
  readonly json?: true;
  readonly set?: true;
  readonly write?: string;
  readonly force?: true;
  readonly registry?: string;
}

export function discover(program: Command, terminal: Terminal): void {
  const command = program
    .command("discover")
    .description("List the stations of a ChargePoint account, or create device configs for them.")
    .option("--sgID <id>", "only the stations of this group")
    .option("--orgID <id>", "only the stations of this organisation")
    .option("--stationName <pattern>", "only stations with this name; * any text, ? one character")
    .option("--json", "print JSON")
    .option("--set", "print one device config for all of these stations, those added later included")
    .option(
      "--write <folder>",
      "write one device config per station into this folder, and a registry for each kind of station",
    )
    .option("--force", "with --write: overwrite existing files")
    .option(
      "--registry <name>",
      "registry to name in the configs, e.g. config://garage.csv, instead of new ones",
    );
  accountOptions(pointOptions(command)).action((flags: Flags) => run(flags, terminal));
}

async function run(flags: Flags, terminal: Terminal): Promise<void> {
  if (flags.set && flags.write !== undefined)
    throw new CommandError(
      "--set prints one config, --write creates one per station; use only one of them",
      EXIT.usage,
    );
  if (flags.set && !filtersOf(flags))
    throw new CommandError("--set needs --sgID, --orgID or --stationName (* for all stations)", EXIT.usage);
  const account = accountOf(flags, terminal);
  const log = createLog({ level: "warn", write: (line) => terminal.err(line) });
  const progress = new Progress(terminal);
  let calls = 0;
  const onCall = () => progress.show({ phase: "calls", count: ++calls });
  const client = new ChargePointClient({ ...account, log, onCall });
  try {
    const stations = await answered(findStations(client, filtersOf(flags), terminal.ending));
    if (flags.set) terminal.out(`${JSON.stringify(setConfig(stations, flags, terminal), null, 2)}\n`);
    else if (flags.write !== undefined) await writeConfigs(stations, flags.write, client, flags, terminal);
    else if (flags.json) printJson(terminal, stations);
    else terminal.out(formatTable(HEADER, stations.map(cells)));
    terminal.err(`${counted(stations.length, "station")}\n`);
  } finally {
    await client.close();
  }
}

/** Returns undefined for all stations. */
function filtersOf({ sgID, orgID, stationName }: Flags) {
  const given = Object.entries({ sgID, orgID, stationName }).filter(([, value]) => value !== undefined);
  return given.length === 0 ? undefined : (Object.fromEntries(given) as Record<string, string>);
}

const HEADER = ["stationID", "name", "model", "ports", "city", "groups"];

function cells({ stationID, stationName, model, ports, city, groups }: FoundStation): string[] {
  const named = groups.map(({ sgID, name }) => (name ? `${sgID} ${name}` : sgID)).join(", ");
  return [stationID, formatValue(stationName), formatValue(model), String(ports), formatValue(city), named];
}

function setConfig(stations: readonly FoundStation[], flags: Flags, terminal: Terminal) {
  const ports = new Set(stations.map(({ portNumbers }) => portNumbers.join(" and ")));
  if (ports.size > 1 && flags.registry === undefined)
    terminal.err(
      `these stations have different ports (${[...ports].join("; ")}), so one registry does not fit all of them: --write makes one for each kind\n`,
    );
  const account = accountReference(flags, terminal);
  const registry = flags.registry ?? "config://chargepoint.csv";
  return deviceConfig({ stations: filtersOf(flags) }, account, registry, {
    topic: "campus/garage/{stationID}",
  });
}

function accountReference(flags: Flags, { env }: Terminal): AccountReference {
  const endpoint = flags.endpoint ?? (flags.region === undefined ? env.CHARGEPOINT_ENDPOINT : undefined);
  return { endpoint, region: flags.region ?? env.CHARGEPOINT_REGION, ...ENVIRONMENT_ACCOUNT };
}

/** Writes one config per station, and a registry for each kind of station; existing files are kept, unless --force is given. */
async function writeConfigs(
  stations: readonly FoundStation[],
  folder: string,
  client: ChargePointClient,
  flags: Flags,
  terminal: Terminal,
): Promise<void> {
  const made = flags.registry ?? (await makeRegistries(client, stations, flags, terminal));
  const bridgeFile = bridgeFileAbove(join(folder, "device"));
  const files = stationFiles({
    stations,
    account: accountReference(flags, terminal),
    folder,
    bridge: presumedSettings(bridgeFile ?? defaultBridge().file),
    registries: made,
  });
  const force = flags.force ?? false;
  const { kept: registries } = writeNewFiles(files.registries, force);
  const { kept, written } = writeNewFiles([...files.configs, ...files.schemas], force);
  if (typeof made !== "string") terminal.err(`${madeTable(made)}\n${madeNotes(made)}`);
  for (const path of written) terminal.out(`${path}\n`);
  if (registries.length > 0)
    terminal.err(
      `registries that were there already are used as they are (--force overwrites them): ${fewPaths(registries)}\n`,
    );
  if (kept.length > 0)
    throw new CommandError(
      `${counted(kept.length, "file")} already there and not changed (--force overwrites): ${fewPaths(kept)}`,
    );
}
