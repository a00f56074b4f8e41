import { once } from "node:events";
import type { Command } from "commander";
import { Secrets } from "../log.ts";
import { startSimulator } from "../simulator/index.ts";
import { CommandError } from "./command-error.ts";
import { logOptions, numberOption } from "./options.ts";
import { type LogFlags, type Terminal, terminalLog } from "./terminal.ts";

interface Flags extends LogFlags {
  readonly host: string;
  readonly port: number;
  readonly stations: number;
  readonly seed: number;
  readonly speed: number;
  readonly username?: string;
  readonly password?: string;
}

/** Station IDs in the line that is printed; enough to try it with. */
const FIRST_IDS = 10;

export function simulate(program: Command, terminal: Terminal): void {
  const command = program
    .command("simulate")
    .description("Run a simulated ChargePoint service until Ctrl-C. Prints one line of JSON when it listens.")
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option(
      "--port <number>",
      "port to listen on; 0 for any free one",
      numberOption({ min: 0, max: 65535 }),
      8090,
    )
    .option(
      "--stations <number>",
      "stations of the simulated network",
      numberOption({ min: 1, max: 100_000 }),
      100,
    )
    .option("--seed <number>", "same seed, same network and same day", numberOption({ min: 0 }), 1)
    .option(
      "--speed <factor>",
      "how many times faster than real time",
      numberOption({ above: 0, fraction: true }),
      1,
    )
    .option("--username <text>", "API licence key to accept (default: made up)")
    .option("--password <text>", "API password to accept (default: made up)");
  logOptions(command, "info").action((flags: Flags) => runSimulator(flags, terminal));
}

async function runSimulator(flags: Flags, terminal: Terminal): Promise<void> {
  const secrets = new Secrets();
  if (flags.password !== undefined) secrets.add(flags.password);
  const log = terminalLog(terminal, flags, secrets);
  const simulator = await startSimulator({ ...flags, log }).catch((error: unknown) => {
    throw new CommandError(
      `the simulator cannot listen on ${flags.host}:${flags.port}: ${(error as Error).message}; give it another port (--port 0: any free one)`,
    );
  });
  const { endpoint, username, password, stationIDs } = simulator;
  terminal.out(
    `${JSON.stringify({ endpoint, username, password, stations: stationIDs.slice(0, FIRST_IDS) })}\n`,
  );
  if (!terminal.ending.aborted) await once(terminal.ending, "abort");
  await simulator.close();
}
