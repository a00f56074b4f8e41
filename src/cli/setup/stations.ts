import { type Command, Option } from "commander";
import {
  ChargePointReader,
  type PublicStation,
  type PublicStationStatus,
} from "../../drivers/chargepoint/api/index.ts";
import { createLog } from "../../log/log.ts";
import { type AccountFlags, accountOf, accountOptions, answered } from "../api/account.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { counted, formatTable, singleLine } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import {
  cells,
  type DistanceUnit,
  HEADER,
  isAvailable,
  merge,
  type Place,
  placeOf,
  stationAt,
} from "./public-stations.ts";

interface Flags extends AccountFlags {
  readonly address?: string;
  readonly city?: string;
  readonly state?: string;
  readonly country?: string;
  readonly postalCode?: string;
  readonly lat?: number;
  readonly long?: number;
  readonly proximity?: number;
  readonly unit: DistanceUnit;
  readonly connector?: string;
  readonly available?: true;
  readonly json?: true;
}

/** Maximum number of stations per call for their status, and the most that an answer without pages has been seen to hold. */
const AT_ONCE = 500;

export function stations(program: Command, terminal: Terminal): void {
  const command = program
    .command("stations")
    .description("Find public charging stations.")
    .command("public")
    .description(
      "List public ChargePoint stations near a place, with ports, availability, prices and distance.",
    )
    .option("--address <text>", "street and number, e.g. '1692 Dell Avenue'")
    .option("--city <name>", "city")
    .option("--state <name>", "state or province, e.g. CA")
    .option("--country <name>", "country")
    .option("--postal-code <text>", "postal code")
    .option(
      "--lat <degrees>",
      "instead of an address: latitude",
      numberOption({ min: -90, max: 90, fraction: true }),
    )
    .option("--long <degrees>", "and longitude", numberOption({ min: -180, max: 180, fraction: true }))
    .option(
      "--proximity <distance>",
      "radius of the search (default: the service's own, 5)",
      numberOption({ above: 0, fraction: true }),
    )
    .addOption(
      new Option("--unit <unit>", "unit of distances: M miles, K kilometres")
        .choices(["M", "K"])
        .default("M"),
    )
    .option("--connector <name>", "only stations with this connector, e.g. J1772")
    .option("--available", "only stations with a free port")
    .option("--json", "print JSON");
  accountOptions(command).action((flags: Flags) => listPublic(flags, terminal));
}

async function listPublic(flags: Flags, terminal: Terminal): Promise<void> {
  const query = queryOf(flags);
  const account = accountOf(flags, terminal);
  const log = createLog({ level: "warn", write: (line) => terminal.err(line) });
  const client = new ChargePointReader({ ...account, log });
  try {
    const found = await answered(client.publicStations(query, { signal: terminal.ending }));
    // The stations are printed even when their status cannot be fetched.
    const statuses = await answered(statusesOf(client, found, terminal.ending)).catch((error: unknown) => {
      if (error instanceof CommandError) return error;
      throw error;
    });
    const known = statuses instanceof CommandError ? [] : statuses;
    print(flags, found, known, terminal);
    if (statuses instanceof CommandError) throw statuses;
  } finally {
    await client.close();
  }
}

function print(
  flags: Flags,
  found: readonly PublicStation[],
  statuses: readonly PublicStationStatus[],
  terminal: Terminal,
): void {
  const { unit } = flags;
  const from = startOf(flags, found, terminal);
  const all = merge(found, statuses, from, unit);
  const shown = flags.available ? all.filter(isAvailable) : all;
  if (flags.json) printJson(terminal, shown);
  else
    terminal.out(
      formatTable(
        HEADER,
        shown.map((station) => cells(station, unit)),
      ),
    );
  terminal.err(`${counted(shown.length, "station")}\n`);
  if (found.length >= AT_ONCE)
    terminal.err(
      `the service returned ${found.length} stations, and its answer has no pages: there may be more; reduce --proximity\n`,
    );
}

function queryOf(flags: Flags) {
  const { address, city, state, country, postalCode, lat, long, proximity, unit, connector } = flags;
  if ((lat === undefined) !== (long === undefined))
    throw new CommandError("--lat and --long must be given together", EXIT.usage);
  const isSomewhere = [address, city, state, country, postalCode, lat].some((given) => given !== undefined);
  if (!isSomewhere)
    throw new CommandError(
      'no place given: use --address, --city, --state, --country, --postal-code, or --lat and --long, e.g. --address "1692 Dell Avenue" --city Campbell --state CA',
      EXIT.usage,
    );
  return {
    ...(address !== undefined && { Address: address }),
    ...(city !== undefined && { City: city }),
    ...(state !== undefined && { State: state }),
    ...(country !== undefined && { Country: country }),
    ...(postalCode !== undefined && { postalCode }),
    ...(proximity !== undefined && { Proximity: proximity }),
    proximityUnit: unit,
    ...(connector !== undefined && { Connector: connector }),
    ...(lat !== undefined && { Geo: { Lat: String(lat), Long: String(long) } }),
  };
}

/** Returns the place that distances are measured from: the service does not return the place of an address. */
function startOf({ lat, long, address }: Flags, found: readonly PublicStation[], terminal: Terminal) {
  if (lat !== undefined && long !== undefined) return { lat, long } satisfies Place;
  const at = address === undefined ? undefined : stationAt(found, address);
  const place = at && placeOf(at);
  if (at && place)
    terminal.err(`${singleLine(`distances are from station ${at.stationID}, at ${at.Address}`)}\n`);
  else if (found.length > 0)
    terminal.err(
      "for distances, give --lat and --long: the service does not return the place of an address\n",
    );
  return place;
}

async function statusesOf(
  client: ChargePointReader,
  found: readonly PublicStation[],
  signal: AbortSignal,
): Promise<PublicStationStatus[]> {
  const ids = found.flatMap(({ stationID }) => stationID ?? []);
  const statuses: PublicStationStatus[] = [];
  for (let at = 0; at < ids.length; at += AT_ONCE) {
    const stationIDs = { stationID: ids.slice(at, at + AT_ONCE) };
    statuses.push(...(await client.publicStationStatus({ stationIDs }, { signal })));
  }
  return statuses;
}
