import { Command, CommanderError } from "commander";
import { api } from "./api/index.ts";
import { audit } from "./audit.ts";
import { check } from "./check.ts";
import { CommandError, EXIT } from "./command-error.ts";
import { completion } from "./completion.ts";
import { deadletter } from "./deadletter.ts";
import { demo } from "./demo.ts";
import { discover } from "./discover.ts";
import { event } from "./event.ts";
import { get } from "./get.ts";
import { historian } from "./historian.ts";
import { history } from "./history.ts";
import { limit } from "./limit.ts";
import { override } from "./override.ts";
import { plan } from "./plan.ts";
import { report } from "./report.ts";
import { revert } from "./revert.ts";
import { run } from "./run.ts";
import { schedule } from "./schedule.ts";
import { scrape } from "./scrape.ts";
import { selftest } from "./selftest.ts";
import { sessions } from "./sessions.ts";
import { set } from "./set.ts";
import { sheds } from "./sheds.ts";
import { simulate } from "./simulate.ts";
import { stations } from "./stations.ts";
import { status } from "./status.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import { packageVersion } from "./version.ts";
import { wsdl } from "./wsdl.ts";

/** Adds one command to the program. */
export type CommandFile = (program: Command, terminal: Terminal) => void;

/** THE LIST of commands, in the order of `--help`. */
const commands: readonly CommandFile[] = [
  run,
  historian,
  demo,
  simulate,
  check,
  plan,
  scrape,
  get,
  set,
  revert,
  sheds,
  override,
  limit,
  schedule,
  event,
  history,
  sessions,
  report,
  audit,
  deadletter,
  status,
  selftest,
  api,
  discover,
  stations,
  wsdl,
  completion,
];

/** Runs one command line (without `node` and the script) and gives the exit code. Never throws. */
export async function runCli(
  args: readonly string[],
  terminal: Terminal = processTerminal(),
): Promise<number> {
  const program = new Command("voltbridge")
    .description(
      "EV charging stations to MQTT and time series, and set points back: a VOLTTRON-style bridge.",
    )
    .version(packageVersion())
    .exitOverride()
    .configureOutput({ writeOut: (text) => terminal.out(text), writeErr: (text) => terminal.err(text) })
    .addHelpText(
      "after",
      "\nTo see it all at work, without a station or an account: voltbridge demo\n" +
        "Exit codes: 0 done; 1 the thing asked for failed; 2 usage; 70 internal fault; 78 configuration or Node version.",
    );
  for (const add of commands) add(program, terminal);
  pointToHelp(program, program.name());
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

/** A usage error names the help of the command that was meant. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`("${name} --help" tells more)`);
  for (const inner of command.commands) pointToHelp(inner, `${name} ${inner.name()}`);
}

function exitCodeOf(error: unknown, terminal: Terminal): number {
  // commander has printed its own message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CommandError) {
    if (error.message !== "") terminal.err(`voltbridge: ${error.message}\n`);
    return error.exitCode;
  }
  if (terminal.ending.aborted) return EXIT.done;
  terminal.err(`voltbridge: internal fault, please report it: ${(error as Error)?.stack ?? String(error)}\n`);
  return EXIT.internal;
}
