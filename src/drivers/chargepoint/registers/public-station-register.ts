import type { PublicStationAnswer, PublicStatusAnswer } from "../account/answers.ts";
import {
  type Attribute,
  type Description,
  elements,
  from,
  pick,
  portOf,
  type RegisterClass,
} from "./register.ts";
import { PORT_ELEMENTS, PRICING_ELEMENTS, STATION_ELEMENTS } from "./station-register.ts";
import { FREE_PORTS, STATUS_ELEMENTS } from "./station-status-register.ts";

type Port = PublicStationAnswer["Port"][number];

/** The station elements that public records have. */
const OWN_ELEMENTS = [
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
  "modTimeStamp",
  "timezoneOffset",
  "currencyCode",
] as const;

/** Reads a value of the port, or of the first port that has one: public records have none on the station. */
function either(description: Description, read: (port: Port) => unknown): Attribute<PublicStationAnswer> {
  return {
    ...description,
    level: "either",
    read: (answer, port) =>
      port === undefined
        ? (answer.Port.map(read).find((value) => value !== null) ?? null)
        : read(portOf(answer, port)),
  };
}

/**
 * A station that every driver can use, regardless of its owner: its master data (getPublicStations, setup guide) and
 * whether its ports are free (getPublicStationStatus, published schema). Each operation is called only where a row needs
 * it.
 */
export const publicStationRegister: RegisterClass<"publicStation"> = {
  kind: "publicStation",
  attributes: {
    stationName: either(
      {
        type: "string",
        meaning:
          "Organisation and name of the station. A row without a port takes that of the first port that has one.",
        measure: "name",
      },
      ({ stationName }) => stationName,
    ),
    Description: either(
      { type: "string", meaning: "Text entered when the station was set up. Read as `stationName` is." },
      ({ Description }) => Description,
    ),
    Lat: either(
      { type: "float", unit: "degrees", meaning: "Latitude. Read as `stationName` is." },
      ({ Geo }) => Geo?.Lat ?? null,
    ),
    Long: either({ type: "float", unit: "degrees", meaning: "Longitude." }, ({ Geo }) => Geo?.Long ?? null),
    ...elements(
      "station",
      pick(STATION_ELEMENTS, OWN_ELEMENTS),
      (answer: PublicStationAnswer, name) => answer[name],
    ),
    ...elements(
      "station",
      PRICING_ELEMENTS,
      (answer: PublicStationAnswer, name) => answer.Pricing[0]?.[name] ?? null,
    ),
    ...elements(
      "port",
      PORT_ELEMENTS,
      (answer: PublicStationAnswer, name, port) => portOf(answer, port ?? "")[name],
    ),
    ...from("publicStatus", {
      ...elements(
        "port",
        pick(STATUS_ELEMENTS, ["Status", "faultReason"]),
        (answer: PublicStatusAnswer, name, port) => portOf(answer, port ?? "")[name],
      ),
      TimeStamp: {
        level: "port",
        type: "datetime",
        meaning: "Last contact between station and network.",
        movesAlone: true,
        read: (answer: PublicStatusAnswer, port) => portOf(answer, port ?? "").TimeStamp,
      },
      networkStatus: {
        level: "station",
        type: "string",
        meaning: "REACHABLE or UNREACHABLE.",
        measure: "reachable",
        read: (answer: PublicStatusAnswer) => answer.networkStatus,
      },
      ...FREE_PORTS,
    }),
  },
};
