import type { AccountState } from "../abilities.ts";
import { AccountPool, type Pooled } from "../account-pool.ts";
import type { DeviceInit, DriverContext } from "../driver.ts";
import type { AccountPlan } from "../plan.ts";
import { Account } from "./account.ts";
import { PAGE_SIZE } from "./api/client.ts";
import { EconnectClient, type EconnectError } from "./api/index.ts";
import { shorten } from "./api/judge.ts";
import { OPERATION } from "./check-rows.ts";
import type { EconnectConfig } from "./config.ts";

type AccountConfig = Pick<EconnectConfig, "endpoint" | "business_partner" | "username" | "password">;

/** The accounts of a bridge: devices with the same endpoint, business partner and user share one. */
export class Accounts {
  readonly #pool: AccountPool<Account, AccountConfig>;
  #calls = 0;
  #errors = 0;

  constructor({ log, outages, called }: DriverContext) {
    this.#pool = new AccountPool((label, config) => {
      const onCall = (error: EconnectError | undefined, tookMs: number) => {
        const isError = error !== undefined;
        this.#calls += 1;
        if (isError) this.#errors += 1;
        const outcome = error?.fault ?? "success";
        called?.({ account: label, operation: OPERATION, outcome, isError, seconds: tookMs / 1000 });
      };
      const { endpoint, business_partner: businessPartner, username, password } = config;
      const client = new EconnectClient({ endpoint, businessPartner, username, password, log, onCall });
      return new Account({ label, client, outages });
    });
  }

  /** Returns the account of a config. Throws where two devices give different passwords for one account. */
  get(config: AccountConfig): Pooled<Account, AccountConfig> {
    return this.#pool.get(keyOf(config), labelOf(config), config);
  }

  /** Counts the requests sent, retries included, and how many of them failed. */
  counters(): { calls: number; errors: number } {
    return { calls: this.#calls, errors: this.#errors };
  }

  states(): AccountState[] {
    return this.#pool.inUse().map(({ account: { label, isPaused } }) => ({ label, isPaused }));
  }

  close(): Promise<void> {
    return this.#pool.close();
  }
}

/** Returns what distinguishes accounts. */
export function keyOf({ endpoint, business_partner, username }: Omit<AccountConfig, "password">): string {
  return JSON.stringify([endpoint, business_partner, username]);
}

/** Returns the account's name for messages. */
export function labelOf({ endpoint, business_partner, username }: Omit<AccountConfig, "password">): string {
  return `${shorten(username)} of business partner ${business_partner} at ${endpoint}`;
}

/** Maximum age of what a scrape reads, in seconds. Devices with the same interval share a walk, whatever their slots in it. */
export function maxAgeSeconds({ config, intervalSeconds }: DeviceInit<EconnectConfig>): number {
  return Math.max(config.nameplate_interval, intervalSeconds / 2);
}

/** Plans one walk over the pages for all devices of an account, at the shortest interval that any of them asks for. */
export function planDevices(devices: readonly DeviceInit<EconnectConfig>[]): AccountPlan[] {
  const accounts = Map.groupBy(devices, ({ config }) => keyOf(config));
  return [...accounts.values()].map((members) => {
    const stations = new Set(members.map(({ config }) => config.station)).size;
    const every = members.map(
      (device) =>
        device.intervalSeconds * Math.max(1, Math.ceil(maxAgeSeconds(device) / device.intervalSeconds)),
    );
    return {
      account: labelOf(members[0]!.config),
      stations,
      calls: [
        {
          operation: OPERATION,
          everySeconds: Math.min(...every),
          // The walk ends with an empty page.
          calls: Math.ceil(stations / PAGE_SIZE) + 1,
          onePerStationPerMinute: members.reduce((sum, { intervalSeconds }) => sum + 60 / intervalSeconds, 0),
          rows: [...new Set(members.flatMap(({ rows }) => rows))],
          assumes: "no other stations",
        },
      ],
    };
  });
}
