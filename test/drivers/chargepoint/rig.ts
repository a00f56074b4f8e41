import { readFileSync } from "node:fs";
import type { ChargePointConfig } from "../../../src/drivers/chargepoint/config.ts";
import { chargepoint } from "../../../src/drivers/chargepoint/index.ts";
import type { DriverDevice, DriverService } from "../../../src/drivers/driver.ts";
import { createLog } from "../../../src/log.ts";
import type { PointValue } from "../../../src/points/index.ts";
import { parseRegistry } from "../../../src/registry/index.ts";
import {
  type Simulator,
  type SimulatorOptions,
  SteppedClock,
  startSimulator,
} from "../../../src/simulator/index.ts";

const fullRegistry = new URL("../../../registry/chargepoint.csv", import.meta.url);

export interface Rig {
  readonly simulator: Simulator;
  readonly clock: SteppedClock;
  readonly stationID: string;
  readonly device: DriverDevice;
  readonly service: DriverService<ChargePointConfig>;
  readonly state: Map<string, PointValue>;
  readonly notices: string[];
  readonly logLines: string[];
  /** Names of the operations called since the last question. */
  called(): string[];
  /** A device of the same account; what it remembers is on the same disk. */
  another(config?: Partial<ChargePointConfig>, registry?: string): DriverDevice;
  close(): Promise<void>;
}

export interface RigOptions {
  readonly simulator?: SimulatorOptions;
  readonly config?: Partial<ChargePointConfig>;
  /** Text of the registry CSV; default: the shipped one with every attribute. */
  readonly registry?: string;
}

/** One two-port station of a quiet simulated network, as a device. */
export async function openRig(options: RigOptions = {}): Promise<Rig> {
  const clock = new SteppedClock();
  const simulator = await startSimulator({
    stations: 3,
    traffic: false,
    incidents: false,
    clock,
    ...options.simulator,
  });
  const state = new Map<string, PointValue>();
  const notices: string[] = [];
  const logLines: string[] = [];
  const service = chargepoint.open({
    log: createLog({ level: "debug", write: (line) => void logLines.push(line) }),
    state: {
      get: (key) => state.get(key) ?? null,
      set: (key, value) => void (value === null ? state.delete(key) : state.set(key, value)),
    },
    notice: (severity, kind, text) => void notices.push(`${severity} ${kind}: ${text}`),
  }) as DriverService<ChargePointConfig>;
  const stationID = simulator.stationIDs[0]!;
  const { endpoint, username, password } = simulator;
  const another = (config: Partial<ChargePointConfig> = {}, registry = options.registry): DriverDevice => {
    const { rows } = parseRegistry(
      registry === undefined ? readFileSync(fullRegistry) : Buffer.from(registry),
      "test.csv",
    );
    return service.createDevice({
      path: "site/s1",
      rows,
      intervalSeconds: 60,
      config: {
        stationID,
        username,
        password,
        endpoint,
        region: "NA",
        cacheExpiration: 0,
        shed_lease_minutes: 60,
        shed_mode_change: "clear_first",
        ...options.config,
        ...config,
      },
    });
  };
  let seen = 0;
  return {
    simulator,
    clock,
    stationID,
    device: another(),
    service,
    state,
    notices,
    logLines,
    called() {
      const names = simulator.calls.slice(seen).map((call) => call.operation);
      seen = simulator.calls.length;
      return names;
    },
    another,
    async close() {
      await service.close();
      await simulator.close();
    },
  };
}
