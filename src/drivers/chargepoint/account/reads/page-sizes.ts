import { getStationRights } from "../../api/operations/get-station-rights.ts";
import { getStationStatus } from "../../api/operations/get-station-status.ts";
import { getStations } from "../../api/operations/get-stations.ts";

/** Maximum number of stationIDs in a call of getStationStatus (guide §7.2). */
export const STATUS_PAGE = getStationStatus.paging.size;
/** Maximum number of records in a page of getStations (guide §7.1). */
export const STATIONS_PAGE = getStations.paging.size;
/** Maximum number of stations in a page of getStationRights (guide §7.6). */
export const RIGHTS_PAGE = getStationRights.paging.size;
