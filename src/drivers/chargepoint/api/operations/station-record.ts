import { dateTime, double, group, int, list, string, time } from "../message.ts";

/** Parts of station records shared by the private and the public operations (guide §7.1.3, §7.2.3). */

/** States of a port and of a home station. */
export const PORT_STATUS = ["AVAILABLE", "INUSE", "UNREACHABLE", "UNKNOWN"] as const;

export const position = (doc = "") =>
  group({ Lat: string("Degrees north"), Long: string("Degrees east") }, doc);

/** Hardware of a station; precedes the address in the record. */
export const hardware = {
  stationID: string("CPNID:StationIdentifier; stays when the hardware is replaced"),
  stationManufacturer: string(),
  stationModel: string(),
  stationMacAddr: string("MAC address", { also: ["stationMacAddress", "stationMACAddress"] }),
  stationSerialNum: string("Hardware serial number"),
};

export const address = {
  Address: string("Street and number"),
  City: string(),
  State: string(),
  Country: string(),
  postalCode: string("Text: keeps leading zeros"),
};

export const port = list(
  group({
    portNumber: string("From 1; text: ports can be 1A"),
    stationName: string("Organisation / station, on older stations"),
    Geo: position(),
    Description: string(),
    Reservable: int("1 can be reserved, 0 cannot"),
    Status: string("", { values: PORT_STATUS }),
    Level: string("L1, L2, … US and AU stations; several as 1,2"),
    timeStamp: dateTime("", { also: ["TimeStamp"] }),
    Mode: string("EU stations"),
    Connector: string("Such as J1772, NEMA 5-20R, Schuko, ALFENL3"),
    Voltage: string("Nominal, V"),
    Current: string("Supported, A"),
    Power: string("Supported, kW"),
    estimatedCost: double("Of a session by the query's Pricing, in currencyCode"),
  }),
);

export const pricingRecord = list(
  group({
    Type: string("What is charged for", { values: ["Session", "Hourly", "kWh"] }),
    startTime: time("From this time of day"),
    endTime: time("Until this time of day"),
    minPrice: double("Least charged for a session, in currencyCode"),
    maxPrice: double("Most charged for a session, in currencyCode"),
    initialUnitPriceDuration: int("Length of the first portion"),
    unitPriceForFirst: double("Hourly price of the first portion"),
    unitPricePerHour: double("In currencyCode"),
    unitPricePerHourThereafter: double("Hourly price after the first portion"),
    unitPricePerSession: double("In currencyCode"),
    unitPricePerKWh: double("In currencyCode"),
    sessionTime: string("Longest session allowed"),
  }),
);

/** Status of a station and its ports; networks spell REACHABLE and UNREACHABLE in any case. */
export const stationStatus = group({
  stationID: string("CPNID:StationIdentifier"),
  Port: list(
    group({
      portNumber: string("From 1; text: ports can be 1A"),
      Status: string("Whether it is free, in use, out of reach or unknown", { values: PORT_STATUS }),
      faultReason: string("Why the port is out of service; NONE when it is not", { also: ["FaultReason"] }),
      TimeStamp: dateTime("Last word from the station", { also: ["timeStamp"] }),
      Connector: string("With portDetails only"),
      Power: string("Supported, kW; with portDetails only"),
    }),
  ),
  recordNumber: int("Place in the whole result, from 1"),
  networkStatus: string("REACHABLE or UNREACHABLE, in any case", { values: ["REACHABLE", "UNREACHABLE"] }),
});
