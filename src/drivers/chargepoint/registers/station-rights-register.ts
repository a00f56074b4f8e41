import type { RightsAnswer } from "../account/answers.ts";
import type { RegisterClass } from "./register.ts";

/** The account's rights on the station: getStationRights, guide §7.6. */
export const stationRightsRegister: RegisterClass<"rights"> = {
  kind: "rights",
  attributes: {
    // stationData contains this station only.
    stationRightsProfile: {
      level: "station",
      type: "dictionary",
      meaning: "A dictionary by station group: `{sgID: {sgID, sgName, stationRightsProfile, stationData}}`.",
      read: rightsByGroup,
    },
  },
};

function rightsByGroup(answer: RightsAnswer): Record<string, RightsAnswer[number]> {
  return Object.fromEntries(answer.map((rights) => [rights.sgID ?? "", rights]));
}
