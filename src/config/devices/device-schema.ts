import type { PUBLISH_FLAGS } from "../bridge/bridge-schema.ts";
import { editorSchema } from "../schema/editor-schema.ts";
import type { Schema } from "../schema/schema.ts";
import { integer } from "../schema/setting-kinds.ts";

/** Maximum interval, in seconds: scrapes are aligned to midnight. */
const LONGEST_INTERVAL = 86_400;

const level = (description: string) => ({ type: "string", description }) as const;

const publishFlag = (name: keyof typeof PUBLISH_FLAGS) =>
  ({
    type: "boolean",
    description: `As \`driver.${name}\`, for this device. Default: the bridge's setting.`,
  }) as const;

/** A device config of any driver type (contracts.md: Device config). */
export const DEVICE = {
  type: "object",
  properties: {
    $schema: { type: "string", description: "Path of this file's JSON Schema, for editors." },
    driver_type: { type: "string", minLength: 1, "x-literal": true, description: "Kind of device." },
    driver_config: { type: "object", default: {}, description: "Settings of the kind of device." },
    registry_config: {
      type: "string",
      minLength: 1,
      "x-expected": '"config://name.csv" or a path of a CSV file',
      description:
        "The [registry CSV](registry.md): `config://name.csv` for a file of the registries folder (in upper or lower case), or a path relative to this file's folder.",
    },
    interval: {
      ...integer(
        60,
        { minimum: 1, maximum: LONGEST_INTERVAL },
        "Seconds between scrapes. Scrapes are aligned to multiples of it since midnight UTC.",
      ),
      "x-unit": "seconds",
    },
    timezone: {
      type: "string",
      default: "UTC",
      description:
        "IANA name of a time zone. It is published in the points' metadata (`tz`) and changes no time: all times are UTC.",
    },
    heart_beat_point: {
      type: ["string", "null"],
      default: null,
      description:
        "[Heartbeat](registry.md#heartbeat) point, which toggles between 0 and 1 while the device is scraped. A point that is not in the registry becomes a virtual point.",
    },
    group: integer(
      0,
      { minimum: 0 },
      "Number of the group of devices that are scraped together, `driver.group_offset_interval` after the group before.",
    ),
    publish_depth_first_all: publishFlag("publish_depth_first_all"),
    publish_breadth_first_all: publishFlag("publish_breadth_first_all"),
    publish_depth_first: publishFlag("publish_depth_first"),
    publish_breadth_first: publishFlag("publish_breadth_first"),
    store: {
      enum: ["always", "change"],
      description:
        "When values of points whose [registry row](registry.md#store) does not say so are stored: `always`, or on `change` and once an hour. Default: nameplate points on change, the others always.",
    },
    refresh_interval: {
      ...integer(
        3600,
        { minimum: 10, maximum: LONGEST_INTERVAL },
        "Seconds between lookups of the members of a [set of stations](#sets-of-stations).",
      ),
      "x-unit": "seconds",
    },
    topic: level(
      "The device's whole [topic path](#topic-path), instead of `campus`, `building`, `unit` and `path`; that of a set contains `{placeholders}`.",
    ),
    campus: level("First level of the [topic path](#topic-path). Default: the location of this file."),
    building: level("Second level."),
    unit: level("Third level."),
    path: level("Further levels, e.g. `east/station-1`."),
    module: { "x-unused": "driver_type alone chooses the driver" },
    heartbeat_interval: {
      "x-unused": "driver.heartbeat_interval of the bridge config holds for every device",
    },
    debug: { "x-unused": "the log's level is chosen when the bridge is started" },
    allow_duplicate_remotes: { "x-unused": "devices of one account always share its connections" },
  },
  required: ["driver_type", "registry_config"],
  additionalProperties: false,
} as const satisfies Schema;

/** Driver types by name, each with the schema of its `driver_config`. */
export type DriverSchemas = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const known = new WeakMap<DriverSchemas, Map<unknown, Schema>>();

/**
 * Returns the schema of a device config of this type; `driver_config` of an unknown type is not checked. Equal calls return the
 * same object, so that each schema is compiled once for any number of devices.
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
    ...DEVICE,
    properties: {
      ...DEVICE.properties,
      driver_type: { ...DEVICE.properties.driver_type, enum: Object.keys(drivers) },
      ...(driverType !== undefined && { driver_config: { default: {}, ...drivers[driverType] } }),
    },
  };
}

/** Returns one schema for editors that covers all driver types. */
export function deviceEditorSchema(drivers: DriverSchemas): Schema {
  const names = Object.keys(drivers);
  const { driver_type } = DEVICE.properties;
  return editorSchema({
    ...DEVICE,
    properties: { ...DEVICE.properties, driver_type: { ...driver_type, enum: names } },
    allOf: names.map((name) => ({
      if: { properties: { driver_type: { const: name } } },
      // biome-ignore lint/suspicious/noThenProperty: JSON Schema's own word
      then: { properties: { driver_config: drivers[name] as Schema } },
    })),
  });
}
