import { type Command, Option } from "commander";
import type { PlannedEvent } from "../../devices/index.ts";
import type { PointValue } from "../../points/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { formatTable } from "../terminal/table.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { absoluteTime } from "../terminal/time-argument.ts";
import { type BridgeFlags, bridgeOptions, call } from "./ask.ts";

interface CreateFlags extends BridgeFlags {
  readonly start: string;
  readonly minutes: number;
  readonly kw?: number;
  readonly percent?: number;
  readonly group?: string;
  readonly optOut: boolean;
  readonly yes?: true;
}

const HELP = `
An event is a future limit that the network applies itself, even when the bridge does not run; drivers may opt out of it.
For home utility programmes with demand response (guide §5.4); the service refuses other accounts.
--kw is the maximum of each port. --percent is taken from the load of each station when the event begins; a station that
delivers nothing then stays at 0 kW until the event ends. An event can be removed until it begins (guide §5.5).`;

export function event(program: Command, terminal: Terminal): void {
  const parent = program
    .command("event")
    .description("Plan load shed events (demand response), through the running bridge.");
  bridgeOptions(
    parent
      .command("create")
      .description("Plan an event for a station, or for a station group of its account.")
      .argument("<device>", "e.g. campus/garage/station-1")
      .requiredOption("--start <time>", "start, in the future: 2026-11-21T17:00:00Z or 'now +2h'")
      .requiredOption("--minutes <n>", "duration", numberOption({ min: 1 }))
      .addOption(
        new Option("--kw <kw>", "maximum of each port")
          .argParser(numberOption({ min: 0, fraction: true }))
          .conflicts("percent"),
      )
      .option("--percent <n>", "share of each station's load to shed", numberOption({ min: 0, max: 100 }))
      .option("--group <sgID>", "for every station of this group instead of the device's station")
      .option("--no-opt-out", "drivers may not opt out")
      .option("--yes", "confirm: this changes what vehicles get"),
  )
    .addHelpText("after", HELP)
    .action((device: string, flags: CreateFlags) => create(device, flags, terminal));
  bridgeOptions(
    parent
      .command("remove")
      .description("Remove an event that has not begun.")
      .argument("<id>", "id from the list")
      .option("--yes", "confirm: this changes what vehicles get"),
  ).action(async (id: string, flags: BridgeFlags & { yes?: true }) => {
    requireYes(flags, `event ${id}`);
    await call("remove_event", { id }, flags, terminal);
    await list(flags, terminal);
  });
  bridgeOptions(
    parent.command("list").description("List events planned through this bridge that have not ended."),
  ).action((flags: BridgeFlags) => list(flags, terminal));
}

async function create(path: string, flags: CreateFlags, terminal: Terminal): Promise<void> {
  const { minutes, kw, percent, group, optOut } = flags;
  const start = absoluteTime(flags.start);
  if (kw === undefined && percent === undefined)
    throw new CommandError("no limit given: use --kw or --percent", EXIT.usage);
  if (Number.isNaN(Date.parse(start)) || !/T.*(Z|[+-]\d\d:?\d\d)$/i.test(start))
    throw new CommandError(
      `--start ${start}: expected a time with its zone, e.g. 2026-11-21T17:00:00Z, or 'now +2h'`,
      EXIT.usage,
    );
  const params: Record<string, PointValue> = {
    ...{ path, start, minutes, allow_opt_out: optOut },
    ...(kw !== undefined && { kw }),
    ...(percent !== undefined && { percent }),
    ...(group !== undefined && { group }),
  };
  requireYes(flags, JSON.stringify(params));
  const planned = await call("create_event", params, flags, terminal);
  if (flags.json) printJson(terminal, planned);
  else terminal.out(table([planned as unknown as PlannedEvent]));
}

function requireYes({ yes }: { readonly yes?: true }, what: string): void {
  if (!yes) throw new CommandError(`this changes what vehicles get; add --yes to send ${what}`, EXIT.usage);
}

async function list(flags: BridgeFlags, terminal: Terminal): Promise<void> {
  const events = (await call("get_events", {}, flags, terminal)) as unknown as PlannedEvent[];
  if (flags.json) printJson(terminal, events);
  else terminal.out(events.length === 0 ? "no events are planned\n" : table(events));
}

function table(events: readonly PlannedEvent[]): string {
  const rows = events.map(({ id, device, group, startsAt, endsAt, kw, percent, allowOptOut, requester }) => [
    id ?? "–",
    group === undefined ? device : `group ${group}`,
    startsAt,
    endsAt,
    kw === undefined ? `${percent} % less` : `${kw} kW a port`,
    allowOptOut ? "may opt out" : "may not opt out",
    requester,
  ]);
  return formatTable(["id", "where", "start", "end", "limit", "drivers", "requester"], rows);
}
