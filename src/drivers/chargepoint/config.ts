import { endpointInClear } from "../../config/loopback.ts";
import type { SettingFault } from "../../config/schema/schema.ts";
import { REGIONS, regionOf } from "./api/endpoints.ts";

/** The stations that a config selects: those of a group, of an organisation, with a name (`*` and `?`), or those listed. */
export type StationSet =
  | { readonly sgID?: string | number; readonly orgID?: string; readonly stationName?: string }
  | readonly string[];

/** `driver_config` of a ChargePoint station, validated and with defaults (contracts.md: Device config). */
export interface ChargePointConfig {
  readonly stationID: string;
  /** Instead of a station: a set of stations. */
  readonly stations?: StationSet;
  readonly username: string;
  readonly password: string;
  readonly region: "NA" | "NA-QA" | "EU" | "EU-QA" | "CA";
  /** Instead of a region: the address of another service, such as the simulator. */
  readonly endpoint?: string;
  /** Maximum age of an answer used by a scrape, in seconds; VOLTTRON's spelling. */
  readonly cacheExpiration: number;
  /** `timeInterval` of every shed, renewed while it is held, in minutes; 0 = until cleared. */
  readonly shed_lease_minutes: number;
  readonly shed_mode_change: "clear_first" | "reject";
  readonly shed_port_clear?: "restore_others" | "reject";
  readonly shed_idle_port?: "warn" | "reject";
  /** Interval between reads of what rarely changes, stations and rights, in seconds. */
  readonly nameplate_interval?: number;
  /** Whether the alarms are read even where the registry has no row of them. */
  readonly read_alarms?: boolean;
  /** Maximum number of concurrent calls of the account. */
  readonly calls_in_flight?: number;
  /** Maximum number of calls of the account per minute. */
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
  "x-faults": accountFaults,
  "x-set": {
    key: "stations",
    member: "stationID",
    placeholders: ["stationID", "stationName", "organisation", "name", "serial", "model", "city", "state"],
  },
  properties: {
    stationID: {
      type: "string",
      pattern: "^\\d+:\\d+$",
      "x-expected": "a network number, a colon and a station number, e.g. 1:12345",
      description:
        "Station to read, as ChargePoint writes it: network number, colon, station number. Either this or `stations`.",
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
              description: "Stations of this station group.",
            },
            orgID: { type: "string", minLength: 1, description: "Stations of this organisation." },
            stationName: {
              type: "string",
              minLength: 1,
              description: "Stations with this name; `*` stands for any text, `?` for one character.",
            },
          },
          minProperties: 1,
          "x-expected": "an object with sgID, orgID or stationName",
          additionalProperties: false,
        },
        {
          type: "array",
          items: {
            type: "string",
            pattern: "^\\d+:\\d+$",
            "x-expected": "a network number, a colon and a station number, e.g. 1:12345",
          },
          minItems: 1,
          uniqueItems: true,
        },
      ],
      "x-expected": 'an object of sgID, orgID and stationName, or a list of stationIDs, e.g. ["1:12345"]',
      description: "[Set of stations](#sets-of-stations) instead of one; each becomes a device.",
    },
    username: {
      type: "string",
      minLength: 1,
      "x-file": true,
      description: "API licence key; may be in a [file](#variables-and-secrets) too.",
    },
    password: {
      type: "string",
      minLength: 1,
      "x-secret": true,
      description: "API password. A [secret](#variables-and-secrets).",
    },
    region: {
      type: "string",
      enum: ["NA", "NA-QA", "EU", "EU-QA", "CA"],
      default: "NA",
      "x-destination": true,
      description: "ChargePoint service that the account belongs to.",
    },
    endpoint: {
      type: "string",
      pattern: "^https?://",
      "x-destination": true,
      "x-expected": "an address that begins with https:// or http://",
      description: "Address of the service, instead of a region, e.g. of the [simulator](simulator.md).",
    },
    cacheExpiration: {
      type: "number",
      minimum: 0,
      default: 0,
      description:
        "Maximum age, in seconds, of an answer of the service that a scrape uses again; [`observedAt`](mqtt.md#the-state-view) is its time. 0: each scrape reads anew ([fleet](fleet.md)). Reads after a write and `get` always ask the service.",
    },
    shed_lease_minutes: {
      type: "integer",
      minimum: 0,
      maximum: 10080,
      default: 60,
      description:
        "Minutes after which a limit ends by itself unless the bridge renews it; 0: it lasts until it is cleared. See [control](control.md#leases).",
    },
    shed_mode_change: {
      type: "string",
      enum: ["clear_first", "reject"],
      default: "clear_first",
      description:
        "Response to a request for a percentage while an absolute limit of this bridge is in force, or the reverse: clear that limit first, or reject the request. See [control](control.md#changing-the-mode).",
    },
    shed_port_clear: {
      type: "string",
      enum: ["restore_others", "reject"],
      default: "restore_others",
      description:
        "Response to a request to clear one port while another is limited: apply the other's limit again where the service clears it too, or reject the request. See [control](control.md#station-and-ports).",
    },
    shed_idle_port: {
      type: "string",
      enum: ["warn", "reject"],
      default: "warn",
      description:
        "Response to a request for a percentage on a port that delivers nothing, which stops it until the limit ends: add a warning to the answer, or reject the request. See [control](control.md#two-modes-one-at-a-time).",
    },
    nameplate_interval: {
      type: "number",
      minimum: 0,
      default: NAMEPLATE_INTERVAL_SECONDS,
      description: "Seconds between reads of what seldom changes: stations and rights.",
    },
    read_alarms: {
      type: "boolean",
      default: false,
      description:
        "Read the station's alarms even where its registry has no row of AlarmRegister, to [announce](mqtt.md#alarms) what is raised and cleared: one `getAlarms` a scrape for all stations of the account that are read so.",
    },
    calls_in_flight: {
      type: "integer",
      minimum: 1,
      maximum: 100,
      default: CALLS_IN_FLIGHT,
      description: "Maximum concurrent calls of the account; the account's first device decides.",
    },
    calls_per_minute: {
      type: "integer",
      minimum: 1,
      default: CALLS_PER_MINUTE,
      description: "Maximum calls of the account in a minute; the account's first device decides.",
    },
  },
} as const;

/** Finds what the service would refuse: an endpoint that is not an address of its API or not the region's, a login that is no key. */
function accountFaults(
  { username, region, endpoint }: ChargePointConfig,
  isGiven: (setting: string) => boolean,
): SettingFault[] {
  const faults: SettingFault[] = [];
  if (username.includes("@"))
    faults.push({
      ...{ code: "not_a_licence_key", severity: "warning", setting: "username" },
      message: "this is an e-mail address; the service accepts only an API licence key",
      expected: "the key of ChargePoint: Organizations > API Info",
    });
  const host = endpoint === undefined ? undefined : URL.parse(endpoint)?.host;
  const [own, address] = Object.entries(REGIONS).find(([, url]) => new URL(url).host === host) ?? [];
  if (own === undefined) return faults;
  if (regionOf(endpoint!) === null)
    faults.push({
      ...{ code: "odd_endpoint", severity: "warning", setting: "endpoint" },
      message: `this is the host of region ${own}, but not the address of its API`,
      suggestion: address,
    });
  if (isGiven("region") && region !== own)
    faults.push({
      ...{ code: "region_mismatch", severity: "warning", setting: "region" },
      message: `the region is ${region} and the endpoint that of ${own}, which is used; remove one of the two`,
    });
  return faults;
}
