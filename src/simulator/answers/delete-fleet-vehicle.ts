import type { deleteFleetVehicle } from "../../drivers/chargepoint/api/operations/delete-fleet-vehicle.ts";
import { type AnswerTo, Refusal } from "./answer.ts";
import { ownVehicle } from "./fleet-vehicle.ts";

/** Guide §10.2. */
export const answerDeleteFleetVehicle: AnswerTo<typeof deleteFleetVehicle> = {
  answer({ fleetVehicleID }, scene) {
    if (fleetVehicleID === null) throw new Refusal("172");
    scene.world.fleets.remove(ownVehicle(scene, fleetVehicleID));
    return { Results: true };
  },
};
