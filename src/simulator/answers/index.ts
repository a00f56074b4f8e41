import type { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import type { AnswerTo } from "./answer.ts";
import { answerClearAlarms } from "./clear-alarms.ts";
import { answerClearShedState } from "./clear-shed-state.ts";
import { answerGetAlarms } from "./get-alarms.ts";
import { answerGetChargingSessionData } from "./get-charging-session-data.ts";
import { answerGetCPNInstances } from "./get-cpn-instances.ts";
import { answerGetLoad } from "./get-load.ts";
import { answerGetStationRights } from "./get-station-rights.ts";
import { answerGetStationStatus } from "./get-station-status.ts";
import { answerGetStations } from "./get-stations.ts";
import { answerShedLoad } from "./shed-load.ts";

/** THE LIST of answers: one for every operation that the descriptions know. */
export const answers: { readonly [Name in keyof typeof operations]: AnswerTo<(typeof operations)[Name]> } = {
  getCPNInstances: answerGetCPNInstances,
  shedLoad: answerShedLoad,
  clearShedState: answerClearShedState,
  getLoad: answerGetLoad,
  getChargingSessionData: answerGetChargingSessionData,
  getStations: answerGetStations,
  getStationStatus: answerGetStationStatus,
  getStationRights: answerGetStationRights,
  getAlarms: answerGetAlarms,
  clearAlarms: answerClearAlarms,
};
