import { readFileSync } from "node:fs";
import type { Command } from "commander";
import {
  ApiError,
  CredentialsError,
  endpointFor,
  ProtocolError,
  SoapFaultError,
  TransportError,
} from "../../drivers/chargepoint/api/index.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

const SERVICE_ERRORS = [ApiError, CredentialsError, SoapFaultError, TransportError, ProtocolError];

/** Returns whether the service, or the connection to it, failed. */
export function isServiceError(error: unknown): error is Error {
  return SERVICE_ERRORS.some((kind) => error instanceof kind);
}

/**
 * Waits for a call.
 * @throws CommandError when the service, or the connection to it, failed
 */
export async function answered<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw isServiceError(error) ? new CommandError(error.message, EXIT.failed, { cause: error }) : error;
  }
}

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

/** Adds the options that name an account. The password itself has none: other users of the machine could read it. */
export function accountOptions(command: Command): Command {
  return command
    .option("--endpoint <url>", "address of the service (or CHARGEPOINT_ENDPOINT)")
    .option("--region <region>", "NA, NA-QA, EU, EU-QA or CA, instead of an endpoint (or CHARGEPOINT_REGION)")
    .option("--username <key>", "API licence key (or CHARGEPOINT_USERNAME)")
    .option("--password-file <file>", "file with the API password (or CHARGEPOINT_PASSWORD)");
}

/**
 * Returns the account of the flags, else of the environment.
 * @throws CommandError that names what is missing
 */
export function accountOf(flags: AccountFlags, { env, secrets }: Pick<Terminal, "env" | "secrets">): Account {
  const username = flags.username ?? env.CHARGEPOINT_USERNAME;
  const password =
    flags.passwordFile === undefined ? env.CHARGEPOINT_PASSWORD : readPassword(flags.passwordFile);
  if (!username || !password) {
    const missing = username
      ? "API password: set CHARGEPOINT_PASSWORD or pass --password-file"
      : "API licence key: set CHARGEPOINT_USERNAME or pass --username";
    throw new CommandError(`no ${missing}`, EXIT.configuration);
  }
  secrets.add(password);
  const region = flags.region ?? env.CHARGEPOINT_REGION;
  // Either flag takes precedence over both variables of the environment.
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

/**
 * Reads a password from a file.
 * @throws CommandError when it cannot be read
 */
export function readPassword(file: string, option = "--password-file"): string {
  try {
    return readFileSync(file, "utf8").trimEnd();
  } catch (error) {
    throw new CommandError(`${option}: ${(error as Error).message}`, EXIT.configuration, {
      cause: error,
    });
  }
}
