import type { ActuatorSettings, DeviceSettings, DriverSettings } from "../../src/config/index.ts";
import type { Point } from "../../src/points/index.ts";
import type { RegistryRow } from "../../src/registry/row.ts";

export type RowSpec = Partial<Point> &
  Pick<Point, "name"> & { attribute: string; register?: string; port?: string };

/** Registry rows as the reader makes them, from what matters to a test. Lines count from 2, as below a header. */
export function registryRows(specs: readonly RowSpec[], file = "/registry/test.csv"): RegistryRow[] {
  return specs.map(({ attribute, register = "FakeRegister", port, ...point }, index) => ({
    point: {
      type: "float",
      units: "",
      writable: false,
      publish: "always",
      notes: "",
      extra: {},
      ...point,
    },
    attribute,
    register,
    ...(port !== undefined && { port }),
    file,
    line: index + 2,
    fault: (header, fault) => ({ ...fault, file, line: index + 2, column: 1, path: header }),
  }));
}

export function deviceSettings(settings: Partial<DeviceSettings> & { path: string }): DeviceSettings {
  return {
    file: `/configs/devices/${settings.path}.json`,
    driverType: "fake",
    driverConfig: { latency_ms: 0, fail: [], lease_seconds: 0 },
    registryFile: "/registry/test.csv",
    intervalSeconds: 60,
    timezone: "UTC",
    group: 0,
    publish: {},
    ...settings,
  };
}

export const driverSettings: DriverSettings = {
  driverScrapeIntervalSeconds: 0.02,
  groupOffsetIntervalSeconds: 0,
  publish: { depthFirstAll: true, breadthFirstAll: false, depthFirst: false, breadthFirst: false },
  writeStartingValues: false,
  heartbeatIntervalSeconds: 60,
};

export const actuatorSettings: ActuatorSettings = {
  requireSchedule: false,
  schedulePublishIntervalSeconds: 30,
  preemptGraceTimeSeconds: 60,
  confirmTimeoutSeconds: 60,
  renewal: "if_in_force",
  acceptedAfterSeconds: 5,
  writesPerMinute: 60,
  maxCommandAgeSeconds: 60,
  requester: "message",
};
