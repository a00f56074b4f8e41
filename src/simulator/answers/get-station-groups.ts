import type { getStationGroups } from "../../drivers/chargepoint/api/operations/get-station-groups.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { namedOrganisation, rightsOn, seesGroup } from "./realm.ts";
import { geoOf } from "./station-record.ts";

/** Guide §7.3: the groups of an organisation that the account may see, each with the stations directly in it. */
export const answerGetStationGroups: AnswerTo<typeof getStationGroups> = {
  answer({ orgID }, scene) {
    if (!orgID) throw new Refusal("172");
    const { world } = scene;
    const organisation = namedOrganisation(scene, { orgID })!;
    const groups = world.groups.filter(
      (group) => group.organisation === organisation && seesGroup(scene, group),
    );
    if (groups.length === 0) throw new Refusal("120");
    return {
      groupData: groups.map((group) => ({
        sgID: group.id,
        orgID: organisation.id,
        sgName: group.name,
        organizationName: organisation.name,
        stationData: world
          .stationsIn(group)
          .filter((station) => rightsOn(scene, station) !== null)
          .map((station) => ({ stationID: station.id, Geo: geoOf(station) })),
      })),
    };
  },
};
