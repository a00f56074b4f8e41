import { dateTime, group, int, operation, result, string } from "../message.ts";

/**
 * Moves present alarms to the historical ones (guide §8.2). The guide asks for orgID and organizationName, its
 * sample sends companyID, and stationID alone is served too: none of them is marked required here.
 */
export const clearAlarms = operation({
  name: "clearAlarms",
  doc: "Moves present alarms to the historical ones",
  restrictions: "Stations that the account has rights to",
  section: "8.2",
  effect: "write",
  doneCodes: ["153"],
  request: {
    searchQuery: group({
      orgID: string("CPNID:orgID"),
      companyID: string("CPNID:orgID, as the guide's sample sends it"),
      organizationName: string(),
      stationID: string("CPNID:StationIdentifier"),
      stationName: string(),
      sgID: int("Custom station group identifier"),
      sgName: string(),
      startTime: dateTime("Alarms from this moment on"),
      endTime: dateTime("Alarms up to this moment"),
      portNumber: string("Text: ports can be 1A"),
      alarmType: string(),
      clearReason: string("Kept with the historical alarm"),
    }),
  },
  response: result,
});
