import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setFlagsFromString } from "node:v8";
import { type Command, Option } from "commander";
import { type Log, Secrets } from "../../log/log.ts";
import { startEconnectSimulator } from "../../simulator/econnect/simulator.ts";
import {
  type AccountOptions,
  type SimulatorOptions,
  SteppedClock,
  startSimulator,
  TroubleRulesError,
} from "../../simulator/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { logOptions, numberOption } from "../terminal/options.ts";
import { type LogFlags, type Terminal, terminalLog } from "../terminal/terminal.ts";
import { TIMES, timeArgument } from "../terminal/time-argument.ts";

interface Flags extends LogFlags {
  readonly host: string;
  readonly port: number;
  readonly stations: number;
  readonly stationsPerSite: number;
  readonly model?: string;
  readonly seed: number;
  readonly speed: number;
  readonly username?: string;
  readonly password?: string;
  readonly accounts?: string;
  readonly trouble?: string;
  readonly control: "loopback" | "anywhere" | "off";
  readonly serials?: true;
  readonly ignoreExpires?: true;
  readonly start?: Date;
  readonly stepped?: true;
  readonly econnect?: true;
  readonly businessPartner?: string;
}

/** A running service, and what is printed about it. */
interface Running {
  readonly printed: object;
  close(): Promise<void>;
}

/** Maximum number of station IDs in the printed line. */
const FIRST_IDS = 10;
const LARGE_WORLD = 20_000;
/** Options that an eConnect service does not have. */
const CHARGEPOINT_ONLY = [
  "stationsPerSite",
  "model",
  "speed",
  "accounts",
  "trouble",
  "control",
  "serials",
  "ignoreExpires",
  "start",
  "stepped",
];

export function simulate(program: Command, terminal: Terminal): void {
  const command = program
    .command("simulate")
    .description(
      "Run a simulated ChargePoint (or eConnect) service until Ctrl-C. Prints one line of JSON when it listens.",
    )
    .option("--host <address>", "address to listen on", "127.0.0.1")
    .option(
      "--port <number>",
      "port to listen on; 0: any free port",
      numberOption({ min: 0, max: 65535 }),
      8090,
    )
    .option("--stations <number>", "number of stations", numberOption({ min: 1, max: 100_000 }), 100)
    .option(
      "--stations-per-site <number>",
      "stations per site, and so per station group",
      numberOption({ min: 1, max: 100_000 }),
      24,
    )
    .option("--model <name>", "model of all stations, e.g. CT4021-GW1 (default: a mix)")
    .option("--seed <number>", "same seed, same network and same day", numberOption({ min: 0 }), 1)
    .option("--speed <factor>", "speed relative to real time", numberOption({ above: 0, fraction: true }), 1)
    .option("--username <text>", "API licence key to accept (default: generated)")
    .option("--password <text>", "API password to accept (default: generated)")
    .option("--accounts <file>", "JSON file of further accounts: [{username, password, organisation, plan}]")
    .option("--start <time>", `when the simulated time starts: ${TIMES} (default: now)`, timeArgument)
    .addOption(new Option("--stepped", "stop the clock; POST /control/world advances it").conflicts("speed"))
    .option("--trouble <file>", "JSON file of trouble rules")
    .addOption(
      new Option("--control <who>", "who may use /control (trouble, log, world)")
        .choices(["loopback", "anywhere", "off"])
        .default("loopback"),
    )
    .option("--ignore-expires", "carry out requests that have expired by their wsu:Expires")
    .option("--serials", "add a serial number to every portLoad, and log it")
    .addOption(
      new Option("--econnect", "simulate the eConnect Masterdata API instead").conflicts(CHARGEPOINT_ONLY),
    )
    .option("--business-partner <number>", "with --econnect: owner of the stations (default: 4711)");
  logOptions(command, "info").action((flags: Flags) => runSimulator(flags, terminal));
}

async function runSimulator(flags: Flags, terminal: Terminal): Promise<void> {
  // V8 lets a large heap double before it collects garbage; 100,000 stations then need 1.5 GB instead of 1 (measured).
  if (flags.stations > LARGE_WORLD) setFlagsFromString("--heap-growing-percent=20");
  if (flags.businessPartner !== undefined && !flags.econnect)
    throw new CommandError("--business-partner requires --econnect", EXIT.usage);
  const secrets = new Secrets();
  if (flags.password !== undefined) secrets.add(flags.password);
  const accounts = flags.accounts === undefined ? [] : readAccounts(flags.accounts);
  for (const { password } of accounts) secrets.add(password);
  const log = terminalLog(terminal, flags, secrets);
  const start = flags.econnect ? runEconnect : runChargePoint;
  const running = await start(flags, accounts, log).catch((error: unknown) => {
    if (error instanceof CommandError) throw error;
    if (error instanceof TroubleRulesError || error instanceof RangeError)
      throw new CommandError(error.message, EXIT.configuration);
    throw new CommandError(
      `the simulator cannot listen on ${flags.host}:${flags.port}: ${(error as Error).message}; use another port (--port 0: any free one)`,
    );
  });
  terminal.out(`${JSON.stringify(running.printed)}\n`);
  if (!terminal.ending.aborted) await once(terminal.ending, "abort");
  await running.close();
}

async function runChargePoint(flags: Flags, accounts: AccountOptions[], log: Log): Promise<Running> {
  const simulator = await startSimulator({ ...optionsOf(flags), accounts, log });
  const { endpoint, username, password, stationIDs } = simulator;
  const printed = { endpoint, username, password, stations: stationIDs.slice(0, FIRST_IDS) };
  return { printed, close: () => simulator.close() };
}

async function runEconnect(flags: Flags, _accounts: AccountOptions[], log: Log): Promise<Running> {
  const simulator = await startEconnectSimulator({ ...flags, log });
  const { endpoint, businessPartner, username, password } = simulator;
  const stations = simulator.stations.slice(0, FIRST_IDS).map(({ id }) => id);
  return {
    printed: { endpoint, businessPartner, username, password, stations },
    close: () => simulator.close(),
  };
}

function optionsOf(flags: Flags): SimulatorOptions {
  const { control, stepped, start, accounts: _, econnect: _econnect, ignoreExpires, ...others } = flags;
  return {
    ...others,
    ignoresExpiry: ignoreExpires ?? false,
    control: control === "loopback" ? true : control === "anywhere" ? "anywhere" : false,
    ...(stepped ? { clock: new SteppedClock(start ?? new Date()) } : start === undefined ? {} : { start }),
  };
}

function readAccounts(file: string): AccountOptions[] {
  try {
    const accounts: unknown = JSON.parse(readFileSync(file, "utf8"));
    if (Array.isArray(accounts)) return accounts as AccountOptions[];
    throw new Error("expected a list of accounts");
  } catch (error) {
    throw new CommandError(`--accounts ${file}: ${(error as Error).message}`, EXIT.configuration);
  }
}
