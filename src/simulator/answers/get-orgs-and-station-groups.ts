import type { getOrgsAndStationGroups } from "../../drivers/chargepoint/api/operations/get-orgs-and-station-groups.ts";
import { ORGANISATIONS } from "../world/organisations.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { namedOrganisation, seesGroup } from "./realm.ts";
import { matchesPattern } from "./values.ts";

/** Guide §7.5: organisations and groups on which the account has rights. */
export const answerGetOrgsAndStationGroups: AnswerTo<typeof getOrgsAndStationGroups> = {
  badValues: { sgID: "154" },
  answer({ searchQuery }, scene) {
    const { orgID, organizationName, sgID, sgName } = searchQuery ?? {};
    const organisation = namedOrganisation(scene, { orgID, organizationName });
    const seen = scene.world.groups.filter((group) => seesGroup(scene, group));
    const byID = seen.filter((group) => sgID === null || sgID === undefined || group.id === sgID);
    if (byID.length < seen.length && byID.length === 0) throw new Refusal("154");
    const byName = byID.filter((group) => !sgName || matchesPattern(sgName, group.name));
    if (byName.length < byID.length && byName.length === 0) throw new Refusal("155");
    const groups = byName.filter((group) => organisation === null || group.organisation === organisation);
    if (groups.length === 0) throw new Refusal("156");
    const seenIDs = new Set(seen.map((group) => group.id));
    return {
      orgData: ORGANISATIONS.map((owner) => ({
        orgID: owner.id,
        organizationName: owner.name,
        sgData: groups
          .filter((group) => group.organisation === owner)
          .map((group) => ({
            sgID: group.id,
            sgName: group.name,
            parentGroupID: String(group.parent && seenIDs.has(group.parent.id) ? group.parent.id : 0),
          })),
      })).filter(({ sgData }) => sgData.length > 0),
    };
  },
};
