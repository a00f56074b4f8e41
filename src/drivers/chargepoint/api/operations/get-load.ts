import { decimal, double, group, int, list, long, operation, result, string } from "../message.ts";

/** Load and shed state of a station, of the stations of a group, or of a session (guide §5.3). */
export const getLoad = operation({
  name: "getLoad",
  doc: "Load and shed state of a station, of a group or of a session's station",
  restrictions: "Enterprise plan; battery percentages only where vehicle and station tell them",
  section: "5.3",
  effect: "read",
  request: {
    searchQuery: group(
      {
        sgID: int("Custom station group identifier"),
        stationID: string("CPNID:StationIdentifier"),
        sessionID: long("Globally unique session identifier"),
      },
      "Exactly one of the three",
      { sequence: true },
    ),
  },
  response: {
    ...result,
    sgID: int("Group asked for"),
    numStations: int("Stations in the group; 0 or empty when asked by station"),
    groupName: string("Empty when asked by station"),
    sgLoad: decimal("Present load of the group, kW; empty when asked by station", { fixed: 3 }),
    stationData: list(
      group({
        stationID: string("CPNID:StationIdentifier"),
        stationName: string("Organisation / station"),
        Address: string("Street address, city, state, postal code, country"),
        stationLoad: decimal("Present load of the station, kW", { fixed: 3 }),
        Port: list(
          group({
            portNumber: string("Text: ports can be 1A"),
            userID: string("Driver charging now; empty when idle"),
            credentialID: string("Credential that started the session; empty when idle"),
            shedState: int("1 shed, 0 not shed"),
            portLoad: decimal("Present load, kW", { fixed: 3 }),
            allowedLoad: decimal("Limit in force, kW; 0 when the shed is by percentage", { fixed: 3 }),
            percentShed: int("Percent shed; 0 when the shed is absolute"),
            sessionID: long("0 when idle"),
            lastBatteryPercent: double("Where car and station can tell"),
          }),
        ),
      }),
    ),
  },
});
