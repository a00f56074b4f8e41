import type { Command } from "commander";
import {
  describePlan,
  type LoadedDevice,
  type LookedUpPlan,
  planAccounts,
  planWithLookup,
  type ShownPlan,
} from "../../devices/index.ts";
import { createLog } from "../../log/log.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { numberOption } from "../terminal/options.ts";
import { printJson, type Terminal } from "../terminal/terminal.ts";
import { formatAll } from "./diagnostics.ts";
import { loadAll } from "./load.ts";
import { formatPlan } from "./plan-text.ts";

interface Flags {
  readonly config?: string;
  readonly groupSize: number;
  readonly lookup?: true;
  readonly timeout: number;
  readonly json?: true;
}

export function plan(program: Command, terminal: Terminal): void {
  program
    .command("plan")
    .description(
      "Show which calls the configured devices will make, how often, and which registry rows cause them.",
    )
    .option("--config <file>", "bridge config (default: configs/bridge.json)")
    .option(
      "--group-size <stations>",
      "assume station groups of this size; 0: none, so that loads are read station by station",
      numberOption({ min: 0 }),
      0,
    )
    .option(
      "--lookup",
      "ask the accounts for the stations of their sets and the groups that cover them (default: no calls)",
    )
    .option(
      "--timeout <seconds>",
      "with --lookup: maximum time for each account",
      numberOption({ above: 0, fraction: true }),
      600,
    )
    .option("--json", "print JSON")
    .action((flags: Flags) => showPlan(flags, terminal));
}

async function showPlan(flags: Flags, terminal: Terminal): Promise<void> {
  const { secrets } = terminal;
  const { devices, diagnostics } = await loadAll({ config: flags.config, secrets, env: terminal.env });
  terminal.err(formatAll(diagnostics.filter(({ severity }) => severity === "error")));
  const plans: readonly ShownPlan[] = flags.lookup
    ? await lookUp(devices, flags, terminal)
    : planKnown(devices, flags, terminal);
  if (plans.length === 0)
    throw new CommandError("none of the loaded devices has a driver that shares calls", EXIT.failed);
  if (flags.json) printJson(terminal, plans.map(describePlan));
  else for (const one of plans) if (one.stations > 0) terminal.out(`${formatPlan(one)}\n`);
  const failed = plans.filter(({ failure }) => failure !== undefined);
  if (failed.length > 0) throw new CommandError(failed.map(failureLine).join("\n"), EXIT.failed);
}

function planKnown(devices: readonly LoadedDevice[], { groupSize }: Flags, terminal: Terminal) {
  for (const { settings } of devices) {
    if (settings.set === undefined) continue;
    terminal.err(
      `${settings.file}: its set of stations is not counted, because only the service knows their number (--lookup asks it)\n`,
    );
  }
  return planAccounts(devices, groupSize);
}

async function lookUp(
  devices: readonly LoadedDevice[],
  { groupSize, timeout }: Flags,
  terminal: Terminal,
): Promise<readonly LookedUpPlan[]> {
  const log = createLog({ level: "warn", write: (line) => terminal.err(line) });
  const plans = await planWithLookup(devices, {
    ...{ stationsPerGroup: groupSize, seconds: timeout },
    ...{ log, signal: terminal.ending },
  });
  for (const { account, notRun } of plans) {
    const [first, ...more] = notRun;
    if (first === undefined) continue;
    terminal.err(`account ${account}: ${first}${more.length > 0 ? ` (and ${more.length} more)` : ""}\n`);
  }
  return plans;
}

function failureLine({ account, failure, stations }: ShownPlan): string {
  const rest = stations > 0 ? "the rest of it is planned" : "nothing of it is planned";
  return `account ${account} could not be asked (${rest}): ${failure}`;
}
