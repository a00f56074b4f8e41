import type { setWaitlistDone } from "../../drivers/chargepoint/api/operations/set-waitlist-done.ts";
import { driverIDs } from "../world/driver.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { managedStation } from "./realm.ts";

/** Guide §9.3: tells a driver at a station with a waitlist that the session is done. */
export const answerSetWaitlistDone: AnswerTo<typeof setWaitlistDone> = {
  answer({ stationID, portID, userID }, scene) {
    if (stationID === null || portID === null || userID === null) throw new Refusal("172");
    const station = managedStation(scene, stationID);
    if (station.waitlist === null) throw new Refusal("171", `station ${stationID} has no waitlist`);
    const port = station.ports.find(({ number }) => number === portID);
    if (!port) throw new Refusal("171", "Invalid Parameters portID");
    const { session } = port;
    if (session === null || driverIDs(session.visit.driverNumber).userID !== userID) {
      throw new Refusal("190", `user ${userID} is not charging at port ${portID} of station ${stationID}`);
    }
    scene.world.tellDone(station, port);
    return {};
  },
};
