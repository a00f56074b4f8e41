// Home Assistant's rules for discovery, kept as data. A component that it would refuse, or take and show wrongly, is withheld and
// reported before it is sent: one such component costs the whole document of a device.
import {
  DEVICE_CLASSES,
  NON_NUMERIC_CLASSES,
  REPLACED_UNITS,
  SENSOR_CLASSES,
  STATE_CLASSES,
} from "./classes.ts";
import { AVAILABILITY_KEYS, DEVICE_KEYS, ORIGIN_KEYS, PLATFORMS, ROOT_KEYS, typeFault } from "./keys.ts";

/**
 * What Home Assistant does where a rule is broken: it refuses the component or the document, or takes it and shows it wrongly.
 * Sources are files of `homeassistant/components/`.
 */
export const RULES = {
  platform: { effect: "refuses the document", source: "mqtt/schemas.py" },
  unique_id: { effect: "refuses the document", source: "mqtt/schemas.py" },
  duplicate_unique_id: { effect: "refuses the component", source: "mqtt/entity.py" },
  required_key: { effect: "refuses the component", source: "mqtt/<platform>.py" },
  unknown_key: { effect: "drops the key", source: "mqtt/<platform>.py" },
  key_type: { effect: "refuses the component", source: "mqtt/<platform>.py" },
  availability: { effect: "refuses the component", source: "mqtt/schemas.py" },
  device_class: { effect: "refuses the component", source: "<platform>/const.py" },
  state_class: { effect: "refuses the component", source: "sensor/const.py" },
  state_class_of_device_class: { effect: "warns, keeps no statistics", source: "sensor/const.py" },
  unit_of_state_class: { effect: "refuses the component", source: "mqtt/sensor.py" },
  unit_of_device_class: { effect: "refuses the component", source: "mqtt/sensor.py" },
  unit_missing: { effect: "warns, keeps no statistics", source: "sensor/__init__.py" },
  options: { effect: "refuses the component", source: "mqtt/sensor.py" },
  last_reset: { effect: "refuses the component", source: "mqtt/sensor.py" },
  entity_category: { effect: "refuses the component", source: "sensor/__init__.py" },
  number_range: { effect: "refuses the component", source: "mqtt/number.py" },
  number_mode: { effect: "refuses the component", source: "mqtt/number.py" },
  event_types: { effect: "never fires", source: "event/__init__.py" },
  same_payloads: { effect: "shows one state only", source: "mqtt/binary_sensor.py" },
  icon: { effect: "refuses the component", source: "helpers/config_validation.py" },
  blank_name: { effect: "shows no name", source: "mqtt/entity.py" },
  default_entity_id: { effect: "makes an id of another domain", source: "mqtt/entity.py" },
  root_key: { effect: "refuses the document", source: "mqtt/schemas.py" },
  device_key: { effect: "refuses the document", source: "mqtt/schemas.py" },
  device_identity: { effect: "refuses the document", source: "mqtt/schemas.py" },
  device_name: { effect: "names the device itself", source: "mqtt/entity.py" },
  origin: { effect: "refuses the document", source: "mqtt/schemas.py" },
  configuration_url: { effect: "refuses the document", source: "helpers/config_validation.py" },
} as const satisfies Record<string, { readonly effect: string; readonly source: string }>;

export type Rule = keyof typeof RULES;

/** A rule that a component or a document breaks. */
export interface RuleFault {
  readonly rule: Rule;
  /** What is wrong and what to do, for people. */
  readonly text: string;
}

type Config = Readonly<Record<string, unknown>>;

/** Returns the rules that a component breaks. `config` has the keys of its platform, without those that the document shares. */
export function faultsOf(platform: string, config: Config): RuleFault[] {
  const known = PLATFORMS[platform];
  if (!known) return [fault("platform", `${platform} is no platform that voltbridge uses`)];
  const faults: RuleFault[] = [];
  for (const [key, value] of Object.entries(config)) {
    if (value === undefined) continue;
    const type = known.keys[key];
    if (type === undefined) faults.push(fault("unknown_key", `a ${platform} has no key ${key}`));
    else {
      const expected = value === null && key === "name" ? undefined : typeFault(type, value);
      if (expected) faults.push(fault("key_type", `${key} must be ${expected}, found ${shown(value)}`));
    }
  }
  if (typeof config.unique_id !== "string" || config.unique_id === "")
    faults.push(fault("unique_id", `a ${platform} needs a unique_id`));
  for (const key of known.required)
    if (config[key] === undefined) faults.push(fault("required_key", `a ${platform} needs ${key}`));
  faults.push(...commonFaults(platform, config));
  if (platform === "sensor") faults.push(...sensorFaults(config));
  if (platform === "number") faults.push(...numberFaults(config));
  if (platform === "event") faults.push(...eventFaults(config));
  return faults;
}

