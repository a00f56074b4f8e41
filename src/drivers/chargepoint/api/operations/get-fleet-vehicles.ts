import { dateTime, group, int, list, operation, result, string } from "../message.ts";
import { vehicleKeeping, vehicleOut, vehicleTraits } from "./fleet-vehicle.ts";

/** The vehicles of the account's fleets (guide §10.4). */
export const getFleetVehicles = operation({
  name: "getFleetVehicles",
  doc: "Vehicles of the account's fleets",
  restrictions: "Organisations with fleet features; 100 vehicles a call where numRecords is not given",
  section: "10.4",
  effect: "read",
  paging: { size: 100, records: "FleetVehicle", sizeElement: "numRecords", moreElement: "moreFlag" },
  request: {
    searchQuery: group({
      ...vehicleTraits,
      credentialID: string("Serial number of a card assigned to it"),
      ...vehicleKeeping,
      startRecord: int("Number of the first record wanted, from 1"),
      numRecords: int("Most vehicles in the answer; default 100"),
      modifiedSince: dateTime("Changed at or after this moment"),
    }),
  },
  response: {
    ...result,
    FleetVehicle: list(group(vehicleOut)),
    moreFlag: int("1: more vehicles match than the page holds", { also: ["MoreFlag"] }),
  },
});
