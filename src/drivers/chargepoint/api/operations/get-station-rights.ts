import { date, group, int, list, long, operation, result, string } from "../message.ts";
import { organisation, stationSearch } from "./station-search.ts";

/** The account's rights on each station, by group and rights profile (guide §7.6). */
export const getStationRights = operation({
  name: "getStationRights",
  doc: "Rights granted for each station, by group and rights profile",
  restrictions: "Stations associated with the organisation; 100 a call",
  section: "7.6",
  effect: "read",
  paging: {
    size: 100,
    records: "rightsData",
    countedElement: "stationData",
    sizeElement: "numStations",
    moreElement: "moreFlag",
  },
  request: {
    searchQuery: group({
      ...stationSearch,
      ...organisation,
      provisionDateRange: group({ startDate: date(), endDate: date() }),
      currentFault: string(),
      portStatus: string(),
      adminStatus: string(),
      networkStatus: string("Reachable or Unreachable", { values: ["Reachable", "Unreachable"] }),
      provisionStatus: string("", { values: ["Provisioned", "Not Provisioned", "Provisioning in progress"] }),
      startRecord: long("Number of the first record wanted, from 1"),
      numStations: int("Most stations in the answer; the service's default is 100"),
    }),
  },
  response: {
    ...result,
    rightsData: list(
      group({
        sgID: string("Custom station group identifier"),
        sgName: string(),
        stationRightsProfile: string("Rights granted, such as network manager"),
        stationData: list(
          group({
            stationID: string("CPNID:StationIdentifier"),
            stationName: string("Organisation / station"),
            stationSerialNum: string("Hardware serial number"),
            stationMacAddr: string("MAC address", { also: ["stationMacAddress", "stationMACAddress"] }),
            companyID: string("CPNID:CompanyID of the owner"),
          }),
        ),
      }),
    ),
    moreFlag: int("1: more stations match than the page holds", { also: ["MoreFlag"] }),
  },
});
