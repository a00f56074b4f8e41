import type { getAlarms } from "../../drivers/chargepoint/api/operations/get-alarms.ts";
import { type AlarmSearch, alarmFilter } from "./alarm-search.ts";
import type { AnswerTo } from "./answer.ts";
import { pageOf } from "./page.ts";
import { seenGroups } from "./realm.ts";
import { wireTime } from "./values.ts";

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

/** Alarms that nobody has cleared, the newest first. */
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
