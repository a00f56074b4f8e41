import type { LoadedDevice } from "../../devices/index.ts";
import type { EconnectOptions } from "../../drivers/econnect/api/index.ts";
import { type AccountFlags, readPassword } from "../api/account.ts";
import { loadAll } from "../setup/load.ts";
import { CommandError, EXIT } from "../terminal/command-error.ts";
import type { Terminal } from "../terminal/terminal.ts";

export interface EconnectFlags extends AccountFlags {
  readonly businessPartner?: string;
  readonly config?: string;
}

type Account = Pick<EconnectOptions, "businessPartner" | "username" | "password"> & {
  readonly endpoint?: string;
};

/**
 * Returns the account of flags or environment, else those of the bridge's eConnect devices.
 * @throws CommandError when there are none
 */
export async function econnectAccounts(flags: EconnectFlags, { env, secrets }: Terminal): Promise<Account[]> {
  const username = flags.username ?? env.ECONNECT_USERNAME;
  const accounts = username
    ? [ofFlags({ ...flags, username }, env)]
    : ofDevices((await loadAll({ config: flags.config, secrets, env })).devices);
  if (accounts.length === 0)
    throw new CommandError(
      "no eConnect account: set ECONNECT_USERNAME, ECONNECT_PASSWORD and ECONNECT_BUSINESS_PARTNER, or pass --username, --password-file and --business-partner, or the --config of a bridge with eConnect devices",
      EXIT.configuration,
    );
  for (const { password } of accounts) secrets.add(password);
  return accounts;
}

function ofFlags(flags: EconnectFlags & { readonly username: string }, env: Terminal["env"]): Account {
  const { username, passwordFile } = flags;
  const password = passwordFile === undefined ? env.ECONNECT_PASSWORD : readPassword(passwordFile);
  const businessPartner = flags.businessPartner ?? env.ECONNECT_BUSINESS_PARTNER;
  if (!password)
    throw new CommandError(
      "no eConnect password: set ECONNECT_PASSWORD or pass --password-file",
      EXIT.configuration,
    );
  if (!businessPartner)
    throw new CommandError(
      "no business partner: set ECONNECT_BUSINESS_PARTNER or pass --business-partner",
      EXIT.configuration,
    );
  const endpoint = flags.endpoint ?? env.ECONNECT_ENDPOINT;
  return { username, password, businessPartner, ...(endpoint !== undefined && { endpoint }) };
}

function ofDevices(devices: readonly LoadedDevice[]): Account[] {
  const accounts = devices.flatMap(({ settings }) => {
    if (settings.driverType !== "econnect") return [];
    const { endpoint, business_partner, username, password } = settings.driverConfig as Record<
      string,
      string
    >;
    return {
      endpoint: endpoint!,
      businessPartner: business_partner!,
      username: username!,
      password: password!,
    };
  });
  const keyOf = ({ endpoint, businessPartner, username }: Account) =>
    JSON.stringify([endpoint, businessPartner, username]);
  return [...new Map(accounts.map((account) => [keyOf(account), account])).values()];
}
