/**
 * eConnect charging stations: a scrape takes a station's fields from a walk over its account's stations (Masterdata API, in
 * `api/`), shared by all devices of the account, and publishes them as points. Nothing is written.
 */

import type {
  AbleType,
  AccountState,
  Counts,
  FindsMembers,
  ReportsAccounts,
  SetMember,
  TestsAccounts,
} from "../abilities.ts";
import type { DeviceInit, DriverContext, DriverDevice, DriverService } from "../driver.ts";
import { Accounts, keyOf, labelOf, maxAgeSeconds, planDevices } from "./accounts.ts";
import { EconnectClient, EconnectError } from "./api/index.ts";
import { checkRows, listFields, originOf } from "./check-rows.ts";
import { configSchema, type EconnectConfig } from "./config.ts";
import { EconnectStation } from "./device.ts";
import { membersOf } from "./stations.ts";

/** Reads the first page of the account's stations. */
const testAccount: TestsAccounts<EconnectConfig>["testAccount"] = async ([device], found, signal) => {
  const { endpoint, business_partner: businessPartner, username, password } = device!.config;
  const client = new EconnectClient({ endpoint, businessPartner, username, password, retries: 0 });
  try {
    const { done } = await client.stations(signal).next();
    if (done)
      found({
        outcome: "warning",
        text: "the user is accepted, and the business partner has no stations",
        remedy: "check business_partner",
      });
    else found({ outcome: "ok", text: "the user is accepted, and stations can be read; 1 call" });
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof EconnectError)) throw error;
    found({ outcome: "failed", text: error.message });
  } finally {
    await client.close();
  }
};

export const econnect: AbleType<EconnectConfig> = {
  name: "econnect",
  configSchema,
  checkRows,
  attributes: listFields,
  originOf,
  open: (context) => new EconnectDriver(context),
  plan: planDevices,
  accountOf: (config) => ({ key: keyOf(config), label: labelOf(config) }),
  serviceOf: ({ endpoint }) => endpoint,
  testAccount,
};

class EconnectDriver
  implements DriverService<EconnectConfig>, FindsMembers<EconnectConfig>, Counts, ReportsAccounts
{
  readonly #context: DriverContext;
  readonly #accounts: Accounts;

  constructor(context: DriverContext) {
    this.#context = context;
    this.#accounts = new Accounts(context);
  }

  createDevice(init: DeviceInit<EconnectConfig>): DriverDevice {
    const { path, rows, config } = init;
    const { account, use } = this.#accounts.get(config);
    return new EconnectStation({
      path,
      rows,
      account,
      leaveAccount: use(),
      station: config.station,
      stationKey: config.station_key,
      maxAgeSeconds: maxAgeSeconds(init),
      log: this.#context.log,
    });
  }

  async findMembers(config: EconnectConfig, signal: AbortSignal): Promise<SetMember[]> {
    const stations = await this.#accounts.get(config).account.read(config.nameplate_interval, signal);
    return membersOf(stations, config);
  }

  accountStates(): readonly AccountState[] {
    return this.#accounts.states();
  }

  counters(): Readonly<Record<string, number>> {
    return this.#accounts.counters();
  }

  async close(): Promise<void> {
    await this.#accounts.close();
  }
}
