import { PUBLISH_FLAGS } from "../publish-schema.ts";
import { editorSchema } from "../schema/editor-schema.ts";
import type { Schema } from "../schema/schema.ts";

/** Longest interval, in seconds: scrapes are aligned to midnight, so a day is all there is. */
const LONGEST_INTERVAL = 86_400;

const level = (description: string): Schema => ({ type: "string", description });

/** What a device config holds whatever its driver type (contracts.md: Device config). */
const DEVICE_PROPERTIES: Readonly<Record<string, Schema>> = {
  $schema: { type: "string", description: "Where editors find the schema of this file." },
  driver_type: { type: "string", minLength: 1, "x-literal": true, description: "Kind of device." },
  driver_config: { type: "object", default: {}, description: "Settings of the kind of device." },
  registry_config: {
    type: "string",
    minLength: 1,
    "x-expected": '"config://name.csv" or a path of a CSV file',
    description:
      "The registry CSV: config://name.csv for a file of the registries folder, or a path that starts at this file's folder.",
  },
  interval: {
    type: "integer",
    minimum: 1,
    maximum: LONGEST_INTERVAL,
    default: 60,
    description: "Seconds between scrapes.",
  },
  timezone: {
    type: "string",
    default: "UTC",
    description: "Time zone that goes into the points' metadata (tz).",
  },
  heart_beat_point: {
    type: ["string", "null"],
    default: null,
    description:
      "Point that toggles 0/1 while the device is scraped. A point that the registry lacks is made up.",
  },
  group: {
    type: "integer",
    minimum: 0,
    default: 0,
    description: "Group of devices that are scraped together, later than the group before.",
  },
  ...Object.fromEntries(
    Object.entries(PUBLISH_FLAGS).map(([name, description]) => [
      name,
      { type: "boolean", description: `${description} Default: the bridge's own setting.` },
    ]),
  ),
  refresh_interval: {
    type: "integer",
    minimum: 10,
    maximum: LONGEST_INTERVAL,
    default: 3600,
    description: "Seconds between looking up what belongs to a set of devices.",
  },
  topic: level(
    "The device's whole topic, instead of campus, building, unit and path; that of a set has {placeholders}.",
  ),
  campus: level("First level of the device's topic. Default: where this file lies."),
  building: level("Second level of the device's topic."),
  unit: level("Third level of the device's topic."),
  path: level("Further levels of the device's topic."),
  module: { "x-unused": "driver_type alone chooses the driver" },
  debug: { "x-unused": "the log's level is chosen when the bridge is started" },
  allow_duplicate_remotes: { "x-unused": "devices of one account always share its connections" },
};

/** Driver types by name, each with the schema of its `driver_config`. */
export type DriverSchemas = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const known = new WeakMap<DriverSchemas, Map<unknown, Schema>>();

/**
 * The schema of a device config of this type; of an unknown type, `driver_config` stays unchecked. The same objects for the same
 * question, so that each is compiled once for any number of devices.
 */
export function deviceSchema(driverType: unknown, drivers: DriverSchemas): Schema {
  const schemas = known.get(drivers) ?? new Map<unknown, Schema>();
  known.set(drivers, schemas);
  const type = typeof driverType === "string" && Object.hasOwn(drivers, driverType) ? driverType : undefined;
  const schema = schemas.get(type) ?? makeDeviceSchema(type, drivers);
  schemas.set(type, schema);
  return schema;
}

function makeDeviceSchema(driverType: string | undefined, drivers: DriverSchemas): Schema {
  return {
    type: "object",
    properties: {
      ...DEVICE_PROPERTIES,
      driver_type: { ...DEVICE_PROPERTIES.driver_type, enum: Object.keys(drivers) },
      ...(driverType === undefined ? {} : { driver_config: { default: {}, ...drivers[driverType] } }),
    },
    required: ["driver_type", "registry_config"],
    additionalProperties: false,
  };
}

/** One schema for editors, whatever the driver type. */
export function deviceEditorSchema(drivers: DriverSchemas): Schema {
  const names = Object.keys(drivers);
  return editorSchema({
    type: "object",
    properties: {
      ...DEVICE_PROPERTIES,
      ...(names.length > 0 ? { driver_type: { ...DEVICE_PROPERTIES.driver_type, enum: names } } : {}),
    },
    required: ["driver_type", "registry_config"],
    additionalProperties: false,
    ...(names.length > 0
      ? {
          allOf: names.map((name) => ({
            if: { properties: { driver_type: { const: name } } },
            // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
            then: { properties: { driver_config: drivers[name] as Schema } },
          })),
        }
      : {}),
  });
}
