import type { DriverContext } from "../../driver.ts";
import { type CallRecord, ChargePointClient } from "../api/client.ts";
import { Account } from "./account.ts";

export interface AccountSettings {
  readonly endpoint: string;
  /** Region word or endpoint, for messages. */
  readonly place: string;
  readonly username: string;
  readonly password: string;
}

/** The accounts of a bridge: devices with the same endpoint and user name share one. */
export class Accounts {
  readonly #context: DriverContext;
  readonly #accounts = new Map<string, { account: Account; password: string }>();
  #calls = 0;
  #errors = 0;

  constructor(context: DriverContext) {
    this.#context = context;
  }

  /** Throws where two devices give different passwords for one account: one of them must be wrong. */
  get(settings: AccountSettings): Account {
    const key = `${settings.endpoint} ${settings.username}`;
    const label = `${shorten(settings.username)} at ${settings.place}`;
    const known = this.#accounts.get(key);
    if (known && known.password !== settings.password) {
      throw new Error(
        `account ${label} has another password in an earlier device config; give all its devices the same`,
      );
    }
    if (known) return known.account;
    const { log, notice } = this.#context;
    const client = new ChargePointClient({
      ...settings,
      log,
      retries: 1,
      onCall: (call) => this.#count(call),
    });
    const account = new Account({ label, client, log, notice });
    this.#accounts.set(key, { account, password: settings.password });
    return account;
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

/** Licence keys are long and half a secret: enough of one to tell accounts apart. */
function shorten(username: string): string {
  return username.length > 12 ? `${username.slice(0, 8)}…` : `${username.slice(0, 2)}…`;
}
