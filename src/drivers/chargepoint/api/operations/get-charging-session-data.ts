import { boolean, dateTime, double, group, int, list, long, operation, result, string } from "../message.ts";
import { geo, place, radius } from "./station-search.ts";

/**
 * Charging sessions, oldest first (guide §6.1). The service updates them every five minutes. The guide states a page size
 * of 500 in one place and 100 in another, so MoreFlag decides.
 */
export const getChargingSessionData = operation({
  name: "getChargingSessionData",
  doc: "Charging sessions, oldest first",
  restrictions:
    "100 sessions a call, by another place of the guide 500; card, account, driver and vehicle need the Enterprise plan and rights over the station",
  section: "6.1",
  effect: "read",
  paging: { size: 100, records: "ChargingSessionData", moreElement: "MoreFlag" },
  request: {
    searchQuery: group({
      stationID: string("CPNID:StationIdentifier"),
      sessionID: long("Globally unique session identifier"),
      userID: string("Driver"),
      stationName: string("Organisation and station name; wildcards allowed"),
      ...place,
      ...radius,
      fromTimeStamp: dateTime("Sessions from this moment on"),
      toTimeStamp: dateTime("Sessions before this moment"),
      startRecord: long("Number of the first record wanted, from 1"),
      Geo: geo,
      stationIDs: group({ stationID: list(string("CPNID:StationIdentifier")) }),
      activeSessionsOnly: boolean("Sessions under way; their data is incomplete"),
    }),
  },
  response: {
    ...result,
    ChargingSessionData: list(
      group({
        stationID: string("CPNID:StationIdentifier"),
        stationName: string("Organisation / station"),
        portNumber: string("Text: ports can be 1A"),
        Address: string(),
        City: string(),
        State: string(),
        Country: string(),
        postalCode: string(),
        sessionID: long("Globally unique session identifier"),
        Energy: double("Energy drawn, kWh"),
        startTime: dateTime("For a station that was offline, when it came back"),
        endTime: dateTime("Empty while the session is active"),
        totalChargingDuration: string("Time in which current flowed, HH:MM:SS"),
        totalSessionDuration: string("HH:MM:SS"),
        userID: string("Driver; neither account number nor user name"),
        startBatteryPercentage: double(),
        stopBatteryPercentage: double(),
        recordNumber: long("Place in the whole result, from 1"),
        credentialID: string("Card serial number or app identifier"),
        endedBy: string("Such as Customer, Timeout, Station Offline, Plug Out at Vehicle"),
        vehicleMake: string("Where the driver shares it"),
        vehicleModel: string("Where the driver shares it"),
        vehicleModelYear: string("Where the driver shares it"),
        vehicleType: string(),
        vehiclePortMAC: string("Where the driver shares it"),
        driverOptedOut: string("Whether the driver opted out of a load shed event"),
        driverOptOutTimestamp: dateTime("When", { also: ["driverOptedOutTimestamp"] }),
        paymentTerminalInfo: string(),
        rfidSerialNumber: string("Enterprise plan with rights over the station only"),
        driverAccountNumber: string("Enterprise plan with rights over the station only"),
        driverName: string("Drivers connected to the organisation only"),
        vehicleID: string("Where station and vehicle can tell"),
      }),
    ),
    MoreFlag: int("1: more sessions match than the page holds", { also: ["moreFlag"] }),
  },
});
