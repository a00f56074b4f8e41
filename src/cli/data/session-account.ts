import { createHash } from "node:crypto";
import { type CallRecord, ChargePointClient, endpointFor } from "../../drivers/chargepoint/api/index.ts";
import type { Log } from "../../log/log.ts";
import type { SessionAccount } from "../../sessions/index.ts";
import { type Account, type AccountFlags, accountOf } from "../api/account.ts";
import { loadAll } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

interface Found extends SessionAccount {
  readonly client: ChargePointClient;
}

/** The log of a command's calls, and what is called after each of them. */
export interface Calling {
  readonly log: Log;
  readonly onCall: (call: CallRecord) => void;
}

/**
 * Returns the accounts to read: the one of flags or environment, else those of the bridge's ChargePoint devices. The caller
 * closes their clients.
 * @throws CommandError when there are none
 */
export async function sessionAccounts(
  flags: AccountFlags & { readonly config?: string },
  terminal: Terminal,
  calling: Calling,
): Promise<Found[]> {
  const { env } = terminal;
  const named = flags.username ?? env.CHARGEPOINT_USERNAME;
  const accounts = named ? [accountOf(flags, terminal)] : await ofDevices(flags, terminal);
  if (accounts.length === 0)
    throw new CommandError(
      "no account: set CHARGEPOINT_USERNAME and CHARGEPOINT_PASSWORD, or pass --username and --password-file, or the --config of a bridge with ChargePoint devices",
      EXIT.configuration,
    );
  return accounts.map((account) => ({
    key: accountKey(account),
    label: `account ${account.username.slice(0, 8)}… at ${account.endpoint}`,
    client: new ChargePointClient({ ...account, log: calling.log, onCall: calling.onCall }),
  }));
}

/** Returns a lasting identifier of an account for tables and messages; it does not reveal the licence key. */
function accountKey({ endpoint, username }: Account): string {
  return createHash("sha256").update(`${endpoint} ${username}`).digest("hex").slice(0, 16);
}

async function ofDevices(
  flags: { readonly config?: string },
  { env, secrets }: Terminal,
): Promise<Account[]> {
  const { devices } = await loadAll({ config: flags.config, secrets, env });
  const accounts = devices.flatMap(({ settings }) => {
    if (settings.driverType !== "chargepoint") return [];
    const config = settings.driverConfig as { username: string; password: string; endpoint?: string };
    return { endpoint: endpointFor(config), username: config.username, password: config.password };
  });
  return [...new Map(accounts.map((account) => [accountKey(account), account])).values()];
}
