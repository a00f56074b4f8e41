import type { getStationRightsProfile } from "../../drivers/chargepoint/api/operations/get-station-rights-profile.ts";
import { PROFILES } from "../world/profiles.ts";
import { groupRights } from "../world/rights.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { knownGroup } from "./realm.ts";

/** Guide §7.7: what the account may do with a group. A profile that is named must be the one that it has. */
export const answerGetStationRightsProfile: AnswerTo<typeof getStationRightsProfile> = {
  badValues: { sgID: "121" },
  answer({ sgID, stationRightsProfile: wanted }, scene) {
    if (sgID === null) throw new Refusal("172");
    const profile = groupRights(scene.account.organisation, knownGroup(scene, sgID))!;
    if (wanted !== null && wanted.toLowerCase() !== profile) throw new Refusal("167");
    return {
      taskList: PROFILES[profile].map(({ name, description }) => ({ Task: name, Description: description })),
    };
  },
};
