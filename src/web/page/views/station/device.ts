import type { DeviceDetails } from "../../../schemas.ts";
import { api, apiPath } from "../../state/requests/api.ts";
import { type Loaded, useFollowed, useLoaded } from "../../state/requests/loaded.ts";

/** Loads a device with its points, and again whenever it was read or written. */
export function useDevice(device: string): Loaded<DeviceDetails> {
  const loaded = useLoaded(
    (signal) => api.get<DeviceDetails>(apiPath`devices/${device}`, { signal }),
    [device],
  );
  return useFollowed(loaded, { events: ["devices", "read", "gone", "write"], device });
}
