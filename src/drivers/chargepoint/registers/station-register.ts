import type { StationAnswer } from "../account/answers.ts";
import { type Description, elements, portOf, type RegisterClass } from "./register.ts";

export const STATION_ELEMENTS = {
  stationID: {
    type: "string",
    meaning: "Network number, colon, station number. Stays the same when the hardware is replaced.",
  },
  stationManufacturer: { type: "string", meaning: "Manufacturer." },
  stationModel: { type: "string", meaning: "Model." },
  stationMacAddr: { type: "string", meaning: "MAC address." },
  stationSerialNum: { type: "string", meaning: "Serial number; text." },
  Address: { type: "string", meaning: "Street address." },
  City: { type: "string", meaning: "City." },
  State: { type: "string", meaning: "State or province." },
  Country: { type: "string", meaning: "Country." },
  postalCode: { type: "string", meaning: "Postal code; text." },
  numPorts: { type: "integer", meaning: "Number of ports." },
  mainPhone: { type: "string", meaning: "Support line for drivers." },
  orgID: { type: "string", meaning: "Organisation that owns it." },
  organizationName: { type: "string", meaning: "Name of that organisation." },
  sgID: { type: "string", meaning: "Station groups it belongs to, joined by commas." },
  sgName: { type: "string", meaning: "Names of these groups, joined by commas." },
  currencyCode: { type: "string", meaning: "Currency of the prices, ISO 4217." },
  // New in 5.1 (guide §1.1.3 and §7.1.3).
  stationActivationDate: { type: "datetime", meaning: "When it was activated." },
  lastModifiedDate: { type: "datetime", meaning: "When its record was changed last." },
  modTimeStamp: { type: "datetime", meaning: "Last change of the record, as a time stamp." },
  timezoneOffset: { type: "string", meaning: "Offset of its time zone from UTC; text." },
  warrantyExpirationDate: { type: "datetime", meaning: "End of the warranty." },
  warrantyService: { type: "string", meaning: "Warranty in force." },
  siteValidated: { type: "boolean", meaning: "Whether the installation was validated." },
  siteValidationDate: { type: "datetime", meaning: "When the installation was validated." },
  wanIpAddress: { type: "string", meaning: "WAN address." },
  networkStatus: { type: "string", meaning: "REACHABLE or UNREACHABLE.", measure: "reachable" },
  stationFirmware: { type: "string", meaning: "Firmware version." },
  stationReception: { type: "integer", unit: "dBm", meaning: "Signal strength; nearer to 0 is better." },
  radioGroupID: { type: "integer", meaning: "Radio group." },
} satisfies Record<string, Description>;

/** Elements of the first pricing specification; null on a station without one. */
export const PRICING_ELEMENTS = {
  Type: {
    type: "string",
    meaning:
      "First price rule: Session, Hourly or kWh. All attributes from here to `sessionTime` are of the first price rule, null without one.",
  },
  startTime: { type: "time", meaning: "Start of its period, time of day." },
  endTime: { type: "time", meaning: "End of its period." },
  minPrice: { type: "float", unit: "currency", meaning: "Minimum price of a session." },
  maxPrice: { type: "float", unit: "currency", meaning: "Maximum price of a session." },
  unitPricePerHour: { type: "float", unit: "currency/h", meaning: "Price per hour." },
  unitPricePerSession: { type: "float", unit: "currency", meaning: "Price per session." },
  unitPricePerKWh: { type: "float", unit: "currency/kWh", meaning: "Price per kWh." },
  unitPriceForFirst: {
    type: "float",
    unit: "currency/h",
    meaning: "Price of the first part, where the price changes with time.",
  },
  unitPricePerHourThereafter: { type: "float", unit: "currency/h", meaning: "Price after the first part." },
  sessionTime: { type: "string", meaning: "Longest session allowed." },
} satisfies Record<string, Description>;

export const PORT_ELEMENTS = {
  portNumber: { type: "string", meaning: "Number of the port; text." },
  Reservable: { type: "boolean", meaning: "Whether it can be reserved." },
  Level: { type: "string", meaning: "L1, L2, … (US and AU stations)." },
  Mode: { type: "string", meaning: "Charging mode (European stations)." },
  Connector: { type: "string", meaning: "Connector type." },
  Voltage: { type: "float", unit: "V", meaning: "Nominal voltage." },
  Current: { type: "float", unit: "A", meaning: "Supported current." },
  Power: { type: "float", unit: "kW", meaning: "Supported power.", measure: "nominal" },
  estimatedCost: {
    type: "float",
    unit: "currency",
    meaning: "Estimated cost of a session; only where the service sends it.",
  },
} satisfies Record<string, Description>;

/**
 * Reads a value that older stations send on the port and 5.1 stations on the station (§7.1.7). A row with a port takes it
 * from that port first; a row without one takes it from the station first, then from its ports in their order.
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

/** Master data of a station and its location: getStations, guide §7.1. */
export const stationRegister: RegisterClass<"station"> = {
  kind: "station",
  attributes: {
    stationName: {
      level: "either",
      type: "string",
      meaning:
        "Organisation and name of the station. Older stations send it with their ports: a row without a port takes the station's value first, a row with a port that port's.",
      measure: "name",
      read: (answer, port) => eitherPlace(answer, port, answer.stationName, (p) => p.stationName),
    },
    Description: {
      level: "either",
      type: "string",
      meaning: "Text entered when the station was set up. Read as `stationName` is.",
      read: (answer, port) => eitherPlace(answer, port, answer.Description, (p) => p.Description),
    },
    Lat: {
      level: "either",
      type: "float",
      unit: "degrees",
      meaning: "Latitude. Read as `stationName` is.",
      read: (answer, port) => eitherPlace(answer, port, answer.Geo?.Lat ?? null, (p) => p.Geo?.Lat ?? null),
    },
    Long: {
      level: "either",
      type: "float",
      unit: "degrees",
      meaning: "Longitude.",
      read: (answer, port) => eitherPlace(answer, port, answer.Geo?.Long ?? null, (p) => p.Geo?.Long ?? null),
    },
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
  },
};
