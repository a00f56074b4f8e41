import type { PublicStationAnswer, PublicStatusAnswer } from "../account/answers.ts";
import { type Attribute, elements, from, portOf, type RegisterClass } from "./register.ts";
import { PORT_ELEMENTS, PRICING_ELEMENTS } from "./station-register.ts";

type Port = PublicStationAnswer["Port"][number];

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
  "modTimeStamp",
  "timezoneOffset",
  "currencyCode",
] as const;

/** A value of the port, or of the first port that has one: public records have nothing of it on the station. */
function either(read: (port: Port) => unknown): Attribute<PublicStationAnswer> {
  return {
    level: "either",
    read: (answer, port) =>
      port === undefined
        ? (answer.Port.map(read).find((value) => value !== null) ?? null)
        : read(portOf(answer, port)),
  };
}

/**
 * A station that every driver can use, whoever owns it: what it is (getPublicStations, setup guide) and whether its
 * ports are free (getPublicStationStatus, published schema). Each operation is called only where a row needs it.
 */
export const publicStationRegister: RegisterClass<"publicStation"> = {
  kind: "publicStation",
  attributes: {
    ...elements("station", STATION_ELEMENTS, (answer: PublicStationAnswer, name) => answer[name]),
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
    stationName: either(({ stationName }) => stationName),
    Description: either(({ Description }) => Description),
    Lat: either(({ Geo }) => Geo?.Lat ?? null),
    Long: either(({ Geo }) => Geo?.Long ?? null),
    ...from("publicStatus", {
      ...elements(
        "port",
        ["Status", "faultReason"] as const,
        (answer: PublicStatusAnswer, name, port) => portOf(answer, port ?? "")[name],
      ),
      TimeStamp: {
        level: "port",
        movesAlone: true,
        read: (answer: PublicStatusAnswer, port) => portOf(answer, port ?? "").TimeStamp,
      },
      networkStatus: { level: "station", read: (answer: PublicStatusAnswer) => answer.networkStatus },
    }),
  },
};
