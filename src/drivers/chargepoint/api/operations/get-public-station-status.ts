import { group, list, operation, result } from "../message.ts";
import { stationStatus } from "./station-record.ts";
import { statusSearch } from "./station-search.ts";

/** Whether ports of public stations are free; not in the guide's chapters but still served (published schema). */
export const getPublicStationStatus = operation({
  name: "getPublicStationStatus",
  doc: "Whether the ports of public stations are free, in use or out of reach",
  section: "published schema",
  effect: "read",
  request: { searchQuery: group(statusSearch) },
  response: {
    ...result,
    stationStatusData: list(stationStatus),
  },
});
