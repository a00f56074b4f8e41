import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { asLevel } from "../../config/index.ts";
import { ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import { type FoundStation, findStations } from "../../drivers/chargepoint/discovery/index.ts";
import { createLog } from "../../log/log.ts";
import { type AccountFlags, accountOf, accountOptions, isServiceError } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import { formatTable, formatValue } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";

interface Flags extends AccountFlags {
  readonly sgID?: string;
  readonly orgID?: string;
  readonly stationName?: string;
  readonly json?: true;
  readonly set?: true;
  readonly write?: string;
  readonly force?: true;
  readonly registry: string;
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
    .option("--write <folder>", "write one device config per station into this folder")
    .option("--force", "with --write: overwrite existing files")
    .option("--registry <name>", "registry to name in the configs", "config://chargepoint.csv");
  accountOptions(command).action((flags: Flags) => run(flags, terminal));
}

async function run(flags: Flags, terminal: Terminal): Promise<void> {
  if (flags.set && flags.write !== undefined)
    throw new CommandError(
      "--set prints one config, --write creates one per station; use only one of them",
      EXIT.usage,
    );
  if (flags.set && !filtersOf(flags))
    throw new CommandError("--set needs --sgID, --orgID or --stationName (* for all stations)", EXIT.usage);
  const stations = await lookUp(flags, terminal);
  if (flags.set) terminal.out(`${JSON.stringify(setConfig(flags, terminal), null, 2)}\n`);
  else if (flags.write !== undefined) writeConfigs(stations, flags.write, flags, terminal);
  else if (flags.json) printJson(terminal, stations);
  else terminal.out(formatTable(HEADER, stations.map(cells)));
  terminal.err(`${stations.length} ${stations.length === 1 ? "station" : "stations"}\n`);
}

async function lookUp(flags: Flags, terminal: Terminal): Promise<FoundStation[]> {
  const account = accountOf(flags, terminal);
  const log = createLog({ level: "warn", write: (line) => terminal.err(line) });
  const progress = new Progress(terminal);
  let pages = 0;
  const onCall = () => progress.show({ phase: "pages", count: ++pages });
  const client = new ChargePointClient({ ...account, log, onCall });
  try {
    return await findStations(client, filtersOf(flags), terminal.ending);
  } catch (error) {
    throw isServiceError(error) ? new CommandError(error.message, EXIT.failed, { cause: error }) : error;
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

function setConfig(flags: Flags, terminal: Terminal) {
  return config({ stations: filtersOf(flags) }, flags, terminal, { topic: "campus/garage/{stationID}" });
}

/** Returns a device config. It holds no secrets: it names the variables of the environment. */
function config(which: object, flags: Flags, { env }: Terminal, more: object = {}) {
  const endpoint = flags.endpoint ?? (flags.region === undefined ? env.CHARGEPOINT_ENDPOINT : undefined);
  const region = flags.region ?? env.CHARGEPOINT_REGION;
  return {
    driver_type: "chargepoint",
    driver_config: {
      ...which,
      // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the config
      username: "${CHARGEPOINT_USERNAME}",
      // biome-ignore lint/suspicious/noTemplateCurlyInString: variables of the config
      password: "${CHARGEPOINT_PASSWORD}",
      ...(endpoint !== undefined ? { endpoint } : region !== undefined ? { region } : {}),
    },
    registry_config: flags.registry,
    interval: 60,
    ...more,
  };
}

/** Writes one file per station, named by its stationID; existing files are kept, unless --force is given. */
function writeConfigs(
  stations: readonly FoundStation[],
  folder: string,
  flags: Flags,
  terminal: Terminal,
): void {
  const kept: string[] = [];
  try {
    mkdirSync(folder, { recursive: true });
    for (const { stationID } of stations) {
      const file = join(folder, `${asLevel(stationID).replaceAll(/[:<>"|?*\\]/g, "-")}.json`);
      const text = `${JSON.stringify(config({ stationID }, flags, terminal), null, 2)}\n`;
      try {
        writeFileSync(file, text, { flag: flags.force ? "w" : "wx" });
        terminal.out(`${file}\n`);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
        kept.push(file);
      }
    }
  } catch (error) {
    throw new CommandError(`cannot write: ${(error as Error).message}`, EXIT.failed, { cause: error });
  }
  if (kept.length > 0)
    throw new CommandError(
      `${kept.length} files already exist and were not changed (--force overwrites them): ${kept.slice(0, 5).join(", ")}${kept.length > 5 ? ", …" : ""}`,
      EXIT.failed,
    );
}
