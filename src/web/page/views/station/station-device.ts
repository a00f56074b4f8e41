import { useEffect } from "preact/hooks";
import type { CommandView, DeviceDetails, DeviceView } from "../../../schemas.ts";
import { api, apiPath } from "../../state/api.ts";
import { onLive } from "../../state/live.ts";
import { type Loaded, useLoaded } from "../../state/loaded.ts";

/** Wait for further events before the device is loaded again, in milliseconds. */
const GATHER = 300;

/** Loads a device with its points, and again whenever it was read or written. */
export function useDevice(path: string): Loaded<DeviceDetails> {
  const loaded = useLoaded((signal) => api.get<DeviceDetails>(apiPath`devices/${path}`, { signal }), [path]);
  const { reload } = loaded;
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const soon = (): void => {
      timer ??= setTimeout(() => {
        timer = undefined;
        reload();
      }, GATHER);
    };
    const ends = [
      onLive<readonly DeviceView[]>("devices", (views) => {
        if (views.some(({ device }) => device === path)) soon();
      }),
      onLive<readonly { devices: readonly string[] }[]>("read", (reads) => {
        if (reads.some(({ devices }) => devices.includes(path))) soon();
      }),
      onLive<readonly string[]>("gone", (paths) => {
        if (paths.includes(path)) soon();
      }),
      onLive<CommandView>("write", ({ device }) => {
        if (device === path) soon();
      }),
      onLive("reset", soon),
    ];
    return () => {
      clearTimeout(timer);
      for (const end of ends) end();
    };
  }, [path, reload]);
  return loaded;
}
