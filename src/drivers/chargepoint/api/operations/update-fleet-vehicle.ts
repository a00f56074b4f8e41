import { group, list, operation, result, string } from "../message.ts";
import { vehicleIn, vehicleOut } from "./fleet-vehicle.ts";

/** Changes vehicles of a fleet; what is left out stays (guide §10.3). Refusals are reported as by addFleetVehicle (§10.3.4). */
export const updateFleetVehicle = operation({
  name: "updateFleetVehicle",
  doc: "Changes vehicles of a fleet; only the elements that are given",
  section: "10.3",
  effect: "write",
  request: {
    vehicle: list(
      group({
        fleetVehicleID: string("CPNID:fleetVehicleID", { required: true }),
        ...vehicleIn(),
      }),
      "One for each vehicle",
      { required: true },
    ),
  },
  response: {
    ...result,
    vehicle: list(group(vehicleOut), "The vehicles as they are now"),
  },
});
