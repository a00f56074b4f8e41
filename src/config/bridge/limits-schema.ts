import type { Schema } from "../schema/schema.ts";
import { number, text } from "../schema/setting-kinds.ts";

/** One group of the site limit controller. */
export const LIMIT_GROUP = {
  type: "object",
  description: "Devices whose total load is kept under a limit.",
  properties: {
    devices: {
      type: "array",
      minItems: 1,
      items: { type: "string", minLength: 1 },
      description: "Paths of devices, or [patterns](control.md#overrides) of paths: `campus/garage/*`.",
    },
    max_kw: {
      type: ["number", "null"],
      minimum: 0,
      default: null,
      description:
        "Maximum total load, in kW; null: no limit until `voltbridge limit` sets one. A limit set there holds until this setting changes.",
    },
    minimum_kw: number(
      1.4,
      { exclusiveMinimum: 0 },
      "Minimum power at which a vehicle charges, in kW: 6 A on one phase. Three phases: 4.2.",
    ),
    margin_percent: number(
      2,
      { minimum: 0, maximum: 50 },
      "Percentage of the limit that is kept in reserve, for inaccurate meters and mains voltage.",
    ),
    rebalance_minutes: number(
      10,
      { minimum: 0 },
      "Minutes between writes that can wait: those that only make shares fairer or assign unused power.",
    ),
    turn_minutes: number(
      15,
      { exclusiveMinimum: 0 },
      "Minutes that a vehicle charges before it makes room for a waiting one.",
    ),
    nominal_kw: number(
      7.2,
      { exclusiveMinimum: 0 },
      "Maximum power of a port, in kW, where `points.power` is not in the registry.",
    ),
    points: {
      type: "object",
      description: "Names of the points in the registry; `*` is the port.",
      properties: {
        limit: text(
          "allowedLoad_*",
          "Writable limit, in kW. Without a `*`, e.g. `allowedLoad`, each station is limited as a whole.",
        ),
        load: text("portLoad_*", "Load, in kW; `stationLoad` for whole stations."),
        state: text("shedState_*", "1 while a limit is in force."),
        percent: text("percentShed_*", "Limit in percent, where it is a percentage."),
        session: text("loadSessionID_*", "Charging session; 0 or no value without a vehicle."),
        status: text(
          "Status_*",
          "INUSE with a vehicle, AVAILABLE without one; read where there is no session point.",
        ),
        power: text("Power_*", "Maximum power of a port, in kW."),
      },
      additionalProperties: false,
      default: {},
    },
  },
  required: ["devices"],
  additionalProperties: false,
} as const satisfies Schema;

/** The groups of the site limit controller, by name. */
export const LIMITS = {
  type: "object",
  default: {},
  propertyNames: { pattern: "^[^\\s/+#$][^\\s/+#]*$" },
  additionalProperties: LIMIT_GROUP,
  description:
    "Groups of devices whose total load is kept under a limit, by name: [site limits](limits.md#settings).",
} as const satisfies Schema;
