import { dateTime, group, int, list, operation, result, string } from "../message.ts";
import { address, hardware, port, pricingRecord } from "./station-record.ts";
import { stationSearch } from "./station-search.ts";

/** Public stations of all owners; not in the guide's chapters but still served (ChargePoint's setup guide). */
export const getPublicStations = operation({
  name: "getPublicStations",
  doc: "Public stations near a place, with their ports and prices",
  section: "setup guide",
  effect: "read",
  request: {
    searchQuery: group({
      ...stationSearch,
    }),
  },
  response: {
    ...result,
    stationData: list(
      group({
        ...hardware,
        ...address,
        Port: port,
        Pricing: pricingRecord,
        numPorts: int("Ports of the station"),
        mainPhone: string("Driver support"),
        modTimeStamp: dateTime("Last change of the record"),
        timezoneOffset: string("Such as -08:00"),
        currencyCode: string("ISO 4217"),
      }),
    ),
  },
});
