import type { DeviceSetSettings, DeviceSettings } from "../settings.ts";

/** A device config in its own spelling, checked, with every default filled in. */
export interface DeviceFile {
  readonly driver_type: string;
  readonly driver_config: Readonly<Record<string, unknown>>;
  readonly registry_config: string;
  readonly interval: number;
  readonly timezone: string;
  readonly heart_beat_point: string | null;
  readonly group: number;
  readonly publish_depth_first_all?: boolean;
  readonly publish_breadth_first_all?: boolean;
  readonly publish_depth_first?: boolean;
  readonly publish_breadth_first?: boolean;
  readonly refresh_interval: number;
  readonly topic?: string;
  readonly campus?: string;
  readonly building?: string;
  readonly unit?: string;
  readonly path?: string;
}

export function toDeviceSettings(
  file: string,
  path: string,
  registryFile: string,
  raw: DeviceFile,
  set?: DeviceSetSettings,
): DeviceSettings {
  const publish = {
    depthFirstAll: raw.publish_depth_first_all,
    breadthFirstAll: raw.publish_breadth_first_all,
    depthFirst: raw.publish_depth_first,
    breadthFirst: raw.publish_breadth_first,
  };
  return {
    file,
    path,
    driverType: raw.driver_type,
    driverConfig: raw.driver_config,
    registryFile,
    intervalSeconds: raw.interval,
    timezone: raw.timezone || "UTC",
    ...(raw.heart_beat_point ? { heartbeatPoint: raw.heart_beat_point } : {}),
    group: raw.group,
    publish: Object.fromEntries(Object.entries(publish).filter(([, given]) => given !== undefined)),
    ...(set && { set }),
  };
}
