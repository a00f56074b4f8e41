import { readFileSync } from "node:fs";
import type { Command } from "commander";
import { endpointFor } from "../../drivers/chargepoint/api/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

export interface AccountFlags {
  readonly endpoint?: string;
  readonly region?: string;
  readonly username?: string;
  readonly passwordFile?: string;
}

export interface Account {
  readonly endpoint: string;
  readonly username: string;
  readonly password: string;
}

/** Options that say which account to call with. There is none for the password itself: others could read it. */
export function accountOptions(command: Command): Command {
  return command
    .option("--endpoint <url>", "address of the service (or CHARGEPOINT_ENDPOINT)")
    .option("--region <region>", "NA, NA-QA, EU, EU-QA or CA, instead of an endpoint (or CHARGEPOINT_REGION)")
    .option("--username <key>", "API licence key (or CHARGEPOINT_USERNAME)")
    .option("--password-file <file>", "file with the API password (or CHARGEPOINT_PASSWORD)");
}

/** The account by flags, else by the environment. Throws a CommandError that names what is missing. */
export function accountOf(flags: AccountFlags, { env, secrets }: Pick<Terminal, "env" | "secrets">): Account {
  const username = flags.username ?? env.CHARGEPOINT_USERNAME;
  const password =
    flags.passwordFile === undefined ? env.CHARGEPOINT_PASSWORD : readPassword(flags.passwordFile);
  if (!username || !password) {
    const missing = username
      ? "API password: set CHARGEPOINT_PASSWORD or name --password-file"
      : "API licence key: set CHARGEPOINT_USERNAME or name --username";
    throw new CommandError(`no ${missing}`, EXIT.configuration);
  }
  secrets.add(password);
  const region = flags.region ?? env.CHARGEPOINT_REGION;
  // Flags outrank the environment, whichever of the two they are.
  const endpoint = flags.endpoint ?? (flags.region === undefined ? env.CHARGEPOINT_ENDPOINT : undefined);
  try {
    const where = {
      ...(endpoint === undefined ? {} : { endpoint }),
      ...(region === undefined ? {} : { region }),
    };
    return { username, password, endpoint: endpointFor(where) };
  } catch (error) {
    throw new CommandError((error as Error).message, EXIT.configuration, { cause: error });
  }
}

/** A password that a file holds. Throws a CommandError where it cannot be read. */
export function readPassword(file: string): string {
  try {
    return readFileSync(file, "utf8").trimEnd();
  } catch (error) {
    throw new CommandError(`--password-file: ${(error as Error).message}`, EXIT.configuration, {
      cause: error,
    });
  }
}
