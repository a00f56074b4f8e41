import type { Alarm } from "../world/records.ts";
import { manages } from "../world/rights.ts";
import { Refusal, type Scene } from "./answer.ts";
import { knownStation, managedStation, rightsOn } from "./realm.ts";
import { namesStations, type StationSearch, searchStations } from "./station-search.ts";
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

/**
 * Tells which alarms a search means; an end belongs to its window. To clear alarms the account must do more than look.
 *
 * @throws Refusal where the search is not sound, 150 where no station has the name
 */
export function alarmFilter(
  scene: Scene,
  search: AlarmSearch,
  purpose: "look" | "clear",
): (alarm: Alarm) => boolean {
  const { world } = scene;
  const window = timeWindow(search.startTime, search.endTime);
  const may = (alarm: Alarm): boolean => {
    const rights = rightsOn(scene, world.findStation(alarm.stationID)!);
    return purpose === "look" ? rights !== null : manages(rights);
  };
  if (search.stationID !== null)
    (purpose === "look" ? knownStation : managedStation)(scene, search.stationID);
  const { orgID, organizationName, stationID, stationName, sgID, sgName } = search;
  const where: StationSearch = { orgID, organizationName, stationID, stationName, sgID, sgName };
  const stations = namesStations(where)
    ? new Set(searchStations(scene, where).map((station) => station.id))
    : null;
  if (stations?.size === 0 && stationName) throw new Refusal("150");
  const type = search.alarmType?.toLowerCase();
  return (alarm) =>
    (stations === null || stations.has(alarm.stationID)) &&
    seconds(alarm.at) >= window.from &&
    seconds(alarm.at) <= window.to &&
    (search.portNumber === null || alarm.portNumber === search.portNumber) &&
    (type === undefined || alarm.type.toLowerCase() === type) &&
    may(alarm);
}
