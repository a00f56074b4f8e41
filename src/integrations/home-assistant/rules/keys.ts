import { topicFault } from "../../../mqtt/topics.ts";

type KeyType = "text" | "topic" | "flag" | "count" | "number" | "texts" | "any";
type Keys = Readonly<Record<string, KeyType>>;

/** `mqtt/schemas.py`: `MQTT_ENTITY_COMMON_SCHEMA`, and `mqtt/config.py`: `MQTT_BASE_SCHEMA`. */
const COMMON: Keys = {
  availability: "any",
  availability_mode: "text",
  availability_template: "text",
  availability_topic: "topic",
  default_entity_id: "text",
  device: "any",
  enabled_by_default: "flag",
  encoding: "text",
  entity_category: "text",
  entity_picture: "text",
  icon: "text",
  json_attributes_template: "text",
  json_attributes_topic: "topic",
  message_expiry_interval: "count",
  name: "text",
  origin: "any",
  payload_available: "text",
  payload_not_available: "text",
  qos: "count",
  unique_id: "text",
  visible_by_default: "flag",
};
const READS: Keys = { state_topic: "topic", value_template: "text" };
const COMMANDS: Keys = { command_template: "text", command_topic: "topic", retain: "flag" };
const EXPIRES: Keys = { expire_after: "count", force_update: "flag" };

/** Platforms that are used here: the keys that each has, and those that it must have. `mqtt/<platform>.py`: `DISCOVERY_SCHEMA`. */
export const PLATFORMS: Readonly<
  Record<string, { readonly keys: Keys; readonly required: readonly string[] }>
> = {
  sensor: {
    keys: {
      ...{ ...COMMON, ...READS, ...EXPIRES },
      device_class: "text",
      last_reset_value_template: "text",
      options: "texts",
      state_class: "text",
      suggested_display_precision: "count",
      unit_of_measurement: "text",
    },
    required: ["state_topic"],
  },
  binary_sensor: {
    keys: {
      ...{ ...COMMON, ...READS, ...EXPIRES },
      device_class: "text",
      off_delay: "count",
      payload_off: "text",
      payload_on: "text",
    },
    required: ["state_topic"],
  },
  number: {
    keys: {
      ...{ ...COMMON, ...READS, ...COMMANDS },
      device_class: "text",
      max: "number",
      min: "number",
      mode: "text",
      optimistic: "flag",
      payload_reset: "text",
      step: "number",
      unit_of_measurement: "text",
    },
    required: ["command_topic"],
  },
  switch: {
    keys: {
      ...{ ...COMMON, ...READS, ...COMMANDS },
      device_class: "text",
      optimistic: "flag",
      payload_off: "text",
      payload_on: "text",
      state_off: "text",
      state_on: "text",
    },
    required: ["command_topic"],
  },
  button: {
    keys: { ...COMMON, ...COMMANDS, device_class: "text", payload_press: "text" },
    required: ["command_topic"],
  },
  event: {
    keys: { ...COMMON, ...READS, device_class: "text", event_types: "texts" },
    required: ["state_topic", "event_types"],
  },
};

/** `mqtt/schemas.py`: `DEVICE_DISCOVERY_SCHEMA`. One other key, and Home Assistant refuses the whole document. */
export const ROOT_KEYS: Keys = {
  availability: "any",
  availability_mode: "text",
  availability_template: "text",
  availability_topic: "topic",
  command_topic: "topic",
  components: "any",
  device: "any",
  encoding: "text",
  message_expiry_interval: "count",
  origin: "any",
  payload_available: "text",
  payload_not_available: "text",
  qos: "count",
  state_topic: "topic",
};

/** `mqtt/schemas.py`: `MQTT_ENTITY_DEVICE_INFO_SCHEMA`. */
export const DEVICE_KEYS: Keys = {
  configuration_url: "text",
  connections: "any",
  hw_version: "text",
  identifiers: "texts",
  manufacturer: "text",
  model: "text",
  model_id: "text",
  name: "text",
  serial_number: "text",
  suggested_area: "text",
  sw_version: "text",
  via_device: "text",
};

/** `mqtt/schemas.py`: `MQTT_ORIGIN_INFO_SCHEMA`. */
export const ORIGIN_KEYS: Keys = { name: "text", support_url: "text", sw_version: "text" };

/** `mqtt/schemas.py`: an entry of `availability`. */
export const AVAILABILITY_KEYS: Keys = {
  payload_available: "text",
  payload_not_available: "text",
  topic: "topic",
  value_template: "text",
};

/** Returns what a key expects where its value is not of it. */
export function typeFault(type: KeyType, value: unknown): string | undefined {
  return fits(type, value) ? undefined : EXPECTED[type];
}

const EXPECTED: Readonly<Record<KeyType, string>> = {
  text: "text",
  topic: "a topic without wildcards",
  flag: "true or false",
  count: "a whole number of 0 or more",
  number: "a number",
  texts: "a list of texts",
  any: "a value",
};

function fits(type: KeyType, value: unknown): boolean {
  switch (type) {
    case "text":
      return typeof value === "string";
    case "topic":
      return typeof value === "string" && topicFault(value) === undefined;
    case "flag":
      return typeof value === "boolean";
    case "count":
      return Number.isInteger(value) && (value as number) >= 0;
    case "number":
      return Number.isFinite(value);
    case "texts":
      return Array.isArray(value) && value.every((item) => typeof item === "string");
    case "any":
      return value !== null;
  }
}
