import { describe, expect, test } from "vitest";
import { RELEASE } from "../../../src/integrations/home-assistant/rules/classes.ts";
import {
  documentFaults,
  faultsOf,
  RULES,
  type Rule,
} from "../../../src/integrations/home-assistant/rules/index.ts";

type Config = Readonly<Record<string, unknown>>;

const sensor = { unique_id: "a", name: "A", state_topic: "a/b" };
const number = { unique_id: "a", name: "A", command_topic: "a/b/set" };
const event = { unique_id: "a", name: "A", state_topic: "a/b", event_types: ["raised"] };
const kW = { device_class: "power", state_class: "measurement", unit_of_measurement: "kW" };

/** Components that Home Assistant refuses, or takes and shows wrongly: the rule, the platform, the config. */
const REFUSED: readonly (readonly [rule: Rule, platform: string, config: Config, why: string])[] = [
  ["platform", "toaster", sensor, "an unsupported platform"],
  ["unique_id", "sensor", { name: "A", state_topic: "a/b" }, "no unique_id"],
  ["unique_id", "sensor", { ...sensor, unique_id: "" }, "an empty unique_id"],
  ["required_key", "sensor", { unique_id: "a", name: "A" }, "a sensor without a topic"],
  ["required_key", "button", { unique_id: "a", name: "A" }, "a button without a topic"],
  ["required_key", "number", { unique_id: "a", name: "A" }, "a number without a topic"],
  ["required_key", "event", { ...sensor }, "an event without types"],
  ["unknown_key", "sensor", { ...sensor, object_id: "a" }, "object_id, ignored since 2026.4"],
  ["unknown_key", "sensor", { ...sensor, stat_cla: "measurement" }, "an abbreviation among full names"],
  ["unknown_key", "binary_sensor", { ...sensor, unit_of_measurement: "kW" }, "a key of another platform"],
  ["unknown_key", "sensor", { ...sensor, last_reset_topic: "a/c" }, "a key of earlier releases"],
  ["key_type", "sensor", { ...sensor, state_topic: "a/+/b" }, "a wildcard"],
  ["key_type", "sensor", { ...sensor, state_topic: "" }, "an empty topic"],
  ["key_type", "sensor", { ...sensor, expire_after: -1 }, "a negative time"],
  ["key_type", "sensor", { ...sensor, expire_after: 1.5 }, "half a second"],
  ["key_type", "sensor", { ...sensor, suggested_display_precision: -1 }, "a negative precision"],
  ["key_type", "sensor", { ...sensor, name: 5 }, "a name that is no text"],
  ["key_type", "sensor", { ...sensor, enabled_by_default: "maybe" }, "a flag that is none"],
  ["availability", "sensor", { ...sensor, availability: [{}] }, "availability without a topic"],
  ["availability", "sensor", { ...sensor, availability_topic: "a", availability: [{ topic: "b" }] }, "both"],
  ["availability", "sensor", { ...sensor, availability_mode: "most" }, "an unknown mode"],
  ["availability", "sensor", { ...sensor, availability: [{ topic: "a", template: "x" }] }, "an unknown key"],
  ["device_class", "sensor", { ...sensor, device_class: "load" }, "an unknown class"],
  ["device_class", "sensor", { ...sensor, device_class: "plug" }, "a class of a binary sensor"],
  ["device_class", "binary_sensor", { ...sensor, device_class: "energy" }, "a class of a sensor"],
  ["device_class", "number", { ...number, device_class: "timestamp" }, "a class of times"],
  ["device_class", "button", { ...number, device_class: "power" }, "a class of a sensor"],
  ["device_class", "sensor", { ...sensor, device_class: "constructor" }, "a name that every object has"],
  ["state_class", "sensor", { ...sensor, state_class: "average" }, "an unknown state class"],
  ["state_class_of_device_class", "sensor", { ...sensor, ...kW, state_class: "total" }, "power as total"],
  [
    ...(["state_class_of_device_class", "sensor"] as const),
    { ...sensor, device_class: "energy", state_class: "measurement", unit_of_measurement: "kWh" },
    "energy as measurement",
  ],
  [
    ...(["state_class_of_device_class", "sensor"] as const),
    { ...sensor, device_class: "monetary", state_class: "total_increasing", unit_of_measurement: "EUR" },
    "money that only increases",
  ],
  [
    "state_class_of_device_class",
    "sensor",
    { ...sensor, device_class: "timestamp", state_class: "total" },
    "a time",
  ],
  ["unit_of_state_class", "sensor", { ...sensor, state_class: "measurement_angle" }, "an angle without °"],
  ["unit_of_device_class", "sensor", { ...sensor, ...kW, unit_of_measurement: "kWh" }, "power in kWh"],
  ["unit_of_device_class", "sensor", { ...sensor, ...kW, unit_of_measurement: "KW" }, "another spelling"],
  [
    "unit_of_device_class",
    "sensor",
    { ...sensor, ...kW, unit_of_measurement: "BTU/h" },
    "no unit of a sensor",
  ],
  [
    "unit_of_device_class",
    "sensor",
    { ...sensor, device_class: "ph", unit_of_measurement: "pH" },
    "pH has none",
  ],
  [
    "unit_of_device_class",
    "sensor",
    { ...sensor, device_class: "timestamp", unit_of_measurement: "s" },
    "a time",
  ],
  [
    "unit_missing",
    "sensor",
    { ...sensor, device_class: "energy", state_class: "total" },
    "energy without a unit",
  ],
  ["unit_missing", "sensor", { ...sensor, ...kW, unit_of_measurement: " " }, "a blank unit"],
  ["options", "sensor", { ...sensor, device_class: "enum", options: [] }, "no options"],
  ["options", "sensor", { ...sensor, options: ["A"] }, "options without enum"],
  [
    "options",
    "sensor",
    { ...sensor, device_class: "enum", options: ["A"], state_class: "total" },
    "a state class",
  ],
  ["last_reset", "sensor", { ...sensor, last_reset_value_template: "{{ 1 }}" }, "no state class"],
  [
    ...(["last_reset", "sensor"] as const),
    { ...sensor, ...kW, last_reset_value_template: "{{ 1 }}" },
    "another state class than total",
  ],
  ["entity_category", "sensor", { ...sensor, entity_category: "config" }, "a sensor is no setting"],
  ["entity_category", "binary_sensor", { ...sensor, entity_category: "config" }, "nor a binary sensor"],
  ["entity_category", "button", { ...number, entity_category: "system" }, "an unknown category"],
  ["number_range", "number", { ...number, min: 5, max: 1 }, "min above max"],
  ["number_range", "number", { ...number, min: 150 }, "min above the default max"],
  ["number_range", "number", { ...number, step: 0.0001 }, "too small a step"],
  ["number_mode", "number", { ...number, mode: "wheel" }, "an unknown mode"],
  ["event_types", "event", { ...event, event_types: [] }, "no event types"],
  ["same_payloads", "binary_sensor", { ...sensor, payload_on: "x", payload_off: "x" }, "on and off the same"],
  ["icon", "sensor", { ...sensor, icon: "power" }, "an icon without a prefix"],
  ["blank_name", "sensor", { ...sensor, name: " " }, "a blank name"],
  ["default_entity_id", "sensor", { ...sensor, default_entity_id: "load" }, "without its domain"],
  ["default_entity_id", "sensor", { ...sensor, default_entity_id: "number.load" }, "another domain"],
  ["default_entity_id", "sensor", { ...sensor, default_entity_id: "sensor.Größe" }, "illegal characters"],
];

