import { group, list, operation, result, string } from "../message.ts";
import { vehicleIn } from "./fleet-vehicle.ts";

/**
 * Adds vehicles to a fleet (guide §10.1). The reason of a refusal is in the text: an unknown make, model or year, an
 * invalid RFID card, a fleet that does not exist or is not the account's (§10.1.4).
 */
export const addFleetVehicle = operation({
  name: "addFleetVehicle",
  doc: "Adds vehicles to a fleet",
  section: "10.1",
  effect: "write",
  request: {
    vehicle: list(group(vehicleIn({ required: true })), "One for each vehicle", { required: true }),
  },
  response: {
    ...result,
    fleetVehicleID: list(
      string("CPNID:fleetVehicleID, globally unique"),
      "One for each vehicle, in their order",
    ),
  },
});
