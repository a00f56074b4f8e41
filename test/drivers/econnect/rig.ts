import type { AbleDevice, AbleService } from "../../../src/drivers/abilities.ts";
import type { DriverContext } from "../../../src/drivers/driver.ts";
import type { EconnectConfig } from "../../../src/drivers/econnect/config.ts";
import { econnect } from "../../../src/drivers/econnect/index.ts";
import { createLog } from "../../../src/log/log.ts";
import type { ServiceCall } from "../../../src/points/index.ts";
import type { EconnectSimulator } from "../../../src/simulator/econnect/simulator.ts";
import { type RowSpec, registryRows } from "../../devices/rows.ts";
import { outagesAsLines } from "../../helpers/outages.ts";

/** An open econnect driver connected to a simulator, and its log. */
export interface EconnectRig {
  readonly service: AbleService;
  readonly notices: string[];
  readonly log: string[];
  /** What the driver reported of its requests. */
  readonly reported: Omit<ServiceCall, "driverType">[];
  device(station: string, specs: readonly RowSpec[], config?: Partial<EconnectConfig>): AbleDevice;
  config(more?: Partial<EconnectConfig>): EconnectConfig;
}

export function openEconnect(simulator: EconnectSimulator): EconnectRig {
  const notices: string[] = [];
  const log: string[] = [];
  const reported: EconnectRig["reported"] = [];
  const context: DriverContext = {
    log: createLog({ write: (line) => log.push(line) }),
    state: { get: () => null, set: () => undefined },
    notice: (severity, kind, text) => void notices.push(`${severity} ${kind}: ${text}`),
    outages: outagesAsLines(notices),
    called: (call) => void reported.push(call),
  };
  const service = econnect.open(context);
  const config = (more: Partial<EconnectConfig> = {}): EconnectConfig => ({
    endpoint: simulator.endpoint,
    business_partner: simulator.businessPartner,
    username: simulator.username,
    password: simulator.password,
    station: simulator.stations[0]!.id,
    station_key: "id",
    nameplate_interval: 900,
    ...more,
  });
  return {
    service: service as AbleService,
    notices,
    log,
    reported,
    config,
    device: (station, specs, more) =>
      service.createDevice({
        path: `cpo/${station}`,
        config: config({ station, ...more }),
        rows: registryRows(
          specs.map((spec) => ({ register: "ChargingStationRegister", type: "string", ...spec })),
        ),
        intervalSeconds: 60,
      }),
  };
}
