import type { Alarm } from "../world/records.ts";
import type { World } from "../world/world.ts";
import { knownStation, namesStations, type StationSearch, searchStations } from "./station-search.ts";
import { seconds, timeWindow } from "./values.ts";

export interface AlarmSearch {
  readonly orgID: string | null;
  readonly organizationName: string | null;
  readonly stationID: string | null;
  readonly stationName: string | null;
  readonly sgID: number | null;
  readonly sgName: string | null;
  readonly startTime: string | null;
  readonly endTime: string | null;
  readonly portNumber: string | null;
  readonly alarmType?: string | null;
}

/** Tells which alarms a search means; an end belongs to its window. @throws Refusal where the search is not sound */
export function alarmFilter(world: World, search: AlarmSearch): (alarm: Alarm) => boolean {
  const window = timeWindow(search.startTime, search.endTime);
  if (search.stationID !== null) knownStation(world, search.stationID);
  const { orgID, organizationName, stationID, stationName, sgID, sgName } = search;
  const where: StationSearch = { orgID, organizationName, stationID, stationName, sgID, sgName };
  const stations = namesStations(where)
    ? new Set(searchStations(world, where).map((station) => station.id))
    : null;
  const type = search.alarmType?.toLowerCase();
  return (alarm) =>
    (stations === null || stations.has(alarm.stationID)) &&
    seconds(alarm.at) >= window.from &&
    seconds(alarm.at) <= window.to &&
    (search.portNumber === null || alarm.portNumber === search.portNumber) &&
    (type === undefined || alarm.type.toLowerCase() === type);
}
