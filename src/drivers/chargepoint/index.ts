import { createHash } from "node:crypto";
import type {
  AbleDevice,
  AbleService,
  AbleType,
  AccountState,
  DriverAccount,
  SetMember,
  WritingInit,
} from "../abilities.ts";
import type { DeviceInit, DriverContext } from "../driver.ts";
import type { KnownGroups } from "../plan.ts";
import type { Account } from "./account/account.ts";
import { Accounts } from "./account/accounts.ts";
import { testAccount } from "./account-test.ts";
import { endpointFor } from "./api/endpoints.ts";
import { checkRows, noteRows } from "./check-rows.ts";
import {
  CALLS_IN_FLIGHT,
  CALLS_PER_MINUTE,
  type ChargePointConfig,
  configSchema,
  NAMEPLATE_INTERVAL_SECONDS,
} from "./config.ts";
import { NominalPower } from "./control/nominal-power.ts";
import { legacyLimits, OwnLimits } from "./control/own-limits.ts";
import { ShedControl } from "./control/shed.ts";
import { ShedCalls } from "./control/shed-calls.ts";
import { findStations, memberOf } from "./discovery/index.ts";
import { accountOf, findGroups, planDevices, stationsWithLoads } from "./planning/plan-devices.ts";
import { listAttributes, originOf } from "./registers/index.ts";
import { Station } from "./station.ts";

/**
 * ChargePoint stations through the web services, API version 5.1. A scrape takes the station's records from the account,
 * which decides on the calls that it takes, and publishes them by its registers; a set point becomes `shedLoad`,
 * `clearShedState` or `clearAlarms`, and is verified by reading back.
 */
export const chargepoint: AbleType<ChargePointConfig> = {
  name: "chargepoint",
  configSchema,
  checkRows,
  noteRows,
  open: (context) => new ChargePointService(context),
  attributes: listAttributes,
  originOf,
  plan: planDevices,
  accountOf,
  serviceOf: endpointFor,
  testAccount,
  // Without the licence key: two accounts can have rights to one station.
  identityOf: (config) => ({ network: endpointFor(config), id: config.stationID }),
};

class ChargePointService implements AbleService<ChargePointConfig> {
  readonly #context: DriverContext;
  readonly #accounts: Accounts;

  constructor(context: DriverContext) {
    this.#context = context;
    this.#accounts = new Accounts(context);
  }

  createDevice(init: WritingInit<ChargePointConfig>): AbleDevice {
    const { path, config, rows, intervalSeconds, file } = init;
    const {
      stationID,
      shed_lease_minutes: leaseMinutes,
      shed_mode_change: onModeChange,
      shed_port_clear: onPortClear = "restore_others",
      shed_idle_port: onIdlePort = "warn",
    } = config;
    const { account, stateKey, use } = this.#accountOf(config);
    const legacy = legacyLimits(this.#context.state, stateKey, stationID);
    const own = new OwnLimits(init.own, legacy, init.confirmTimeoutSeconds);
    const policy = { leaseMinutes, onModeChange, onPortClear, onIdlePort };
    const shed = new ShedControl(new ShedCalls(account, stationID), own, policy);
    return new Station({
      path,
      file,
      rows,
      stationID,
      account,
      shed,
      own,
      power: new NominalPower(account, stationID),
      leaveAccount: use(),
      leaseMinutes,
      intervalSeconds,
      maxAgeSeconds: config.cacheExpiration,
      readsAlarms: config.read_alarms ?? false,
      nameplateSeconds: config.nameplate_interval ?? NAMEPLATE_INTERVAL_SECONDS,
      log: this.#context.log,
    });
  }

  /** Walks once over the account's stations, within the account's limits. */
  async findMembers(config: ChargePointConfig, signal: AbortSignal): Promise<SetMember[]> {
    const { account } = this.#accountOf(config);
    return (await findStations(account.calls, config.stations, signal)).map(memberOf);
  }

  async findGroups(
    devices: readonly DeviceInit<ChargePointConfig>[],
    signal: AbortSignal,
  ): Promise<KnownGroups> {
    const { account } = this.#accountOf(devices[0]!.config);
    const onRefused = (err: unknown) =>
      this.#context.log.warn(
        `account ${account.label}: its station groups cannot be read, so loads are read station by station`,
        { err: err as Error },
      );
    return await findGroups(account.calls, stationsWithLoads(devices).size, { signal, onRefused });
  }

  #accountOf(config: ChargePointConfig): { account: Account; stateKey: string; use: () => () => void } {
    const { username, password } = config;
    const endpoint = endpointFor(config);
    // The key is stored and a licence key is half a secret, so its fingerprint is used.
    const fingerprint = createHash("sha256").update(username).digest("hex").slice(0, 16);
    const stateKey = `${endpoint} ${fingerprint}`;
    const { account, use } = this.#accounts.get({
      ...{ endpoint, username, password, stateKey },
      place: config.endpoint ?? config.region,
      callsInFlight: config.calls_in_flight ?? CALLS_IN_FLIGHT,
      callsPerMinute: config.calls_per_minute ?? CALLS_PER_MINUTE,
    });
    return { account, stateKey, use };
  }

  /** The accounts' clients: each offers `call` of ChargePointClient. */
  accounts(): readonly DriverAccount[] {
    return this.#accounts.list();
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
