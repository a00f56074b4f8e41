import type { get15minChargingSessionData } from "../../drivers/chargepoint/api/operations/get-15min-charging-session-data.ts";
import { intervalsOf } from "../world/intervals.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { knownSession } from "./realm.ts";
import { shownKw, shownKwh, wireTime } from "./values.ts";

/**
 * Guide §6.2. Energies are those of a meter that shows a millionth of a kWh, so the last reading, and the sum of all
 * differences, is the Energy of the session in getChargingSessionData.
 */
export const answerGet15minChargingSessionData: AnswerTo<typeof get15minChargingSessionData> = {
  badValues: { sessionID: "132" },
  answer({ sessionID, energyConsumedInterval }, scene) {
    if (sessionID === null) throw new Refusal("172");
    const { session, station } = knownSession(scene, sessionID);
    let before = 0;
    const intervals = intervalsOf(session, scene.world.now).map((interval) => {
      const reading = shownKwh(interval.kwh);
      const consumed = shownKwh(reading - before);
      before = reading;
      return {
        stationTime: wireTime(interval.from),
        energyConsumed: energyConsumedInterval ? consumed : reading,
        peakPower: shownKw(interval.peakKw),
        rollingPowerAvg: shownKw(interval.averageKw),
      };
    });
    if (intervals.length === 0) throw new Refusal("134");
    return { sessionID, stationID: station.id, portNumber: session.portNumber, fifteenminData: intervals };
  },
};
