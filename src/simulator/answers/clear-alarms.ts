import type { clearAlarms } from "../../drivers/chargepoint/api/operations/clear-alarms.ts";
import { alarmFilter } from "./alarm-search.ts";
import { type AnswerTo, Refusal } from "./answer.ts";

/** Guide §8.2. An organisation, by either name, or a station must be named: nobody clears everything by an oversight. */
export const answerClearAlarms: AnswerTo<typeof clearAlarms> = {
  answer({ searchQuery }, scene) {
    const orgID = searchQuery?.orgID ?? searchQuery?.companyID ?? null;
    if (!searchQuery || (orgID === null && searchQuery.stationID === null)) throw new Refusal("172");
    const cleared = scene.world.clearAlarms(alarmFilter(scene, { ...searchQuery, orgID }, "clear"));
    if (cleared === 0) throw new Refusal("153");
    return {};
  },
};
