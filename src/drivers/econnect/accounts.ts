import type { DriverContext } from "../driver.ts";
import { Account } from "./account.ts";
import { EconnectClient } from "./api/index.ts";
import { shorten } from "./api/judge.ts";
import type { EconnectConfig } from "./config.ts";

type AccountConfig = Pick<EconnectConfig, "endpoint" | "business_partner" | "username" | "password">;

/** The accounts of a bridge: devices with the same endpoint, business partner and user share one. */
export class Accounts {
  readonly #context: DriverContext;
  readonly #accounts = new Map<string, { readonly account: Account; readonly password: string }>();
  #calls = 0;
  #errors = 0;

  constructor(context: DriverContext) {
    this.#context = context;
  }

  /** @throws Error where two devices give different passwords for one account: one of them must be wrong */
  get(config: AccountConfig): Account {
    const key = keyOf(config);
    const label = labelOf(config);
    const { endpoint, business_partner: businessPartner, username, password } = config;
    const known = this.#accounts.get(key);
    if (known && known.password !== password) {
      throw new Error(
        `account ${label} has another password in an earlier device config; give all its devices the same`,
      );
    }
    if (known) return known.account;
    const { log, notice } = this.#context;
    const onCall = (error: unknown) => {
      this.#calls += 1;
      if (error !== undefined) this.#errors += 1;
    };
    const client = new EconnectClient({ endpoint, businessPartner, username, password, log, onCall });
    const account = new Account({ label, client, notice });
    this.#accounts.set(key, { account, password });
    return account;
  }

  /** Requests sent, retries included, and how many of them failed. */
  counters(): { calls: number; errors: number } {
    return { calls: this.#calls, errors: this.#errors };
  }

  async close(): Promise<void> {
    await Promise.all([...this.#accounts.values()].map(({ account }) => account.close()));
  }
}

/** What tells accounts apart. */
export function keyOf({ endpoint, business_partner, username }: Omit<AccountConfig, "password">): string {
  return JSON.stringify([endpoint, business_partner, username]);
}

/** Names an account in messages. */
export function labelOf({ endpoint, business_partner, username }: Omit<AccountConfig, "password">): string {
  return `${shorten(username)} of business partner ${business_partner} at ${endpoint}`;
}