/** Returns the rules that the shared part of a document breaks; one is enough for Home Assistant to refuse it all. */
export function documentFaults(shared: Config): RuleFault[] {
  const { device, origin } = shared as { device?: Config; origin?: Config };
  const faults = [
    ...keyFaults("root_key", "the document", shared, ROOT_KEYS),
    ...availabilityFaults(shared),
    ...keyFaults("device_key", "device", device ?? {}, DEVICE_KEYS),
    ...keyFaults("origin", "origin", origin ?? {}, ORIGIN_KEYS),
  ];
  if (!hasItems(device?.identifiers) && !hasItems(device?.connections))
    faults.push(fault("device_identity", "device needs identifiers or connections"));
  if (typeof device?.name !== "string" || device.name.trim() === "")
    faults.push(fault("device_name", "device needs a name"));
  if (typeof origin?.name !== "string") faults.push(fault("origin", "origin needs a name"));
  const url = device?.configuration_url;
  if (typeof url === "string" && !/^(https?|homeassistant):\/\/[^/\s]+/.test(url))
    faults.push(fault("configuration_url", `${shown(url)} is no address of http, https or homeassistant`));
  return faults;
}

function keyFaults(rule: Rule, of: string, config: Config, keys: Parameters<typeof typesOf>[0]): RuleFault[] {
  const types = typesOf(keys);
  return Object.entries(config).flatMap(([key, value]) => {
    if (value === undefined) return [];
    const type = types.get(key);
    if (type === undefined) return [fault(rule, `${of} has no key ${key}`)];
    const expected = typeFault(type, value);
    return expected ? [fault(rule, `${key} of ${of} must be ${expected}, found ${shown(value)}`)] : [];
  });
}

const typesOf = (keys: typeof ROOT_KEYS) => new Map(Object.entries(keys));

function availabilityFaults(config: Config): RuleFault[] {
  const { availability, availability_topic: topic, availability_mode: mode } = config;
  const faults: RuleFault[] = [];
  if (availability !== undefined && topic !== undefined)
    faults.push(fault("availability", "availability and availability_topic exclude each other"));
  if (mode !== undefined && !["all", "any", "latest"].includes(mode as string))
    faults.push(fault("availability", `availability_mode must be all, any or latest, found ${shown(mode)}`));
  if (availability === undefined) return faults;
  for (const entry of Array.isArray(availability) ? availability : [availability]) {
    if (typeof entry?.topic !== "string")
      faults.push(fault("availability", "an entry of availability needs a topic"));
    faults.push(...keyFaults("availability", "availability", entry, AVAILABILITY_KEYS));
  }
  return faults;
}

function commonFaults(platform: string, config: Config): RuleFault[] {
  const faults = availabilityFaults(config);
  const { device_class: deviceClass, name, icon, entity_category: category } = config;
  const { default_entity_id: entityId, payload_on: on = "ON", payload_off: off = "OFF" } = config;
  const classes = DEVICE_CLASSES[platform]!;
  if (deviceClass !== undefined && !classes.has(deviceClass as string))
    faults.push(fault("device_class", `${shown(deviceClass)} is no device class of a ${platform}`));
  if (typeof name === "string" && name.trim() === "") faults.push(fault("blank_name", "the name is empty"));
  if (typeof icon === "string" && !icon.includes(":"))
    faults.push(fault("icon", `an icon has a prefix, as mdi:power; found ${shown(icon)}`));
  if (category !== undefined && category !== "diagnostic" && category !== "config")
    faults.push(fault("entity_category", `${shown(category)} is no category; diagnostic or config`));
  if (category === "config" && (platform === "sensor" || platform === "binary_sensor"))
    faults.push(fault("entity_category", `a ${platform} cannot be of the category config; use diagnostic`));
  if (typeof entityId === "string" && !new RegExp(`^${platform}\\.[a-z0-9_]+$`).test(entityId))
    faults.push(
      fault("default_entity_id", `default_entity_id must be as ${platform}.name, found ${entityId}`),
    );
  if ((platform === "binary_sensor" || platform === "switch") && on === off)
    faults.push(fault("same_payloads", `payload_on and payload_off are both ${shown(on)}`));
  return faults;
}

