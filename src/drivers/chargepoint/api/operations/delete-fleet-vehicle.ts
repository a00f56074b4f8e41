import { boolean, operation, result, string } from "../message.ts";

/** Takes a vehicle out of its fleet (guide §10.2). */
export const deleteFleetVehicle = operation({
  name: "deleteFleetVehicle",
  doc: "Deletes a vehicle of a fleet",
  section: "10.2",
  effect: "write",
  request: {
    fleetVehicleID: string("CPNID:fleetVehicleID", { required: true }),
  },
  response: {
    ...result,
    Results: boolean("Whether it was deleted"),
  },
});
