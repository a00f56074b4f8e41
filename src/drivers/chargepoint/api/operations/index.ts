import type { Operation } from "../message.ts";
import { addFleetVehicle } from "./add-fleet-vehicle.ts";
import { clearAlarms } from "./clear-alarms.ts";
import { clearShedState } from "./clear-shed-state.ts";
import { createLoadShedEvent } from "./create-load-shed-event.ts";
import { deleteFleetVehicle } from "./delete-fleet-vehicle.ts";
import { get15minChargingSessionData } from "./get-15min-charging-session-data.ts";
import { getAlarms } from "./get-alarms.ts";
import { getChargingSessionData } from "./get-charging-session-data.ts";
import { getCPNInstances } from "./get-cpn-instances.ts";
import { getFleetUsageData } from "./get-fleet-usage-data.ts";
import { getFleetVehicles } from "./get-fleet-vehicles.ts";
import { getLoad } from "./get-load.ts";
import { getOrgsAndStationGroups } from "./get-orgs-and-station-groups.ts";
import { getPublicStationStatus } from "./get-public-station-status.ts";
import { getPublicStations } from "./get-public-stations.ts";
import { getStationGroupDetails } from "./get-station-group-details.ts";
import { getStationGroups } from "./get-station-groups.ts";
import { getStationRights } from "./get-station-rights.ts";
import { getStationRightsProfile } from "./get-station-rights-profile.ts";
import { getStationStatus } from "./get-station-status.ts";
import { getStations } from "./get-stations.ts";
import { getTransactionData } from "./get-transaction-data.ts";
import { getUsers } from "./get-users.ts";
import { removeLoadShedEvent } from "./remove-load-shed-event.ts";
import { setWaitlistDone } from "./set-waitlist-done.ts";
import { shedLoad } from "./shed-load.ts";
import { updateFleetVehicle } from "./update-fleet-vehicle.ts";
import { updateUserStatus } from "./update-user-status.ts";

/** THE LIST of operations, by their names on the wire, in the order of the guide's chapters. */
export const operations = {
  getCPNInstances,
  shedLoad,
  clearShedState,
  getLoad,
  createLoadShedEvent,
  removeLoadShedEvent,
  getChargingSessionData,
  get15minChargingSessionData,
  getTransactionData,
  getStations,
  getStationStatus,
  getStationGroups,
  getStationGroupDetails,
  getOrgsAndStationGroups,
  getStationRights,
  getStationRightsProfile,
  getAlarms,
  clearAlarms,
  getUsers,
  updateUserStatus,
  setWaitlistDone,
  addFleetVehicle,
  deleteFleetVehicle,
  updateFleetVehicle,
  getFleetVehicles,
  getFleetUsageData,
  getPublicStations,
  getPublicStationStatus,
} as const;

const byName: ReadonlyMap<string, Operation> = new Map(
  Object.values<Operation>(operations).flatMap((operation) =>
    [operation.name, ...(operation.also ?? [])].map((name) => [name, operation] as const),
  ),
);

/** Returns the operation with that name or alternative name; undefined where there is none. */
export function findOperation(name: string): Operation | undefined {
  return byName.get(name);
}