const TAKEN: readonly (readonly [platform: string, config: Config])[] = [
  ["sensor", sensor],
  ["sensor", { ...sensor, ...kW, expire_after: 900, suggested_display_precision: 2 }],
  ["sensor", { ...sensor, device_class: "enum", options: ["A", "B"] }],
  ["sensor", { ...sensor, device_class: "timestamp", entity_category: "diagnostic" }],
  ["sensor", { ...sensor, device_class: "voltage", unit_of_measurement: "µV", state_class: "measurement" }],
  ["sensor", { ...sensor, device_class: "power_factor" }],
  ["sensor", { ...sensor, device_class: "monetary", unit_of_measurement: "EUR" }],
  [
    "sensor",
    { ...sensor, device_class: "wind_direction", state_class: "measurement_angle", unit_of_measurement: "°" },
  ],
  [
    "sensor",
    {
      ...{ ...sensor, device_class: "energy", state_class: "total", unit_of_measurement: "kWh" },
      last_reset_value_template: "{{ 1 }}",
    },
  ],
  ["sensor", { ...sensor, name: null, visible_by_default: false, message_expiry_interval: 60 }],
  ["binary_sensor", { ...sensor, device_class: "plug", default_entity_id: "binary_sensor.port_1_plug" }],
  ["number", { ...number, min: 0, max: 7.2, step: 0.1, mode: "box", entity_category: "config" }],
  ["button", { ...number, availability: [{ topic: "a" }, { topic: "b" }], availability_mode: "all" }],
  ["event", event],
  ["switch", { ...number, state_topic: "a", icon: "mdi:power" }],
];

