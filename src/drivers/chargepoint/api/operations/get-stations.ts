import { dateTime, group, int, list, operation, result, string } from "../message.ts";
import { address, hardware, port, position, pricingRecord } from "./station-record.ts";
import { organisation, stationPage, stationSearch, WARRANTY_SERVICES } from "./station-search.ts";

/** Stations that the account has rights to, with their ports, prices and equipment (guide §7.1). */
export const getStations = operation({
  name: "getStations",
  doc: "Stations with their ports, prices and equipment",
  restrictions: "Stations that the account has rights to; 500 a call",
  section: "7.1",
  effect: "read",
  paging: { size: 500, records: "stationData", sizeElement: "numStations", moreElement: "moreFlag" },
  request: {
    searchQuery: group({
      ...stationSearch,
      ...organisation,
      stationActivationDate: dateTime(),
      warrantyService: string("One of the names of §7.1.5", { values: WARRANTY_SERVICES }),
      ...stationPage,
    }),
  },
  response: {
    ...result,
    stationData: list(
      group({
        recordNumber: int("Place in the whole result, from 1"),
        ...hardware,
        stationName: string("Organisation / station; older stations carry it in Port"),
        Description: string("As entered at provisioning"),
        Geo: position("Some stations carry it in Port"),
        stationActivationDate: dateTime(),
        ...address,
        Port: port,
        Pricing: pricingRecord,
        numPorts: int(),
        driverName: string(),
        driverAddress: string(),
        driverEmail: string(),
        driverPhoneNumber: string(),
        lastModifiedDate: dateTime(),
        mainPhone: string("Driver support"),
        modTimeStamp: dateTime("Last change of the record"),
        timezoneOffset: string("Such as -08:00"),
        currencyCode: string("ISO 4217"),
        orgID: string("CPNID:CompanyID"),
        organizationName: string(),
        sgID: string('Groups it is in, joined by commas: "39491, 58279"'),
        sgName: string("Their names, joined by commas"),
        warrantyExpirationDate: string("End of the present warranty"),
        warrantyService: string("Warranty in force, one of the names of §7.1.5", {
          values: WARRANTY_SERVICES,
        }),
        siteValidated: string("Whether the site's design was validated for the warranty"),
        siteValidationDate: string(),
        wanIpAddress: string(),
        networkStatus: string("REACHABLE or UNREACHABLE, in any case", {
          values: ["REACHABLE", "UNREACHABLE"],
        }),
        stationFirmware: string(),
        stationReception: string("Signal strength; the unit depends on the modem, §7.1.4"),
        radioGroupID: string(),
      }),
    ),
    moreFlag: int("1: more stations match than the page holds", { also: ["MoreFlag"] }),
  },
});
