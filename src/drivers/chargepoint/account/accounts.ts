import { createHash } from "node:crypto";
import type { AccountState, DriverAccount } from "../../abilities.ts";
import { AccountPool, type Pooled } from "../../account-pool.ts";
import type { DriverContext } from "../../driver.ts";
import { type CallRecord, ChargePointClient } from "../api/client.ts";
import { Account } from "./account.ts";

export interface AccountSettings {
  readonly endpoint: string;
  /** Region name or endpoint, for messages. */
  readonly place: string;
  readonly username: string;
  readonly password: string;
  /** Key of the account's stored state; holds no secret. */
  readonly stateKey: string;
  readonly callsInFlight: number;
  readonly callsPerMinute: number;
}

/** The accounts of a bridge: devices with the same endpoint and user name share one. */
export class Accounts {
  readonly #context: DriverContext;
  readonly #pool: AccountPool<Account, AccountSettings>;
  readonly #warned = new Set<string>();
  #calls = 0;
  #errors = 0;

  constructor(context: DriverContext) {
    this.#context = context;
    const { log, notice, outages, state } = context;
    this.#pool = new AccountPool((label, settings) => {
      const { endpoint, username, password } = settings;
      const onCall = (call: CallRecord) => this.#count(label, call);
      const client = new ChargePointClient({ endpoint, username, password, log, retries: 1, onCall });
      return new Account({ label, client, log, notice, outages, state, ...settings });
    });
  }

  /** Returns the account of these settings. Throws where two devices give different passwords for one account. */
  get(settings: AccountSettings): Pooled<Account, AccountSettings> {
    const label = labelOf(settings);
    const pooled = this.#pool.get(`${settings.endpoint} ${settings.username}`, label, settings);
    this.#compareLimits(label, pooled.settings, settings);
    return pooled;
  }

  /** Limits are shared by the account, so those of its first device apply; differences are reported. */
  #compareLimits(label: string, first: AccountSettings, other: AccountSettings): void {
    const warned = this.#warned.has(label);
    for (const [name, one, two] of [
      ["calls_in_flight", first.callsInFlight, other.callsInFlight],
      ["calls_per_minute", first.callsPerMinute, other.callsPerMinute],
    ] as const) {
      if (one === two || warned) continue;
      this.#warned.add(label);
      this.#context.log.warn(
        `account ${label}: device configs set ${name} to ${one} and ${two}; ${one}, set by the first device, applies. Use the same value for all devices of the account`,
      );
    }
  }

  /** Returns the accounts for readers other than the devices. */
  list(): DriverAccount[] {
    return this.#pool.inUse().map(({ account, settings }) => ({
      key: createHash("sha256")
        .update(`${settings.endpoint} ${settings.username}`)
        .digest("hex")
        .slice(0, 16),
      label: account.label,
      client: account.calls,
    }));
  }

  /** Counts the calls sent, retries included, and how many of them failed. */
  counters(): { calls: number; errors: number } {
    return { calls: this.#calls, errors: this.#errors };
  }

  states(): AccountState[] {
    return this.#pool
      .inUse()
      .map(({ account: { label, isPaused, isUsedUp } }) => ({ label, isPaused, isUsedUp }));
  }

  #count(account: string, { operation, outcome, tookMs }: CallRecord): void {
    const isError = outcome !== "success" && outcome !== "empty" && outcome !== "aborted";
    this.#calls += 1;
    if (isError) this.#errors += 1;
    this.#context.called?.({ account, operation, outcome, isError, seconds: tookMs / 1000 });
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Returns the account's name for messages. */
export function labelOf({ username, place }: Pick<AccountSettings, "username" | "place">): string {
  return `${shorten(username)} at ${place}`;
}

/** Shortens a licence key, which is long and half a secret, to what distinguishes accounts. */
function shorten(username: string): string {
  return username.length > 12 ? `${username.slice(0, 8)}…` : `${username.slice(0, 2)}…`;
}
