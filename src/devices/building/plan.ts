import type { AbleType } from "../../drivers/abilities.ts";
import type { DeviceInit } from "../../drivers/driver.ts";
import { driverTypes } from "../../drivers/index.ts";
import type { AccountPlan } from "../../drivers/plan.ts";
import { type LoadedDevice, rowChecker } from "./build.ts";

/**
 * The calls of each account that the devices make; sets are left out, for only the service knows their members.
 * `stationsPerGroup`: stations in each of an account's groups, presumed. Pure.
 */
export function planAccounts(loaded: readonly LoadedDevice[], stationsPerGroup: number): AccountPlan[] {
  const initOf = deviceInits();
  const single = loaded.filter(({ settings }) => settings.set === undefined);
  return Object.values(driverTypes).flatMap((type) => {
    const own = single.filter(({ settings }) => settings.driverType === type.name);
    if (own.length === 0) return [];
    return (
      type.plan?.(
        own.map((one) => initOf(type, one)),
        { stationsPerGroup },
      ) ?? []
    );
  });
}

/** Makes what a driver type plans with, with its sound rows only. */
export function deviceInits(): (type: AbleType, loaded: LoadedDevice) => DeviceInit {
  const soundRows = rowChecker([]);
  return (type, { settings: { path, driverConfig: config, intervalSeconds }, rows }) => ({
    ...{ path, config, intervalSeconds },
    rows: soundRows(type, rows),
  });
}
