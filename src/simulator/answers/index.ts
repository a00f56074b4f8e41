import type { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { answerClearAlarms, answerGetAlarms } from "./alarms.ts";
import type { AnswerTo } from "./answer.ts";
import { answerGetUsers, answerSetWaitlistDone, answerUpdateUserStatus } from "./drivers.ts";
import { answerGetFleetUsageData } from "./fleet-usage.ts";
import {
  answerAddFleetVehicle,
  answerDeleteFleetVehicle,
  answerGetFleetVehicles,
  answerUpdateFleetVehicle,
} from "./fleet-vehicles.ts";
import {
  answerGetOrgsAndStationGroups,
  answerGetStationGroupDetails,
  answerGetStationGroups,
  answerGetStationRights,
  answerGetStationRightsProfile,
} from "./groups.ts";
import { answerClearShedState, answerGetLoad, answerShedLoad } from "./load.ts";
import { answerCreateLoadShedEvent, answerRemoveLoadShedEvent } from "./load-shed-events.ts";
import {
  answerGet15minChargingSessionData,
  answerGetChargingSessionData,
  answerGetTransactionData,
} from "./sessions.ts";
import { answerGetPublicStationStatus, answerGetStationStatus } from "./station-status.ts";
import { answerGetCPNInstances, answerGetPublicStations, answerGetStations } from "./stations.ts";

/** THE LIST of answers: one for every operation of the descriptions. */
export const answers: { readonly [Name in keyof typeof operations]: AnswerTo<(typeof operations)[Name]> } = {
  getCPNInstances: answerGetCPNInstances,
  shedLoad: answerShedLoad,
  clearShedState: answerClearShedState,
  getLoad: answerGetLoad,
  createLoadShedEvent: answerCreateLoadShedEvent,
  removeLoadShedEvent: answerRemoveLoadShedEvent,
  getChargingSessionData: answerGetChargingSessionData,
  get15minChargingSessionData: answerGet15minChargingSessionData,
  getTransactionData: answerGetTransactionData,
  getStations: answerGetStations,
  getStationStatus: answerGetStationStatus,
  getStationGroups: answerGetStationGroups,
  getStationGroupDetails: answerGetStationGroupDetails,
  getOrgsAndStationGroups: answerGetOrgsAndStationGroups,
  getStationRights: answerGetStationRights,
  getStationRightsProfile: answerGetStationRightsProfile,
  getAlarms: answerGetAlarms,
  clearAlarms: answerClearAlarms,
  getUsers: answerGetUsers,
  updateUserStatus: answerUpdateUserStatus,
  setWaitlistDone: answerSetWaitlistDone,
  addFleetVehicle: answerAddFleetVehicle,
  deleteFleetVehicle: answerDeleteFleetVehicle,
  updateFleetVehicle: answerUpdateFleetVehicle,
  getFleetVehicles: answerGetFleetVehicles,
  getFleetUsageData: answerGetFleetUsageData,
  getPublicStations: answerGetPublicStations,
  getPublicStationStatus: answerGetPublicStationStatus,
};
