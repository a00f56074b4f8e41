import type { PublishViews, StorePolicy } from "../../points/index.ts";
import type { SettingsOf } from "../schema/settings-of.ts";
import type { DEVICE } from "./device-schema.ts";

/** A device config checked and named as in the code. */
export type DeviceFile = SettingsOf<typeof DEVICE>;

/** A device config, checked; `driverConfig` is checked against the schema of its driver type too. */
export interface DeviceSettings
  extends Pick<DeviceFile, "driverType" | "driverConfig" | "intervalSeconds" | "timezone" | "group"> {
  readonly file: string;
  /** Topic path, or the topic template of a set. */
  readonly path: string;
  /** Absolute path of the registry CSV. */
  readonly registryFile: string;
  readonly heartbeatPoint?: string;
  /** The views that the file names; the bridge's `driver` section decides on the others. */
  readonly publish: Partial<PublishViews>;
  /** When values are stored, for points whose row does not say so. */
  readonly store?: StorePolicy;
  /** Present where the config stands for a set of devices. */
  readonly set?: DeviceSetSettings;
}

export interface DeviceSetSettings {
  /** Key of `driverConfig` that describes the set. */
  readonly key: string;
  /** Key of `driverConfig` that takes its place in the config of each member. */
  readonly member: string;
  readonly placeholders: readonly string[];
  /** Seconds between lookups of the members. */
  readonly refreshSeconds: number;
}

export function toDeviceSettings(
  file: string,
  path: string,
  registryFile: string,
  settings: DeviceFile,
  set?: DeviceSetSettings,
): DeviceSettings {
  const { driverType, driverConfig, intervalSeconds, timezone, group, heartBeatPoint } = settings;
  const publish = {
    depthFirstAll: settings.publishDepthFirstAll,
    breadthFirstAll: settings.publishBreadthFirstAll,
    depthFirst: settings.publishDepthFirst,
    breadthFirst: settings.publishBreadthFirst,
  };
  return {
    file,
    path,
    driverType,
    driverConfig,
    registryFile,
    intervalSeconds,
    timezone: timezone || "UTC",
    heartbeatPoint: heartBeatPoint || undefined,
    group,
    publish: Object.fromEntries(Object.entries(publish).filter(([, given]) => given !== undefined)),
    ...(settings.store !== undefined && { store: settings.store }),
    set,
  };
}
