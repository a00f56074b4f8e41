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

/** How a command calls the network. */
export interface Calling {
  readonly log: Log;
  readonly onCall: (call: CallRecord) => void;
}

/**
 * The accounts to read: the one of flags or environment, else those of the bridge's ChargePoint devices. Their clients are
 * the caller's to close. Throws a CommandError where there are none.
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
      "no account: set CHARGEPOINT_USERNAME and CHARGEPOINT_PASSWORD, name --username and --password-file, or name the --config of a bridge with ChargePoint devices",
      EXIT.configuration,
    );
  return accounts.map((account) => ({
    key: accountKey(account),
    label: `account ${account.username.slice(0, 8)}… at ${account.endpoint}`,
    client: new ChargePointClient({ ...account, log: calling.log, onCall: calling.onCall }),
  }));
}

/** Tells accounts apart for good, in tables and messages, without telling the licence key. */
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
