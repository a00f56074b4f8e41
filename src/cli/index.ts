/** A command line comes in, and an exit code goes out. The words choose a command, whose file parses its options and calls the parts that do the work. */

import { Command, CommanderError } from "commander";
import { CommandError, EXIT } from "./terminal/command-error.ts";
import { addExamples } from "./terminal/examples.ts";
import { processSurroundings, type Surroundings, type Terminal, terminalOn } from "./terminal/terminal.ts";
import { packageVersion } from "./terminal/version.ts";

/** Adds one command to the program. */
export type CommandFile = (program: Command, terminal: Terminal) => void;

/**
 * THE LIST of commands, in the order of `--help`. A command line loads only the command that it names: the modules of the others
 * are half of the program, and would stay in the memory of a running bridge.
 */
const commands: Readonly<Record<string, () => Promise<CommandFile>>> = {
  run: async () => (await import("./run/run.ts")).run,
  historian: async () => (await import("./run/historian.ts")).historian,
  demo: async () => (await import("./run/demo.ts")).demo,
  simulate: async () => (await import("./run/simulate.ts")).simulate,
  init: async () => (await import("./setup/init.ts")).init,
  check: async () => (await import("./setup/check.ts")).check,
  doctor: async () => (await import("./setup/doctor/doctor.ts")).doctor,
  plan: async () => (await import("./setup/plan.ts")).plan,
  scrape: async () => (await import("./setup/scrape.ts")).scrape,
  watch: async () => (await import("./bridge/watch.ts")).watch,
  get: async () => (await import("./bridge/get.ts")).get,
  set: async () => (await import("./bridge/set.ts")).set,
  revert: async () => (await import("./bridge/revert.ts")).revert,
  sheds: async () => (await import("./bridge/sheds.ts")).sheds,
  override: async () => (await import("./bridge/override.ts")).override,
  limit: async () => (await import("./bridge/limit.ts")).limit,
  schedule: async () => (await import("./bridge/schedule.ts")).schedule,
  event: async () => (await import("./bridge/event.ts")).event,
  reload: async () => (await import("./bridge/reload.ts")).reload,
  diff: async () => (await import("./bridge/reload.ts")).diff,
  device: async () => (await import("./bridge/device.ts")).device,
  history: async () => (await import("./store/history.ts")).history,
  sessions: async () => (await import("./data/sessions.ts")).sessions,
  report: async () => (await import("./data/report.ts")).report,
  audit: async () => (await import("./store/audit.ts")).audit,
  backup: async () => (await import("./store/backup.ts")).backup,
  restore: async () => (await import("./store/backup.ts")).restore,
  deadletter: async () => (await import("./store/deadletter.ts")).deadletter,
  status: async () => (await import("./bridge/status.ts")).status,
  cluster: async () => (await import("./cluster/index.ts")).cluster,
  alerts: async () => (await import("./setup/alerts.ts")).alerts,
  selftest: async () => (await import("./bridge/selftest.ts")).selftest,
  web: async () => (await import("./setup/web.ts")).web,
  api: async () => (await import("./api/index.ts")).api,
  registry: async () => (await import("./registry/index.ts")).registry,
  import: async () => (await import("./import/index.ts")).importing,
  discover: async () => (await import("./setup/discover.ts")).discover,
  stations: async () => (await import("./setup/stations.ts")).stations,
  wsdl: async () => (await import("./api/wsdl.ts")).wsdl,
  completion: async () => (await import("./terminal/completion.ts")).completion,
};

/** Runs one command line (without `node` and the script) and returns the exit code. Never throws. */
export async function runCli(
  args: readonly string[],
  surroundings: Surroundings = processSurroundings(),
): Promise<number> {
  const terminal = terminalOn(surroundings);
  const program = new Command("voltbridge")
    .description(
      "Bridge EV charging stations to MQTT and time series, and write set points back, in VOLTTRON's style.",
    )
    .version(packageVersion())
    .exitOverride()
    .configureOutput({
      writeOut: (text) => terminal.out(text),
      writeErr: (text) => terminal.err(text, "error"),
    })
    .addHelpText(
      "after",
      "\nTo try everything without a station or an account: voltbridge demo\n" +
        "Exit codes: 0 done; 1 the command failed; 2 usage; 70 internal fault; 78 configuration or Node version.",
    );
  for (const load of named(args[0])) (await load())(program, terminal);
  pointToHelp(program, program.name());
  addExamples(program);
  try {
    await program.parseAsync([...args], { from: "user" });
    return EXIT.done;
  } catch (error) {
    return exitCodeOf(error, terminal);
  } finally {
    terminal.progress();
  }
}

/** Returns the named command; all commands for the help, a completion or a misspelt name. */
function named(name = ""): readonly (() => Promise<CommandFile>)[] {
  const all = Object.values(commands);
  return name !== "completion" && Object.hasOwn(commands, name) ? [commands[name]!] : all;
}

/** Makes usage errors of a command, and of those within it, name its help. */
function pointToHelp(command: Command, name: string): void {
  command.showHelpAfterError(`(see "${name} --help")`);
  for (const inner of command.commands) pointToHelp(inner, `${name} ${inner.name()}`);
}

function exitCodeOf(error: unknown, terminal: Terminal): number {
  // commander has printed its own message already.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (error instanceof CommandError) {
    if (error.message !== "") terminal.err(`voltbridge: ${error.message}\n`, "error");
    return error.exitCode;
  }
  if (terminal.ending.aborted) return EXIT.done;
  terminal.err(
    `voltbridge: internal fault, please report it: ${(error as Error)?.stack ?? String(error)}\n`,
    "error",
  );
  return EXIT.internal;
}
