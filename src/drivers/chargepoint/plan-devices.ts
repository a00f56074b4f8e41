import type { RegistryRow } from "../../registry/row.ts";
import type { AccountPlan, DeviceInit, PlanAssumptions } from "../driver.ts";
import { labelOf } from "./account/accounts.ts";
import type { Answers } from "./account/answers.ts";
import { type PlannedStation, planCalls, presumedGroups } from "./account/plan.ts";
import { endpointFor } from "./api/endpoints.ts";
import { CALLS_PER_MINUTE, type ChargePointConfig, NAMEPLATE_INTERVAL_SECONDS } from "./config.ts";
import { registerClasses } from "./registers/index.ts";
import { kindOf } from "./registers/register.ts";

/** The calls of every account that the devices belong to. */
export function planDevices(
  devices: readonly DeviceInit<ChargePointConfig>[],
  { stationsPerGroup }: PlanAssumptions,
): AccountPlan[] {
  const kindsOf = rememberedKinds();
  const accounts = Map.groupBy(devices, ({ config }) => `${endpointFor(config)} ${config.username}`);
  return [...accounts.values()].map((members) => {
    const { config } = members[0]!;
    const stations = members.map(
      (device): PlannedStation => ({
        stationID: device.config.stationID,
        intervalSeconds: device.intervalSeconds,
        cacheSeconds: device.config.cacheExpiration,
        nameplateSeconds: device.config.nameplate_interval ?? NAMEPLATE_INTERVAL_SECONDS,
        rows: kindsOf(device.rows),
      }),
    );
    const stationIDs = [...new Set(stations.map(({ stationID }) => stationID))];
    return {
      account: labelOf({ username: config.username, place: config.endpoint ?? config.region }),
      stations: stationIDs.length,
      calls: planCalls(stations, presumedGroups(stationIDs, stationsPerGroup)),
      limitPerMinute: config.calls_per_minute ?? CALLS_PER_MINUTE,
    };
  });
}

/** Rows by the kind of answer that they are read from; devices that share a registry share the result. */
function rememberedKinds() {
  const known = new Map<readonly RegistryRow[], Map<keyof Answers, RegistryRow[]>>();
  return (rows: readonly RegistryRow[]) => {
    const kinds =
      known.get(rows) ?? Map.groupBy(rows, (row) => kindOf(registerClasses[row.register]!, row.attribute));
    known.set(rows, kinds);
    return kinds;
  };
}
