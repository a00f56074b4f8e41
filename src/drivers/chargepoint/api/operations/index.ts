import { clearAlarms } from "./clear-alarms.ts";
import { clearShedState } from "./clear-shed-state.ts";
import { getAlarms } from "./get-alarms.ts";
import { getChargingSessionData } from "./get-charging-session-data.ts";
import { getCPNInstances } from "./get-cpn-instances.ts";
import { getLoad } from "./get-load.ts";
import { getStationRights } from "./get-station-rights.ts";
import { getStationStatus } from "./get-station-status.ts";
import { getStations } from "./get-stations.ts";
import { shedLoad } from "./shed-load.ts";

/** THE LIST of operations, by their names on the wire. */
export const operations = {
  getCPNInstances,
  shedLoad,
  clearShedState,
  getLoad,
  getChargingSessionData,
  getStations,
  getStationStatus,
  getStationRights,
  getAlarms,
  clearAlarms,
} as const;
