import type { getStationGroupDetails } from "../../drivers/chargepoint/api/operations/get-station-group-details.ts";
import { fullAddress } from "../world/sites.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { knownGroup, knownStation, rightsOn, seesGroup } from "./realm.ts";

/** Guide §7.4: what is directly in a group. */
export const answerGetStationGroupDetails: AnswerTo<typeof getStationGroupDetails> = {
  badValues: { sgID: "121" },
  answer({ sgID, stationID }, scene) {
    if (sgID === null) throw new Refusal("172");
    const group = knownGroup(scene, sgID);
    const wanted = stationID === null ? null : knownStation(scene, stationID);
    const stations = scene.world
      .stationsIn(group)
      .filter((station) => rightsOn(scene, station) !== null && (wanted === null || station === wanted));
    if (wanted !== null && stations.length === 0) throw new Refusal("122");
    const children = group.children.filter((child) => seesGroup(scene, child));
    return {
      groupName: group.name,
      numStations: stations.length,
      groupData: children.map((child) => ({ sgID: child.id, sgName: child.name })),
      stationData: stations.map((station) => ({
        stationID: station.id,
        stationName: station.name,
        Address: fullAddress(station.site),
      })),
    };
  },
};
