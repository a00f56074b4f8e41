import { endpointInClear } from "../../config/loopback.ts";

/** Which stations a config stands for: those of a group, an organisation, with a name (`*` and `?`), or these. */
export type StationSet =
  | { readonly sgID?: string | number; readonly orgID?: string; readonly stationName?: string }
  | readonly string[];

/** `driver_config` of a ChargePoint station, checked and with defaults (contracts.md: Device config). */
export interface ChargePointConfig {
  readonly stationID: string;
  /** Instead of a station: a set of them. */
  readonly stations?: StationSet;
  readonly username: string;
  readonly password: string;
  readonly region: "NA" | "NA-QA" | "EU" | "EU-QA" | "CA";
  /** Instead of a region: a service of one's own, such as the simulator. */
  readonly endpoint?: string;
  /** Seconds that an answer may be old; VOLTTRON's spelling. */
  readonly cacheExpiration: number;
  /** `timeInterval` of every shed, renewed while held; 0 = until cleared. */
  readonly shed_lease_minutes: number;
  readonly shed_mode_change: "clear_first" | "reject";
  readonly shed_port_clear?: "restore_others" | "reject";
  readonly shed_idle_port?: "warn" | "reject";
  /** Seconds between reads of what seldom changes: stations and rights. */
  readonly nameplate_interval?: number;
  /** Calls of the account that may be under way at a time. */
  readonly calls_in_flight?: number;
  /** Calls of the account in a minute. */
  readonly calls_per_minute?: number;
}

export const NAMEPLATE_INTERVAL_SECONDS = 3600;
export const CALLS_IN_FLIGHT = 8;
export const CALLS_PER_MINUTE = 600;

export const configSchema = {
  type: "object",
  additionalProperties: false,
  required: ["username", "password"],
  "x-sends-in-clear": endpointInClear,
  "x-set": {
    key: "stations",
    member: "stationID",
    placeholders: ["stationID", "stationName", "organisation", "name", "serial", "model", "city", "state"],
  },
  properties: {
    stationID: {
      type: "string",
      pattern: "^\\d+:\\S+$",
      "x-expected": "a network number, a colon and a station number, e.g. 1:12345",
      description: "Station to read, CPNID:StationIdentifier, e.g. 1:12345",
    },
    stations: {
      anyOf: [
        {
          type: "object",
          properties: {
            sgID: {
              type: ["string", "integer"],
              pattern: "^\\d+$",
              minimum: 0,
              "x-expected": 'the number of a station group, e.g. "20001"',
              description: "Stations of this group",
            },
            orgID: { type: "string", minLength: 1, description: "Stations of this organisation" },
            stationName: {
              type: "string",
              minLength: 1,
              description: "Stations with this name; * stands for any text, ? for one character",
            },
          },
          minProperties: 1,
          "x-expected": "an object with sgID, orgID or stationName",
          additionalProperties: false,
        },
        {
          type: "array",
          items: { type: "string", pattern: "^\\d+:\\S+$" },
          minItems: 1,
          uniqueItems: true,
        },
      ],
      "x-expected": 'an object of sgID, orgID and stationName, or a list of stationIDs, e.g. ["1:12345"]',
      description: "Instead of stationID: a set of stations, each of which becomes a device",
    },
    username: { type: "string", minLength: 1, description: "API licence key" },
    password: { type: "string", minLength: 1, "x-secret": true, description: "API password" },
    region: {
      type: "string",
      enum: ["NA", "NA-QA", "EU", "EU-QA", "CA"],
      default: "NA",
      description: "Which of ChargePoint's services the account belongs to",
    },
    endpoint: {
      type: "string",
      pattern: "^https?://",
      "x-expected": "an address that begins with https:// or http://",
      description: "Address of the service, instead of a region; for the simulator",
    },
    cacheExpiration: {
      type: "number",
      minimum: 0,
      default: 0,
      description: "Seconds that an answer may be old when a scrape uses it",
    },
    shed_lease_minutes: {
      type: "integer",
      minimum: 0,
      maximum: 10080,
      default: 60,
      description: "Every shed ends by itself after so many minutes unless it is renewed; 0 = until cleared",
    },
    shed_mode_change: {
      type: "string",
      enum: ["clear_first", "reject"],
      default: "clear_first",
      description:
        "When a station shed by this bridge is to be shed in the other mode: clear first, or refuse",
    },
    shed_port_clear: {
      type: "string",
      enum: ["restore_others", "reject"],
      default: "restore_others",
      description:
        "When one port is cleared while others of the station are limited: apply their limits again where the service clears them too, or refuse",
    },
    shed_idle_port: {
      type: "string",
      enum: ["warn", "reject"],
      default: "warn",
      description:
        "When percentShed is written to a port that delivers nothing, which stops it until the shed ends: say so in the answer, or refuse",
    },
    nameplate_interval: {
      type: "number",
      minimum: 0,
      default: NAMEPLATE_INTERVAL_SECONDS,
      description: "Seconds between reads of what seldom changes: getStations and getStationRights",
    },
    calls_in_flight: {
      type: "integer",
      minimum: 1,
      maximum: 100,
      default: CALLS_IN_FLIGHT,
      description: "Calls of the account under way at a time; the account's first device decides",
    },
    calls_per_minute: {
      type: "integer",
      minimum: 1,
      default: CALLS_PER_MINUTE,
      description: "Calls of the account in a minute; the account's first device decides",
    },
  },
} as const;
