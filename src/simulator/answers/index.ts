import type { operations } from "../../drivers/chargepoint/api/operations/index.ts";
import { answerAddFleetVehicle } from "./add-fleet-vehicle.ts";
import type { AnswerTo } from "./answer.ts";
import { answerClearAlarms } from "./clear-alarms.ts";
import { answerClearShedState } from "./clear-shed-state.ts";
import { answerCreateLoadShedEvent } from "./create-load-shed-event.ts";
import { answerDeleteFleetVehicle } from "./delete-fleet-vehicle.ts";
import { answerGet15minChargingSessionData } from "./get-15min-charging-session-data.ts";
import { answerGetAlarms } from "./get-alarms.ts";
import { answerGetChargingSessionData } from "./get-charging-session-data.ts";
import { answerGetCPNInstances } from "./get-cpn-instances.ts";
import { answerGetFleetUsageData } from "./get-fleet-usage-data.ts";
import { answerGetFleetVehicles } from "./get-fleet-vehicles.ts";
import { answerGetLoad } from "./get-load.ts";
import { answerGetOrgsAndStationGroups } from "./get-orgs-and-station-groups.ts";
import { answerGetPublicStationStatus } from "./get-public-station-status.ts";
import { answerGetPublicStations } from "./get-public-stations.ts";
import { answerGetStationGroupDetails } from "./get-station-group-details.ts";
import { answerGetStationGroups } from "./get-station-groups.ts";
import { answerGetStationRights } from "./get-station-rights.ts";
import { answerGetStationRightsProfile } from "./get-station-rights-profile.ts";
import { answerGetStationStatus } from "./get-station-status.ts";
import { answerGetStations } from "./get-stations.ts";
import { answerGetTransactionData } from "./get-transaction-data.ts";
import { answerGetUsers } from "./get-users.ts";
import { answerRemoveLoadShedEvent } from "./remove-load-shed-event.ts";
import { answerSetWaitlistDone } from "./set-waitlist-done.ts";
import { answerShedLoad } from "./shed-load.ts";
import { answerUpdateFleetVehicle } from "./update-fleet-vehicle.ts";
import { answerUpdateUserStatus } from "./update-user-status.ts";

/** THE LIST of answers: one for every operation that the descriptions know. */
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
