import { boolean, double, group, int, list, string, time } from "../message.ts";

/**
 * Search elements that getStations, getStationStatus and getStationRights share (guide §7.1.2, §7.2.2, §7.6.2),
 * in the runs in which they follow each other on the wire.
 */

export const make = {
  stationManufacturer: string("Manufacturer of the station"),
  stationModel: string("Manufacturer's model number"),
  stationName: string("Organisation and station name; wildcards allowed"),
};

export const place = {
  Address: string("Street and number, or the whole address"),
  City: string(),
  State: string(),
  Country: string(),
  postalCode: string("Text: keeps leading zeros"),
};

export const radius = {
  Proximity: double("Radius around the place asked for, in proximityUnit; the service's default is 5"),
  proximityUnit: string("M miles (default), N nautical miles, K kilometres, F feet, I inches"),
};

export const outlet = {
  Connector: string("Such as J1772, NEMA 5-20R, Schuko, ALFENL3"),
  Voltage: string("Nominal, V"),
  Current: string("Supported, A"),
  Power: string("Supported, kW"),
};

export const geo = group(
  { Lat: string("Degrees north"), Long: string("Degrees east") },
  "Reference point; the guide's tables show Lat and Long without their Geo",
);

export const demoSerialNumber = group(
  { serialNumber: list(string("Serial number")) },
  "Only for demonstration stations",
);

export const reservable = boolean("Whether the station can be reserved");

export const level = string("1, 2, 3 or 4 (DC fast); US and AU stations");
export const mode = string("1, 3 or 4 (DC fast); EU stations");

export const pricing = group(
  {
    startTime: time("Start of the session, HH:MM:SS"),
    Duration: int("Estimated, h"),
    energyRequired: double("Estimated, kWh"),
    vehiclePower: double("Drawn by the vehicle, kW"),
  },
  "For the estimated cost: all four or none (code 166)",
);

export const organisation = {
  orgID: string("CPNID:CompanyID"),
  organizationName: string(),
  sgID: string("Custom station group identifier"),
  sgName: string("Custom station group name"),
};

/** Where the page starts, and how long it is. */
export const stationPage = {
  startRecord: int("Number of the first record wanted, from 1"),
  numStations: int("Most stations in the answer"),
};
