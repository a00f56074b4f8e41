import { endpointInClear } from "../../config/loopback.ts";
import { ECONNECT_ENDPOINT } from "./api/client.ts";

/** The stations that a config selects: all, those with these values in these fields, or those listed. */
export type StationSet = "all" | Readonly<Record<string, string>> | readonly string[];

/** `driver_config` of an eConnect station, checked and with defaults. */
export interface EconnectConfig {
  readonly endpoint: string;
  readonly business_partner: string;
  readonly username: string;
  readonly password: string;
  readonly station: string;
  /** Instead of a station: a set of stations. */
  readonly stations?: StationSet;
  /** Field of a station's entry that `station` is compared with. */
  readonly station_key: string;
  /** Seconds between reads of the account's stations. */
  readonly nameplate_interval: number;
}

/** `Attribute Name`s and other names of fields: `location.city`, `chargingPoints[0].evseId`. */
const FIELD = "^[^.\\[\\]]+(\\[\\d+\\])*(\\.[^.\\[\\]]+(\\[\\d+\\])*)*$";

export const configSchema = {
  type: "object",
  additionalProperties: false,
  required: ["business_partner", "username", "password"],
  "x-sends-in-clear": endpointInClear,
  "x-set": { key: "stations", member: "station", placeholders: ["station", "modelInfo", "type"] },
  properties: {
    endpoint: {
      type: "string",
      pattern: "^https?://",
      default: ECONNECT_ENDPOINT,
      "x-destination": true,
      "x-expected": "an address that begins with https:// or http://",
      description: "Address of the service, without `/masterdata`.",
    },
    business_partner: {
      type: "string",
      minLength: 1,
      "x-expected": 'the number of the business partner as text, e.g. "4711"',
      description: "Number of the business partner that owns the stations, in quotes.",
    },
    username: {
      type: "string",
      pattern: "^[^:]+$",
      "x-expected": "text without a colon",
      description: "User name of the eConnect API.",
    },
    password: {
      type: "string",
      minLength: 1,
      "x-secret": true,
      description: "Password of the eConnect API. A [secret](#variables-and-secrets).",
    },
    station: {
      type: "string",
      minLength: 1,
      description: "Station to read, by its value in the field `station_key`. Either this or `stations`.",
    },
    stations: {
      anyOf: [
        { const: "all" },
        {
          type: "object",
          additionalProperties: { type: "string" },
          minProperties: 1,
          "x-expected": "an object of fields and their values",
        },
        { type: "array", items: { type: "string", minLength: 1 }, minItems: 1, uniqueItems: true },
      ],
      "x-expected":
        '"all", an object of fields and their values, e.g. {"state": "operational"}, or a list of stations',
      description:
        "[Set of stations](econnect.md#all-stations-at-once) instead of one; each becomes a device.",
    },
    station_key: {
      type: "string",
      pattern: FIELD,
      default: "id",
      "x-expected": "the name of a field, e.g. id",
      description: "Field that [identifies a station](econnect.md#which-field-identifies-a-station).",
    },
    nameplate_interval: {
      type: "number",
      minimum: 0,
      default: 900,
      description:
        "Seconds between reads of the account's stations, [all of them at a time](econnect.md#what-is-asked-and-when).",
    },
  },
} as const;
