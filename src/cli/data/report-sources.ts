import { resolve } from "node:path";
import { chargingStations, EconnectError } from "../../drivers/econnect/api/index.ts";
import type { Log } from "../../log/log.ts";
import {
  chargePointFleet,
  econnectFleet,
  type FleetData,
  sqlFleet,
  type Wanted,
} from "../../reports/index.ts";
import { openSessionDatabase, SessionDatabaseError } from "../../sessions/index.ts";
import { type AccountFlags, isServiceError } from "../api/account.ts";
import { loadSettings } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import { Progress } from "../terminal/progress.ts";
import type { LogFlags, Terminal } from "../terminal/terminal.ts";
import { econnectAccounts } from "./econnect-account.ts";
import { sessionAccounts } from "./session-account.ts";

export const SOURCES = ["chargepoint", "econnect", "sql"] as const;
export type SourceName = (typeof SOURCES)[number];

export interface SourceFlags extends AccountFlags, LogFlags {
  readonly source: SourceName;
  readonly config?: string;
  readonly data?: string;
  readonly businessPartner?: string;
}

export interface ReadFleet {
  readonly data: FleetData;
  /** Name of the source, for people. */
  readonly label: string;
}

type Read = (flags: SourceFlags, terminal: Terminal, wanted: Wanted, log: Log) => Promise<ReadFleet>;

const READERS: Readonly<Record<SourceName, Read>> = { chargepoint, econnect, sql };

/**
 * Reads a fleet from the source that the flags name.
 * @throws CommandError with the message of the service or the database
 */
export const readFleet: Read = async (flags, terminal, wanted, log) => {
  try {
    return await READERS[flags.source](flags, terminal, wanted, log);
  } catch (error) {
    const isKnown = [EconnectError, SessionDatabaseError].some((kind) => error instanceof kind);
    if (!isKnown && !isServiceError(error)) throw error;
    throw new CommandError((error as Error).message, EXIT.failed, { cause: error });
  }
};

async function chargepoint(
  flags: SourceFlags,
  terminal: Terminal,
  wanted: Wanted,
  log: Log,
): Promise<ReadFleet> {
  const accounts = await sessionAccounts(flags, terminal, { log, onCall: () => undefined });
  try {
    const clients = accounts.map(({ client }) => client);
    const progress = new Progress(terminal);
    const [from, to] = [wanted.period.from, wanted.period.to].map((time) => time.toISOString());
    const onProgress = (phase: string, count: number, reached?: string) =>
      progress.show({ phase, count, reached, from, to });
    const data = await chargePointFleet(clients, { ...wanted, signal: terminal.ending, onProgress });
    return { data, label: `ChargePoint, ${accounts.map(({ label }) => label).join(", ")}` };
  } finally {
    for (const { client } of accounts) await client.close();
  }
}

async function econnect(
  flags: SourceFlags,
  terminal: Terminal,
  wanted: Wanted,
  log: Log,
): Promise<ReadFleet> {
  const accounts = await econnectAccounts(flags, terminal);
  const entries = async function* () {
    for (const account of accounts) yield* chargingStations({ ...account, log }, terminal.ending);
  };
  const data = await econnectFleet(new Progress(terminal).counting("stations", entries()), wanted);
  const partners = accounts.map(({ businessPartner }) => businessPartner);
  return { data, label: `eConnect, business partner ${partners.join(", ")}` };
}

async function sql(flags: SourceFlags, terminal: Terminal, wanted: Wanted): Promise<ReadFleet> {
  const { settings } = loadSettings({ config: flags.config, secrets: terminal.secrets, env: terminal.env });
  const { backend, connection } = settings.sessions;
  const dataFolder = flags.data === undefined ? settings.data : resolve(flags.data);
  const database = await openSessionDatabase(
    { backend, connection, dataFolder, readonly: true },
    terminal.ending,
  );
  try {
    return {
      data: await sqlFleet(database, wanted, terminal.ending),
      label: `charging sessions in ${backend}`,
    };
  } finally {
    await database.close();
  }
}
