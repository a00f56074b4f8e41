import { dateTime, group, int, list, operation, result, string } from "../message.ts";
import { PORT_STATUS } from "./station-record.ts";

const CONNECTION_STATUS = ["APPROVED", "NOT CONNECTED", "REJECTED", "PENDING"] as const;
const REALM_STATUS = ["APPROVED", "NOT MANAGED"] as const;

const connectionStatus = string("Of the connection to the organisation", { values: CONNECTION_STATUS });
const realmStatus = string("In the organisation's realm", { values: REALM_STATUS });

const customInfo = group(
  {
    Key: string("Name of the entry, such as Employee ID; the organisation chose it"),
    Value: string("What the driver entered"),
  },
  "What the driver stated when connecting",
  { sequence: true },
);
const customInfos = group({ customInfo: list(customInfo) });

/** Drivers connected to the organisation or managed by it (guide §9.1). */
export const getUsers = operation({
  name: "getUsers",
  doc: "Drivers that are connected to the organisation, asked to be, or are managed by it",
  restrictions:
    "Drivers of the organisation's first connection offer; 500 drivers a call, adjustable by the service",
  section: "9.1",
  effect: "read",
  paging: {
    size: 500,
    records: "user",
    recordsIn: "users",
    sizeElement: "numUsers",
    moreElement: "moreFlag",
    moreIn: "users",
  },
  request: {
    searchQuery: group({
      userID: string("Driver; neither account number nor user name"),
      firstName: string(),
      lastName: string(),
      lastModifiedTimeStamp: dateTime("Accounts changed at or after this moment", {
        also: ["lastModifiedTimestamp"],
      }),
      Connection: group({ Status: connectionStatus, customInfo }, "By the connection to the organisation"),
      managementRealm: group({ Status: realmStatus, customInfo }, "By the organisation's realm"),
      credentialID: string("Card serial number or app identifier"),
      startRecord: int("Number of the first record wanted, from 1"),
      numUsers: int("Most drivers in the answer; default 500"),
    }),
  },
  response: {
    ...result,
    users: group({
      user: list(
        group({
          lastModifiedTimestamp: dateTime("Last change of the account", { also: ["lastModifiedTimeStamp"] }),
          userID: string("Neither account number nor user name"),
          firstName: string(),
          lastName: string(),
          driverEmail: string("Some service plans only; also found in Connection"),
          Connection: group({
            Status: connectionStatus,
            requestTimeStamp: dateTime("When the driver asked for the connection"),
            driverEmail: string("Some service plans only"),
            customInfos,
          }),
          managementRealm: group({
            Status: realmStatus,
            signupTimeStamp: dateTime("When the driver signed up"),
            customInfos,
          }),
          credentialIDs: group({ credentialID: list(string("Card serial number or app identifier")) }),
          homeStationDetails: group(
            {
              stationSerialNumber: string(),
              stationStatus: string("Whether it is powered and reachable", {
                values: PORT_STATUS,
              }),
              stationModelNumber: string(),
              stationMacAddress: string("MAC address", { also: ["stationMACAddress", "stationMacAddr"] }),
              stationActivationDate: dateTime("When the driver activated it"),
            },
            "The driver's home station; home programmes only",
          ),
          recordNumber: int("Place in the whole result, from 1"),
        }),
      ),
      moreFlag: int("1: more drivers match than the page holds", { also: ["MoreFlag"] }),
    }),
  },
});
