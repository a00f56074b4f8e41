import type { DeviceInit } from "../driver.ts";
import type { AccountPlan } from "../plan.ts";
import { keyOf, labelOf } from "./accounts.ts";
import { PAGE_SIZE } from "./api/client.ts";
import type { EconnectConfig } from "./config.ts";

/** Age that what a scrape reads may have: devices of one interval share a walk, whatever their slots in it are. */
export function maxAgeSeconds({ config, intervalSeconds }: DeviceInit<EconnectConfig>): number {
  return Math.max(config.nameplate_interval, intervalSeconds / 2);
}

/** One walk over the pages for all devices of an account, as often as the most impatient of them wants it. */
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
          operation: "chargingstations",
          everySeconds: Math.min(...every),
          // The page after the last one tells that it was the last.
          calls: Math.ceil(stations / PAGE_SIZE) + 1,
          onePerStationPerMinute: members.reduce((sum, { intervalSeconds }) => sum + 60 / intervalSeconds, 0),
          rows: [...new Set(members.flatMap(({ rows }) => rows))],
          assumes: "no stations but these",
        },
      ],
    };
  });
}
