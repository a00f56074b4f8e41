import { Command, CommanderError } from "commander";
import { CommandError, EXIT } from "./command-error.ts";
import { processSurroundings, type Surroundings, type Terminal, terminalOn } from "./terminal.ts";
import { packageVersion } from "./version.ts";

/** Adds one command to the program. */
export type CommandFile = (program: Command, terminal: Terminal) => void;

/**
 * THE LIST of commands, in the order of `--help`. A command line loads the one that it names: what the others need is half of the
 * program, and would be in the memory of a bridge for as long as it runs.
 */
const commands: Readonly<Record<string, () => Promise<CommandFile>>> = {
  run: async () => (await import("./run.ts")).run,
  historian: async () => (await import("./historian.ts")).historian,
  demo: async () => (await import("./demo.ts")).demo,
  simulate: async () => (await import("./simulate.ts")).simulate,
  check: async () => (await import("./check.ts")).check,
  plan: async () => (await import("./plan.ts")).plan,
  scrape: async () => (await import("./scrape.ts")).scrape,
  get: async () => (await import("./get.ts")).get,
  set: async () => (await import("./set.ts")).set,
  revert: async () => (await import("./revert.ts")).revert,
  sheds: async () => (await import("./sheds.ts")).sheds,
  override: async () => (await import("./override.ts")).override,
  limit: async () => (await import("./limit.ts")).limit,
  schedule: async () => (await import("./schedule.ts")).schedule,
  event: async () => (await import("./event.ts")).event,
  history: async () => (await import("./history.ts")).history,
  sessions: async () => (await import("./sessions.ts")).sessions,
  report: async () => (await import("./report.ts")).report,
  audit: async () => (await import("./audit.ts")).audit,
  deadletter: async () => (await import("./deadletter.ts")).deadletter,
  status: async () => (await import("./status.ts")).status,
  selftest: async () => (await import("./selftest.ts")).selftest,
  api: async () => (await import("./api/index.ts")).api,
  discover: async () => (await import("./discover.ts")).discover,
  stations: async () => (await import("./stations.ts")).stations,
  wsdl: async () => (await import("./wsdl.ts")).wsdl,
  completion: async () => (await import("./completion.ts")).completion,
};

/** Runs one command line (without `node` and the script) and gives the exit code. Never throws. */
export async function runCli(
  args: readonly string[],
  surroundings: Surroundings = processSurroundings(),
): Promise<number> {
  const terminal = terminalOn(surroundings);
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
  for (const load of named(args[0])) (await load())(program, terminal);
  pointToHelp(program, program.name());
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (error) {
    return exitCodeOf(error, terminal);
  }
}

/** The command of that name; all of them where the help, a completion or a misspelt name needs them. */
function named(name = ""): readonly (() => Promise<CommandFile>)[] {
  const all = Object.values(commands);
  return name !== "completion" && Object.hasOwn(commands, name) ? [commands[name]!] : all;
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
