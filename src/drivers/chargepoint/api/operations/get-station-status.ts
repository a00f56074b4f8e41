import { group, int, list, operation, result } from "../message.ts";
import { stationStatus } from "./station-record.ts";
import { stationPage, statusSearch } from "./station-search.ts";

/** Whether the ports of stations are free, in use or out of reach (guide §7.2). */
export const getStationStatus = operation({
  name: "getStationStatus",
  doc: "Whether the ports of the account's stations are free, in use or out of reach",
  restrictions: "Stations that the organisation owns or may manage; 500 stations a call",
  section: "7.2",
  effect: "read",
  paging: { size: 500, records: "stationData", sizeElement: "numStations", moreElement: "moreFlag" },
  request: { searchQuery: group({ ...statusSearch, ...stationPage }) },
  response: {
    ...result,
    stationData: list(stationStatus),
    moreFlag: int("1: more stations match than the page holds", { also: ["MoreFlag"] }),
  },
});
