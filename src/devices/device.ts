import type { DriverDevice } from "../drivers/driver.ts";
import type { DeviceInfo } from "../points/index.ts";

/** A device that the bridge runs. */
export interface Device {
  readonly info: DeviceInfo;
  readonly driver: DriverDevice;
  /** Milliseconds by which its scrapes follow the aligned time. */
  readonly offsetMs: number;
  /**
   * `virtual`: the point is ours and toggles with every scrape. `written`: the point is the device's and is written
   * 1, 0, 1, 0, … every `heartbeat_interval`.
   */
  readonly heartbeat?: { readonly kind: "virtual" | "written"; readonly point: string };
}
