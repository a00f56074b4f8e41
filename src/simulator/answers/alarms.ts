import type { clearAlarms } from "../../drivers/chargepoint/api/operations/clear-alarms.ts";
import type { getAlarms } from "../../drivers/chargepoint/api/operations/get-alarms.ts";
import type { Alarm } from "../world/activity/records.ts";
import { manages } from "../world/stations/rights.ts";
import { type AnswerTo, Refusal, type Scene } from "./answer.ts";
import { pageOf } from "./page.ts";
import { knownStation, managedStation, rightsOn, seenGroups } from "./realm.ts";
import { namesStations, type StationSearch, searchStations } from "./station-search.ts";
import { seconds, timeWindow, wireTime } from "./values.ts";

/** Guide §8: alarms. */

const MOST = 100;
const EVERYTHING: AlarmSearch = {
  orgID: null,
  organizationName: null,
  stationID: null,
  stationName: null,
  sgID: null,
  sgName: null,
  startTime: null,
  endTime: null,
  portNumber: null,
};

/** Alarms that were not cleared, the newest first. */
export const answerGetAlarms: AnswerTo<typeof getAlarms> = {
  answer({ searchQuery }, scene) {
    const { world } = scene;
    const alarms = world.alarms.filter(alarmFilter(scene, searchQuery ?? EVERYTHING, "look")).reverse();
    const page = pageOf(
      alarms,
      { startRecord: searchQuery?.startRecord, size: searchQuery?.numTransactions },
      { most: MOST, none: "153" },
    );
    return {
      Alarms: page.records.map(({ record: alarm, recordNumber }) => {
        const station = world.findStation(alarm.stationID)!;
        return {
          stationID: station.id,
          stationName: station.name,
          stationModel: station.model.name,
          orgID: station.organisation.id,
          companyID: station.organisation.id,
          organizationName: station.organisation.name,
          stationManufacturer: station.model.manufacturer,
          stationSerialNum: station.serial,
          portNumber: alarm.portNumber,
          alarmType: alarm.type,
          alarmTime: wireTime(alarm.at),
          recordNumber,
          sgID: seenGroups(scene, station)
            .map((group) => group.id)
            .join(", "),
          stationModelNum: station.model.name,
        };
      }),
      moreFlag: page.moreFlag,
    };
  },
};

/** Guide §8.2. An organisation, by either name, or a station is required, so that all alarms are not cleared by mistake. */
export const answerClearAlarms: AnswerTo<typeof clearAlarms> = {
  answer({ searchQuery }, scene) {
    const orgID = searchQuery?.orgID ?? searchQuery?.companyID ?? null;
    if (!searchQuery || (orgID === null && searchQuery.stationID === null)) throw new Refusal("172");
    const cleared = scene.world.clearAlarms(alarmFilter(scene, { ...searchQuery, orgID }, "clear"));
    if (cleared === 0) throw new Refusal("153");
    return {};
  },
};

interface AlarmSearch {
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
 * Returns the alarms that a search selects; its end is inclusive. To clear alarms, the account needs more than the right to
 * view.
 * @throws Refusal where the search is invalid, 150 where no station has the name
 */
function alarmFilter(
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
