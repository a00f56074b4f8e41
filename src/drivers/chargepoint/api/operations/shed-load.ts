import { decimal, group, int, list, operation, result, string } from "../message.ts";

const perStation = {
  allowedLoadPerStation: decimal("Most the station may draw, kW; not together with percentShedPerStation"),
  percentShedPerStation: int("Share of the load at the first call to take away, 0–100 %"),
};

const ports = group(
  {
    Port: list(
      group({
        portNumber: string("Text: ports can be 1A"),
        allowedLoadPerPort: decimal("Most the port may draw, kW; not together with percentShedPerPort"),
        percentShedPerPort: int("Share of the load at the first call to take away, 0–100 %"),
      }),
    ),
  },
  "Instead of a limit for the station; the same mode for every port (code 181)",
);

/** Limits what a group, a station or its ports may draw (guide §5.1). */
export const shedLoad = operation({
  name: "shedLoad",
  doc: "Limits what a group, a station or its ports may draw",
  restrictions: "Enterprise plan",
  section: "5.1",
  effect: "write",
  request: {
    shedQuery: group({
      shedGroup: group(
        { sgID: int("Custom station group identifier", { required: true }), ...perStation },
        "The limit holds for each station of the group; not together with shedStation (code 187)",
      ),
      shedStation: group({
        stationID: string("CPNID:StationIdentifier", { required: true }),
        ...perStation,
        Ports: ports,
      }),
      timeInterval: int("Minutes until the shed ends by itself; 0 until cleared", { required: true }),
    }),
  },
  response: {
    ...result,
    Success: int("1 done, 0 not"),
    sgID: int("Group asked for"),
    stationID: string("Station asked for"),
    ...perStation,
    Ports: ports,
  },
});
