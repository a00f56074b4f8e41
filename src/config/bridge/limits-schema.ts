import type { Schema } from "../schema/schema.ts";

const names = (preset: string, description: string): Schema => ({
  type: "string",
  minLength: 1,
  default: preset,
  description,
});

const POINTS: Schema = {
  type: "object",
  description:
    "Names of the points in the registry; * is the port. Without a * in limit, each device is limited as a whole.",
  properties: {
    limit: names("allowedLoad_*", "The limit, kW; writable."),
    load: names("portLoad_*", "The load, kW."),
    state: names("shedState_*", "1 while a limit is in force."),
    percent: names("percentShed_*", "The limit in percent, where it is one."),
    session: names("loadSessionID_*", "The charging session; 0 or none without a vehicle."),
    status: names("Status_*", "INUSE with a vehicle, AVAILABLE without; asked where there is no session."),
    power: names("Power_*", "The most that a port can give, kW."),
  },
  additionalProperties: false,
  default: {},
};

const GROUP: Schema = {
  type: "object",
  description: "Devices whose loads together are kept under a limit.",
  properties: {
    devices: {
      type: "array",
      minItems: 1,
      items: { type: "string", minLength: 1 },
      description: "Paths of devices, or shell patterns of paths: campus/garage/*.",
    },
    max_kw: {
      type: ["number", "null"],
      minimum: 0,
      default: null,
      description:
        "What they may draw together, kW; null: no limit until voltbridge limit sets one. That one stands until this is changed.",
    },
    minimum_kw: {
      type: "number",
      exclusiveMinimum: 0,
      default: 1.4,
      description: "Least power at which a vehicle charges, kW: 6 A of one phase.",
    },
    margin_percent: {
      type: "number",
      minimum: 0,
      maximum: 50,
      default: 2,
      description: "Share of the limit that is not given out.",
    },
    rebalance_minutes: {
      type: "number",
      minimum: 0,
      default: 10,
      description: "Minutes between writes that only make the shares fairer or give out what lies idle.",
    },
    turn_minutes: {
      type: "number",
      exclusiveMinimum: 0,
      default: 15,
      description: "Minutes that a vehicle charges before it makes room for one that waits.",
    },
    nominal_kw: {
      type: "number",
      exclusiveMinimum: 0,
      default: 7.2,
      description: "Most that a port can give where no point tells it, kW.",
    },
    points: POINTS,
  },
  required: ["devices"],
  additionalProperties: false,
};

/** The groups of the site limit controller, by name. */
export const LIMITS: Schema = {
  type: "object",
  default: {},
  propertyNames: { pattern: "^[^\\s/+#$][^\\s/+#]*$" },
  additionalProperties: GROUP,
  description: "Groups of devices whose loads together are kept under a limit, by name.",
};
