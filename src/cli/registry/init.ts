import { statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "commander";
import { ChargePointClient } from "../../drivers/chargepoint/api/index.ts";
import { type FoundStation, findStation, findStations } from "../../drivers/chargepoint/discovery/index.ts";
import { createLog } from "../../log/log.ts";
import { type AccountFlags, accountOf, accountOptions, answered } from "../api/account.ts";
import {
  type MadeRegistry,
  madeNotes,
  madeTable,
  makeRegistries,
  type PointFlags,
  pointOptions,
} from "../setup/make-registries.ts";
import { fewPaths, writeNewFiles } from "../setup/new-files.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Flags extends AccountFlags, PointFlags {
  readonly station?: string[];
  readonly out?: string;
  readonly force?: true;
}

export function init(group: Command, terminal: Terminal): void {
  const command = group
    .command("init")
    .description(
      "Make a registry for stations of a ChargePoint account: with their real ports, and only with points that the account can read there.",
    )
    .option(
      "--station <id>",
      "station to make it for, e.g. 1:12345; can be given several times (default: all of the account)",
      (id: string, ids: string[] = []) => [...ids, id],
    );
  pointOptions(command)
    .option(
      "--out <path>",
      "file to write; a folder where the stations are of several kinds (default: standard output)",
    )
    .option("--force", "with --out: overwrite existing files");
  accountOptions(command).action((flags: Flags) => run(flags, terminal));
}

async function run(flags: Flags, terminal: Terminal): Promise<void> {
  const account = accountOf(flags, terminal);
  const client = new ChargePointClient({
    ...account,
    log: createLog({ level: "warn", write: (line) => terminal.err(line) }),
  });
  let made: MadeRegistry[];
  try {
    made = await makeRegistries(client, await stationsOf(flags.station, client, terminal), flags, terminal);
  } finally {
    await client.close();
  }
  const empty = made.find(({ kind }) => kind.rows.length === 0);
  if (empty)
    throw new CommandError(
      `nothing that was asked for can be read at station ${empty.kind.stations[0]!.stationID}\n${madeNotes(made)}`.trimEnd(),
    );
  const isFolder =
    flags.out !== undefined &&
    (/[/\\]$/.test(flags.out) || statSync(flags.out, { throwIfNoEntry: false })?.isDirectory());
  if (made.length > 1 && !isFolder) {
    const examples = made.map(({ kind }) => kind.stations[0]!.stationID).slice(0, 3);
    throw new CommandError(
      `the stations are of ${made.length} kinds, and each needs a registry of its own: name a folder with --out registry/, or choose one with --station (${examples.join(", ")}, …)\n\n${madeTable(made).trimEnd()}`,
      EXIT.usage,
    );
  }
  terminal.err(`${madeTable(made)}\n${madeNotes(made)}`);
  if (flags.out === undefined) terminal.out(made[0]!.text);
  else write(made, flags.out, isFolder === true, flags, terminal);
}

function write(
  made: readonly MadeRegistry[],
  out: string,
  isFolder: boolean,
  { force = false }: { force?: boolean },
  terminal: Terminal,
): void {
  const files = made.map(({ name, text }) => ({ path: isFolder ? join(out, name) : out, text }));
  const { kept, written } = writeNewFiles(files, force);
  for (const path of written) terminal.out(`${path}\n`);
  if (kept.length > 0)
    throw new CommandError(`already there and not changed (--force overwrites): ${fewPaths(kept)}`);
}

async function stationsOf(
  ids: readonly string[] | undefined,
  client: ChargePointClient,
  { ending }: Terminal,
): Promise<FoundStation[]> {
  if (ids === undefined) {
    const all = await answered(findStations(client, undefined, ending));
    if (all.length > 0) return all;
    throw new CommandError("the account can see no station; check its region and its rights");
  }
  const found: FoundStation[] = [];
  for (const id of new Set(ids)) {
    const station = await answered(findStation(client, id, ending));
    if (!station)
      throw new CommandError(
        `the account cannot see a station ${id}; "voltbridge discover" lists those that it can see`,
      );
    found.push(station);
  }
  return found;
}
