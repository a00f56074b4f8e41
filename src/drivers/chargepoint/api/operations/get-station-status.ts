import { boolean, dateTime, group, int, list, operation, string } from "../message.ts";
import {
  demoSerialNumber,
  geo,
  level,
  make,
  mode,
  outlet,
  place,
  pricing,
  radius,
  reservable,
  stationPage,
} from "./station-search.ts";

/** Whether the ports of stations are free, in use or out of reach (guide §7.2). */
export const getStationStatus = operation({
  name: "getStationStatus",
  section: "7.2",
  effect: "read",
  coded: true,
  paging: { size: 500, records: "stationData", sizeElement: "numStations", moreElement: "moreFlag" },
  request: {
    searchQuery: group({
      stationID: string("One station; not together with stationIDs (code 194)"),
      stationIDs: group({ stationID: list(string("CPNID:StationIdentifier")) }, "Up to 500 stations"),
      ...make,
      ...place,
      ...radius,
      ...outlet,
      portDetails: boolean("Answer with Connector and Power of each port; default false"),
      demoSerialNumber,
      Reservable: reservable,
      Geo: geo,
      Status: int("1 available, 2 in use, 3 unknown"),
      Level: level,
      Mode: mode,
      Pricing: pricing,
      ...stationPage,
    }),
  },
  response: {
    responseCode: string(),
    responseText: string(),
    stationData: list(
      group({
        stationID: string("CPNID:StationIdentifier"),
        Port: list(
          group({
            portNumber: string("From 1; text: ports can be 1A"),
            Status: string("AVAILABLE, INUSE, UNREACHABLE or UNKNOWN"),
            faultReason: string("Why the port is out of service; NONE when it is not", {
              also: ["FaultReason"],
            }),
            TimeStamp: dateTime("Last word from the station", { also: ["timeStamp"] }),
            Connector: string("With portDetails only"),
            Power: string("Supported, kW; with portDetails only"),
          }),
        ),
        recordNumber: int("Place in the whole result, from 1"),
        networkStatus: string("REACHABLE or UNREACHABLE, in any case"),
      }),
    ),
    moreFlag: int("1: more stations match than the page holds", { also: ["MoreFlag"] }),
  },
});
