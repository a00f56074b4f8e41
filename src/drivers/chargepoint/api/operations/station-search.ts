import { boolean, double, group, int, list, string, time } from "../message.ts";

/** Search elements shared by the operations on stations (guide §7.1.2, §7.2.2, §7.6.2), in their order on the wire. */

const make = {
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
  proximityUnit: string("M miles (default), N nautical miles, K kilometres, F feet, I inches", {
    values: ["M", "N", "K", "F", "I"],
  }),
};

const outlet = {
  Connector: string("Such as J1772, NEMA 5-20R, Schuko, ALFENL3"),
  Voltage: string("Nominal, V"),
  Current: string("Supported, A"),
  Power: string("Supported, kW"),
};

export const geo = group(
  { Lat: string("Degrees north"), Long: string("Degrees east") },
  "Reference point; the guide's tables show Lat and Long without their Geo",
);

const demoSerialNumber = group(
  { serialNumber: list(string("Serial number")) },
  "Only for demonstration stations",
);

const reservable = boolean("Whether the station can be reserved");

const level = string("1, 2, 3 or 4 (DC fast); US and AU stations", { values: ["1", "2", "3", "4"] });
const mode = string("1, 3 or 4 (DC fast); EU stations", { values: ["1", "3", "4"] });

const pricing = group(
  {
    startTime: time("Start of the session, HH:MM:SS"),
    Duration: int("Estimated, h", { also: ["duration"] }),
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

/** Search of getStations, getPublicStations and getStationRights without their pages and rights. */
export const stationSearch = {
  stationID: string("CPNID:StationIdentifier"),
  ...make,
  serialNumber: string("Hardware serial number"),
  ...place,
  ...radius,
  ...outlet,
  demoSerialNumber,
  Reservable: reservable,
  Geo: geo,
  Level: level,
  Mode: mode,
  Pricing: pricing,
};

/** Search of getStationStatus without its pages, and of getPublicStationStatus. */
export const statusSearch = {
  stationID: string("One station; not together with stationIDs (code 194)"),
  stationIDs: group({ stationID: list(string("CPNID:StationIdentifier")) }, "Up to 500 stations"),
  ...make,
  ...place,
  ...radius,
  ...outlet,
  portDetails: boolean("Answer with Connector and Power of each port; default false"),
  demoSerialNumber,
  Reservable: reservable,
  Geo: geo,
  Status: int("1 available, 2 in use, 3 unknown", { values: ["1", "2", "3"] }),
  Level: level,
  Mode: mode,
  Pricing: pricing,
};

/** The names of §7.1.5. */
export const WARRANTY_SERVICES = [
  "None",
  "Parts Only",
  "Parts and Labor",
  "Mission Critical",
  "Remote Support Standard",
  "Remote Support Critical",
  "Remote Support and EPW Standard",
  "Remote Support and EPW Critical",
] as const;

/** Start and length of a page. */
export const stationPage = {
  startRecord: int("Number of the first record wanted, from 1"),
  numStations: int("Most stations in the answer"),
};
