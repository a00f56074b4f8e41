import { group, int, list, operation, result, string } from "../message.ts";
import { position } from "./station-record.ts";

/** The custom station groups of an organisation, with their stations (guide §7.3). */
export const getStationGroups = operation({
  name: "getStationGroups",
  doc: "Custom station groups of an organisation and the stations in each",
  section: "7.3",
  effect: "read",
  request: {
    orgID: string("CPNID:CompanyID", { required: true }),
  },
  response: {
    ...result,
    groupData: list(
      group({
        sgID: int("Custom station group identifier"),
        orgID: string("CPNID:CompanyID"),
        sgName: string("Name of the group"),
        organizationName: string(),
        groupName: string("In the guide's table, not in its sample"),
        stationData: list(
          group({ stationID: string("CPNID:StationIdentifier"), Geo: position("Where the station is") }),
        ),
      }),
    ),
  },
});