const SHARED = { device: { identifiers: ["a"], name: "A" }, origin: { name: "o" } };
const REFUSED_DOCUMENTS: readonly (readonly [rule: Rule, shared: Config, why: string])[] = [
  ["root_key", { ...SHARED, "~": "base" }, "a base topic, which belongs into components"],
  ["root_key", { ...SHARED, json_attributes_topic: "a" }, "a key that is not shared"],
  ["availability", { ...SHARED, availability: [{ topic: "a", extra: 1 }] }, "availability with another key"],
  ["device_key", { ...SHARED, device: { ...SHARED.device, url: "x" } }, "an unknown key of the device"],
  ["device_identity", { ...SHARED, device: { name: "A" } }, "a device that nothing identifies"],
  ["device_identity", { ...SHARED, device: { name: "A", identifiers: [] } }, "an empty list"],
  ["device_identity", { origin: SHARED.origin }, "no device"],
  ["device_name", { ...SHARED, device: { identifiers: ["a"] } }, "a device without a name"],
  ["origin", { device: SHARED.device }, "no origin"],
  ["origin", { ...SHARED, origin: { sw_version: "1" } }, "an origin without a name"],
  ["origin", { ...SHARED, origin: { name: "o", version: "1" } }, "an unknown key of the origin"],
  [
    "configuration_url",
    { ...SHARED, device: { ...SHARED.device, configuration_url: "garage:8080" } },
    "an address without a scheme",
  ],
];

describe(`the rules of Home Assistant ${RELEASE}`, () => {
  test.each(REFUSED)("%s: a %s with %j is withheld: %s", (rule, platform, config) => {
    expect(faultsOf(platform, config).map((fault) => fault.rule)).toContain(rule);
  });

  test.each(TAKEN)("a %s with %j goes out", (platform, config) => {
    expect(faultsOf(platform, config)).toEqual([]);
  });

  test.each(REFUSED_DOCUMENTS)("%s: a document with %j is withheld: %s", (rule, shared) => {
    expect(documentFaults(shared).map((fault) => fault.rule)).toContain(rule);
  });

  test("a document with all that is needed goes out", () => {
    expect(documentFaults(SHARED)).toEqual([]);
  });

  test("every rule has a document that breaks it", () => {
    const broken = new Set([...REFUSED, ...REFUSED_DOCUMENTS].map(([rule]) => rule));
    // Of two components: test/integrations/home-assistant/documents.test.ts.
    broken.add("duplicate_unique_id");
    expect(Object.keys(RULES).filter((rule) => !broken.has(rule as Rule))).toEqual([]);
  });
});
