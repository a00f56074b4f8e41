import type { StationAnswer } from "../account/answers.ts";
import { elements, portOf, type RegisterClass } from "./register.ts";

const STATION_ELEMENTS = [
  "stationID",
  "stationManufacturer",
  "stationModel",
  "stationMacAddr",
  "stationSerialNum",
  "Address",
  "City",
  "State",
  "Country",
  "postalCode",
  "numPorts",
  "mainPhone",
  "orgID",
  "organizationName",
  "sgID",
  "sgName",
  "currencyCode",
  // New in 5.1 (guide §1.1.3 and §7.1.3).
  "stationActivationDate",
  "lastModifiedDate",
  "modTimeStamp",
  "timezoneOffset",
  "warrantyExpirationDate",
  "warrantyService",
  "siteValidated",
  "siteValidationDate",
  "wanIpAddress",
  "networkStatus",
  "stationFirmware",
  "stationReception",
  "radioGroupID",
] as const;

/** Of the first pricing specification; null on a station without one. */
export const PRICING_ELEMENTS = [
  "Type",
  "startTime",
  "endTime",
  "minPrice",
  "maxPrice",
  "unitPricePerHour",
  "unitPricePerSession",
  "unitPricePerKWh",
  "unitPriceForFirst",
  "unitPricePerHourThereafter",
  "sessionTime",
] as const;

export const PORT_ELEMENTS = [
  "portNumber",
  "Reservable",
  "Level",
  "Mode",
  "Connector",
  "Voltage",
  "Current",
  "Power",
  "estimatedCost",
] as const;

/**
 * A value that older stations send on the port and 5.1 stations on the station (§7.1.7). A row with a port looks
 * at that port first; a row without one looks at the station first, then at its ports in their order.
 */
function eitherPlace(
  answer: StationAnswer,
  port: string | undefined,
  onStation: unknown,
  onPort: (port: StationAnswer["Port"][number]) => unknown,
): unknown {
  if (port !== undefined) return onPort(portOf(answer, port)) ?? onStation;
  return onStation ?? answer.Port.map(onPort).find((value) => value !== null) ?? null;
}

/** What a station is and where it stands: getStations, guide §7.1. */
export const stationRegister: RegisterClass<"station"> = {
  kind: "station",
  attributes: {
    ...elements("station", STATION_ELEMENTS, (answer: StationAnswer, name) => answer[name]),
    ...elements(
      "station",
      PRICING_ELEMENTS,
      (answer: StationAnswer, name) => answer.Pricing[0]?.[name] ?? null,
    ),
    ...elements(
      "port",
      PORT_ELEMENTS,
      (answer: StationAnswer, name, port) => portOf(answer, port ?? "")[name],
    ),
    stationName: {
      level: "either",
      read: (answer, port) => eitherPlace(answer, port, answer.stationName, (p) => p.stationName),
    },
    Description: {
      level: "either",
      read: (answer, port) => eitherPlace(answer, port, answer.Description, (p) => p.Description),
    },
    Lat: {
      level: "either",
      read: (answer, port) => eitherPlace(answer, port, answer.Geo?.Lat ?? null, (p) => p.Geo?.Lat ?? null),
    },
    Long: {
      level: "either",
      read: (answer, port) => eitherPlace(answer, port, answer.Geo?.Long ?? null, (p) => p.Geo?.Long ?? null),
    },
  },
};
