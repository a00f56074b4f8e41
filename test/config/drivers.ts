import { chargepoint } from "../../src/drivers/chargepoint/index.ts";

/** Driver types as the config part sees them: a name and the schema of `driver_config`. */
export const DRIVERS = {
  chargepoint: {
    type: "object",
    properties: {
      stationID: { type: "string", pattern: "^\\d+:\\d+$", "x-expected": "text such as 1:00001" },
      username: { type: "string", minLength: 1 },
      password: { type: "string", minLength: 1, "x-secret": true },
      region: { enum: ["NA", "NA-QA", "EU", "EU-QA", "CA"], default: "NA" },
      cacheExpiration: { type: "number", minimum: 0, default: 0 },
      shed_lease_minutes: { type: "integer", minimum: 0, default: 60 },
    },
    required: ["stationID", "username", "password"],
    additionalProperties: false,
  },
  stations: chargepoint.configSchema,
  fake: { type: "object", properties: {}, additionalProperties: false },
};
