import { createHash } from "node:crypto";
import type { DriverAccount } from "../../abilities.ts";
import type { DriverContext } from "../../driver.ts";
import { type CallRecord, ChargePointClient } from "../api/client.ts";
import { Account } from "./account.ts";

export interface AccountSettings {
  readonly endpoint: string;
  /** Region word or endpoint, for messages. */
  readonly place: string;
  readonly username: string;
  readonly password: string;
  /** What the account's state is stored under; holds no secret. */
  readonly stateKey: string;
  readonly callsInFlight: number;
  readonly callsPerMinute: number;
}

interface Open {
  readonly account: Account;
  readonly settings: AccountSettings;
}

/** The accounts of a bridge: devices with the same endpoint and user name share one. */
export class Accounts {
  readonly #context: DriverContext;
  readonly #accounts = new Map<string, Open>();
  readonly #warned = new Set<string>();
  #calls = 0;
  #errors = 0;

  constructor(context: DriverContext) {
    this.#context = context;
  }

  /** Throws where two devices give different passwords for one account: one of them must be wrong. */
  get(settings: AccountSettings): Account {
    const key = `${settings.endpoint} ${settings.username}`;
    const label = labelOf(settings);
    const known = this.#accounts.get(key);
    if (known && known.settings.password !== settings.password) {
      throw new Error(
        `account ${label} has another password in an earlier device config; give all its devices the same`,
      );
    }
    if (known) {
      this.#compareLimits(label, known.settings, settings);
      return known.account;
    }
    const { log, notice, state } = this.#context;
    const { endpoint, username, password } = settings;
    const client = new ChargePointClient({
      endpoint,
      username,
      password,
      log,
      retries: 1,
      onCall: (call) => this.#count(call),
    });
    const account = new Account({ label, client, log, notice, state, ...settings });
    this.#accounts.set(key, { account, settings });
    return account;
  }

  /** What the account shares cannot be two things: the first device decides. */
  #compareLimits(label: string, first: AccountSettings, other: AccountSettings): void {
    const warned = this.#warned.has(label);
    for (const [name, one, two] of [
      ["calls_in_flight", first.callsInFlight, other.callsInFlight],
      ["calls_per_minute", first.callsPerMinute, other.callsPerMinute],
    ] as const) {
      if (one === two || warned) continue;
      this.#warned.add(label);
      this.#context.log.warn(
        `account ${label}: device configs give ${name} ${one} and ${two}; ${one}, that of the first device, holds. Give all devices of the account the same`,
      );
    }
  }

  /** As they are known to readers beside the devices. */
  list(): DriverAccount[] {
    return [...this.#accounts.values()].map(({ account, settings }) => ({
      key: createHash("sha256")
        .update(`${settings.endpoint} ${settings.username}`)
        .digest("hex")
        .slice(0, 16),
      label: account.label,
      client: account.calls,
    }));
  }

  /** Calls sent, retries included, and how many of them failed. */
  counters(): { calls: number; errors: number } {
    return { calls: this.#calls, errors: this.#errors };
  }

  #count({ outcome }: CallRecord): void {
    this.#calls += 1;
    if (outcome !== "success" && outcome !== "empty" && outcome !== "aborted") this.#errors += 1;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#accounts.values()].map(({ account }) => account.close()));
  }
}

/** Names an account in messages. */
export function labelOf({ username, place }: Pick<AccountSettings, "username" | "place">): string {
  return `${shorten(username)} at ${place}`;
}

/** Licence keys are long and half a secret: enough of one to tell accounts apart. */
function shorten(username: string): string {
  return username.length > 12 ? `${username.slice(0, 8)}…` : `${username.slice(0, 2)}…`;
}
