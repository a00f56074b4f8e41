import { group, int, list, operation, result, string } from "../message.ts";

/** Direct contents of a station group: child groups and stations (guide §7.4). */
export const getStationGroupDetails = operation({
  name: "getStationGroupDetails",
  doc: "Child groups and stations directly in a custom station group",
  section: "7.4",
  effect: "read",
  sequence: true,
  request: {
    sgID: int("Custom station group identifier", { required: true }),
    stationID: string("CPNID:StationIdentifier"),
  },
  response: {
    ...result,
    groupName: string("Name of the group"),
    numStations: int("Stations in the group"),
    groupData: list(
      group({ sgID: int("Identifier of the child group"), sgName: string("Name of the child group") }),
    ),
    stationData: list(
      group({
        stationID: string("CPNID:StationIdentifier"),
        stationName: string("Organisation / station"),
        Address: string("Street address, city, state, postal code, country"),
      }),
    ),
  },
});
