import type { AbleDevice, AbleService } from "../../../../src/drivers/abilities.ts";
import type { ChargePointConfig } from "../../../../src/drivers/chargepoint/config.ts";
import { chargepoint } from "../../../../src/drivers/chargepoint/index.ts";
import { createLog } from "../../../../src/log/log.ts";
import type { PointValue } from "../../../../src/points/index.ts";
import { parseRegistry } from "../../../../src/registry/index.ts";
import { type Simulator, type SimulatorOptions, startSimulator } from "../../../../src/simulator/index.ts";
import { outagesAsLines } from "../../../helpers/outages.ts";

const HEADER = "Volttron Point Name,Attribute Name,Register Name,Port #,Type,Starting Value,Writable\n";

/** One row of every register class. */
export const ALL_KINDS = `${HEADER}model,stationModel,StationRegister,,string,,
network,networkStatus,StationStatusRegister,,string,,
load,stationLoad,LoadRegister,,float,,
limit,allowedLoad,LoadRegister,,float,,TRUE
alarm,alarmType,AlarmRegister,,string,,
clear,clearAlarms,AlarmRegister,,int,,TRUE
rights,stationRightsProfile,StationRightsRegister,,dictionary,,
session,sessionID,ChargingSessionRegister,,string,,
`;

export interface Fleet {
  readonly simulator: Simulator;
  readonly service: AbleService<ChargePointConfig>;
  readonly devices: readonly AbleDevice[];
  readonly logLines: readonly string[];
  device(stationID: string, config?: Partial<ChargePointConfig>): AbleDevice;
  /** Calls since the last question, counted by operation. */
  called(): Record<string, number>;
  /** Scrapes every device at once. */
  round(): Promise<Awaited<ReturnType<AbleDevice["scrapeAll"]>>[]>;
  close(): Promise<void>;
}

/** Stations of a quiet simulated network as devices of one account. */
export async function openFleet(
  stations: number,
  options: { simulator?: SimulatorOptions; config?: Partial<ChargePointConfig>; registry?: string } = {},
): Promise<Fleet> {
  const simulator = await startSimulator({
    stations,
    traffic: false,
    incidents: false,
    ...options.simulator,
  });
  const state = new Map<string, PointValue>();
  const logLines: string[] = [];
  const service = chargepoint.open({
    log: createLog({ level: "debug", write: (line) => void logLines.push(line) }),
    state: {
      get: (key) => state.get(key) ?? null,
      set: (key, value) => void (value === null ? state.delete(key) : state.set(key, value)),
    },
    notice: (severity, kind, text) => void logLines.push(`${severity} ${kind}: ${text}`),
    outages: outagesAsLines(logLines),
  }) as AbleService<ChargePointConfig>;
  const { endpoint, username, password } = simulator;
  const { rows } = parseRegistry(Buffer.from(options.registry ?? ALL_KINDS), "fleet.csv");
  const device = (stationID: string, config: Partial<ChargePointConfig> = {}) =>
    service.createDevice({
      path: `site/${stationID}`,
      rows,
      intervalSeconds: 60,
      config: {
        ...{ stationID, username, password, endpoint, region: "NA", cacheExpiration: 0 },
        ...{ shed_lease_minutes: 60, shed_mode_change: "clear_first" },
        ...options.config,
        ...config,
      },
    });
  const devices = simulator.stationIDs.slice(0, stations).map((id) => device(id));
  let seen = 0;
  return {
    simulator,
    service,
    devices,
    logLines,
    device,
    called() {
      const names = simulator.calls.slice(seen).map((call) => call.operation);
      seen = simulator.calls.length;
      const counts: Record<string, number> = {};
      for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
      return counts;
    },
    round: () => Promise.all(devices.map((one) => one.scrapeAll(AbortSignal.timeout(30_000)))),
    async close() {
      await service.close();
      await simulator.close();
    },
  };
}
