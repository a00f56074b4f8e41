import { group, int, list, operation, result, string } from "../message.ts";

/** Ends the shed of a group or a station; some networks clear the whole station when ports are named (guide §5.2). */
export const clearShedState = operation({
  name: "clearShedState",
  doc: "Ends the shed of a group, a station or its ports",
  restrictions: "Enterprise plan",
  section: "5.2",
  effect: "write",
  request: {
    shedQuery: group({
      shedGroup: group(
        { sgID: int("Custom station group identifier", { required: true }) },
        "Every station of the group; not together with shedStation",
      ),
      shedStation: group({
        stationID: string("CPNID:StationIdentifier"),
        Ports: group(
          { Port: list(group({ portNumber: string("Text: ports can be 1A") })) },
          "These ports only",
        ),
      }),
    }),
  },
  response: {
    ...result,
    Success: int("1 done, 0 not"),
    sgID: int("Group asked for"),
    stationID: string("Station asked for"),
  },
});
