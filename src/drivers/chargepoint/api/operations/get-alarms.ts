import { dateTime, group, int, list, operation, result, string } from "../message.ts";

/** Alarms of the stations the account has rights to; their order differs between networks (guide §8.1). */
export const getAlarms = operation({
  name: "getAlarms",
  doc: "Alarms of stations",
  restrictions: "Stations that the account has rights to; 100 alarms a call",
  section: "8.1",
  effect: "read",
  paging: { size: 100, records: "Alarms", sizeElement: "numTransactions", moreElement: "moreFlag" },
  request: {
    searchQuery: group({
      orgID: string("CPNID:orgID"),
      organizationName: string(),
      stationID: string("CPNID:StationIdentifier"),
      stationName: string(),
      sgID: int("Custom station group identifier"),
      sgName: string(),
      startTime: dateTime("Alarms from this moment on"),
      endTime: dateTime("Alarms up to this moment"),
      portNumber: string("Text: ports can be 1A"),
      startRecord: int("Number of the first record wanted, from 1"),
      numTransactions: int("Most alarms in the answer"),
    }),
  },
  response: {
    ...result,
    Alarms: list(
      group({
        stationID: string("CPNID:StationIdentifier"),
        stationName: string(),
        stationModel: string(),
        orgID: string("CPNID:orgID"),
        companyID: string(),
        organizationName: string(),
        stationManufacturer: string(),
        stationSerialNum: string("Hardware serial number"),
        portNumber: string("Empty: the alarm is the station's"),
        alarmType: string(),
        alarmTime: dateTime("When it occurred"),
        recordNumber: int("Place in the whole result, from 1"),
        sgID: string("Custom station group identifier"),
        stationModelNum: string(),
      }),
    ),
    moreFlag: int("1: more alarms match than the page holds", { also: ["MoreFlag"] }),
  },
});