function sensorFaults(config: Config): RuleFault[] {
  const { options, last_reset_value_template: lastReset } = config;
  const { state_class: stateClass, device_class: deviceClass } = config as Record<string, string | undefined>;
  const written = (config.unit_of_measurement as string | undefined)?.trim() || undefined;
  const unit = written === undefined ? undefined : (REPLACED_UNITS[written] ?? written);
  const faults: RuleFault[] = [];
  if (lastReset !== undefined && stateClass !== "total")
    faults.push(fault("last_reset", "last_reset_value_template goes with the state class total only"));
  if (options !== undefined) {
    if (!hasItems(options)) faults.push(fault("options", "options must not be empty"));
    if (deviceClass !== "enum") faults.push(fault("options", "options go with the device class enum only"));
    if (stateClass !== undefined || unit !== undefined)
      faults.push(fault("options", "a sensor with options has no state class and no unit"));
  }
  if (stateClass !== undefined) {
    const units = STATE_CLASSES[stateClass];
    if (units === undefined) faults.push(fault("state_class", `${shown(stateClass)} is no state class`));
    else if (units !== null && (unit === undefined || !units.includes(unit)))
      faults.push(fault("unit_of_state_class", `the state class ${stateClass} needs ${units.join(" or ")}`));
  }
  if (deviceClass !== undefined) faults.push(...classFaults(deviceClass, stateClass, unit));
  return faults;
}

function classFaults(
  deviceClass: string,
  stateClass: string | undefined,
  unit: string | undefined,
): RuleFault[] {
  const known = Object.hasOwn(SENSOR_CLASSES, deviceClass) ? SENSOR_CLASSES[deviceClass] : undefined;
  if (!known) return [];
  const faults: RuleFault[] = [];
  const { units, stateClasses, isUnitless } = known;
  if (unit !== undefined && units !== undefined && !units.includes(unit)) {
    const may = units.length === 0 ? "no unit" : units.join(", ");
    faults.push(
      fault("unit_of_device_class", `the device class ${deviceClass} takes ${may}, found ${shown(unit)}`),
    );
  }
  if (unit === undefined && !isUnitless && !NON_NUMERIC_CLASSES.has(deviceClass))
    faults.push(fault("unit_missing", `the device class ${deviceClass} needs a unit`));
  if (stateClass !== undefined && stateClass in STATE_CLASSES && !stateClasses.includes(stateClass)) {
    const may = stateClasses.length === 0 ? "no state class" : stateClasses.join(" or ");
    faults.push(
      fault(
        "state_class_of_device_class",
        `the device class ${deviceClass} takes ${may}, found ${stateClass}`,
      ),
    );
  }
  return faults;
}

/** `number/const.py`: what a number has where its config does not say. */
const NUMBER_DEFAULTS = { min: 0, max: 100, step: 1 };

function numberFaults(config: Config): RuleFault[] {
  const { min, max, step } = { ...NUMBER_DEFAULTS, ...config } as typeof NUMBER_DEFAULTS;
  const faults: RuleFault[] = [];
  if (min > max) faults.push(fault("number_range", `min ${min} is above max ${max}`));
  if (step < 0.001) faults.push(fault("number_range", `step ${step} is below 0.001`));
  if (config.mode !== undefined && !["auto", "box", "slider"].includes(config.mode as string))
    faults.push(fault("number_mode", `mode must be auto, box or slider, found ${shown(config.mode)}`));
  return faults;
}

function eventFaults({ event_types: types }: Config): RuleFault[] {
  if (types === undefined || hasItems(types)) return [];
  return [fault("event_types", "event_types must not be empty")];
}

function hasItems(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0;
}

function fault(rule: Rule, text: string): RuleFault {
  return { rule, text };
}

function shown(value: unknown): string {
  return JSON.stringify(value)?.slice(0, 80) ?? String(value);
}
