// The points of a device become entities of Home Assistant: what each is comes from one table, by its meaning, its register and
// attribute, its unit or its type, and a row's `HA Class` has the last word.
import { asLevel } from "../../../config/devices/topic-template.ts";
import {
  type DeviceInfo,
  type Point,
  type PointValue,
  type PortPoints,
  portState,
  portsOf,
} from "../../../points/index.ts";
import { DEVICE_CLASSES, NON_NUMERIC_CLASSES, SENSOR_CLASSES } from "../rules/classes.ts";
import { availabilityOf, commandTopic, DURATION_KEY, integrationState, ownTopics } from "../topics.ts";
import type { Component, ComponentCommand, DocumentContext, Draft, RefusedComponent } from "./component.ts";
import { namedComponents, placeId, valueId } from "./identity.ts";
import { CURRENCY, nameplateOf, textOf } from "./nameplate.ts";
import { type EntityKind, kindOf, unitOf } from "./table.ts";
import {
  alarmEvents,
  endSource,
  lastResetTemplate,
  limitSource,
  positiveSource,
  sourceOf,
  wordsSource,
} from "./templates.ts";

export interface Described {
  /** Keys of Home Assistant's device. */
  readonly device: Readonly<Record<string, string | undefined>>;
  readonly components: Component[];
  readonly refused: RefusedComponent[];
}

/** Returns the entities of a device. */
export function describeEntities(device: DeviceInfo, objectId: string, context: DocumentContext): Described {
  const builder = new EntityBuilder(device, objectId, context);
  const { name, ...about } = nameplateOf(device, context.latest ?? new Map());
  return {
    device: { name, ...about },
    components: namedComponents(builder.drafts(), objectId, name),
    refused: builder.refused,
  };
}

/** Header of the registry's column that decides what a point is at Home Assistant. */
const HA_CLASS = "ha class";
/** Text in that column that keeps a point out of Home Assistant. */
const NO_ENTITY = "none";

function haClass({ extra }: Point): string {
  const header = Object.keys(extra).find(
    (name) => name.trim().toLowerCase().replace(/\s+/g, " ") === HA_CLASS,
  );
  return header === undefined ? "" : extra[header]!.trim().toLowerCase();
}

/** Highest limit that can be set where neither the registry nor the station tells one, in kW. */
const MOST_KW = 500;
/** Range of a number without Min and Max in the registry. */
const WIDEST = 1_000_000;
/** Longest duration of a limit that can be set, in minutes: a week. */
const MOST_MINUTES = 10_080;
/** Seconds after which a broker discards a command that it could not deliver. */
const COMMAND_EXPIRY_SECONDS = 60;

class EntityBuilder {
  readonly refused: RefusedComponent[] = [];
  readonly #device: DeviceInfo;
  readonly #objectId: string;
  readonly #context: DocumentContext;
  /** Points by the id of their value. */
  readonly #known = new Map<string, Point>();

  constructor(device: DeviceInfo, objectId: string, context: DocumentContext) {
    this.#device = device;
    this.#objectId = objectId;
    this.#context = context;
  }

  drafts(): Draft[] {
    const points = [...this.#device.points.values()].filter((point) => this.#isShown(point));
    const ofPoints = points.flatMap((point) => this.#ofPoint(point));
    const shown = new Set(points.map(({ name }) => name));
    const { station, ports } = portsOf(this.#device.points);
    const derived = [station, ...ports].flatMap((port) => this.#ofPort(port, shown));
    return [...ofPoints, ...derived, ...this.#ofDevice(ofPoints)];
  }

  #isShown(point: Point): boolean {
    if (point.publish === "never" || haClass(point) === NO_ENTITY) return false;
    return this.#context.personal === true || point.origin?.personal !== true;
  }

  #ofPoint(point: Point): Draft[] {
    const key = valueId(point);
    const same = this.#known.get(key);
    if (same) {
      const text = `${shown(point)} reads the same value as ${shown(same)}; remove one of the rows, or write none as its HA Class`;
      this.refused.push({ component: key, point: point.name, rule: "same_value", text });
      return [];
    }
    this.#known.set(key, point);
    const table = kindOf(point);
    if (!table) return [];
    const kind = this.#withClass(point, key, table);
    if (!kind) return [];
    if (point.writable) {
      const command = this.#ofWritable(point, key, kind);
      if (command) return command;
    }
    return [this.#reading(point, key, kind)];
  }

  /** Applies the row's `HA Class`. Undefined: it does not fit, which is reported. */
  #withClass(point: Point, key: string, kind: EntityKind): EntityKind | undefined {
    const deviceClass = haClass(point);
    if (deviceClass === "") return kind;
    const refuse = (why: string) => {
      const text = `${shown(point)}: HA Class ${JSON.stringify(deviceClass)} ${why}; correct it, or write none to leave the point out`;
      this.refused.push({ component: key, point: point.name, rule: "device_class", text });
      return undefined;
    };
    if (kind.reads === "switch" || (DEVICE_CLASSES.binary_sensor!.has(deviceClass) && isNew(deviceClass))) {
      if (!DEVICE_CLASSES.binary_sensor!.has(deviceClass)) return refuse("is no class of a binary sensor");
      if (point.type !== "boolean" && point.type !== "integer" && !kind.words)
        return refuse(`is a class of on and off, and the values are ${point.type}`);
      return { ...kind, reads: "switch", deviceClass, stateClass: undefined, precision: undefined };
    }
    const known = Object.hasOwn(SENSOR_CLASSES, deviceClass) ? SENSOR_CLASSES[deviceClass]! : undefined;
    if (!known || deviceClass === "enum") return refuse("is not known for such a value");
    const isNumber = kind.reads === "number" || kind.reads === "duration";
    if (NON_NUMERIC_CLASSES.has(deviceClass) === isNumber)
      return refuse(
        isNumber ? "is a class of times" : `is a class of numbers, and the values are ${point.type}`,
      );
    const { stateClass = "" } = kind;
    const fitting = known.stateClasses.includes(stateClass) ? stateClass : known.stateClasses.at(-1);
    return { ...kind, deviceClass, unit: unitOf(point.units) ?? kind.unit, stateClass: fitting };
  }

  /** An entity that shows the value of a point. */
  #reading(point: Point, key: string, kind: EntityKind): Draft {
    const platform = kind.reads === "switch" ? "binary_sensor" : "sensor";
    // Without the words of the network, an enumeration would ignore what it sends.
    const isEnum = kind.reads === "words" && point.origin?.words !== undefined;
    const reads = kind.reads === "words" && !isEnum ? "text" : kind.reads;
    const config: Record<string, unknown> = {
      ...sourceOf(this.#device, point, { ...kind, reads }, this.#context),
      ...common(kind),
      device_class: isEnum ? "enum" : kind.deviceClass,
      expire_after: this.#expireAfter(),
    };
    if (isEnum) config.options = point.origin!.words;
    if (reads === "time") config.device_class = "timestamp";
    if (reads === "duration") Object.assign(config, DURATION);
    if (reads === "number") Object.assign(config, this.#numberConfig(point, kind));
    return { key, platform, name: labelOf(point, kind), point: point.name, config };
  }

  #numberConfig(point: Point, kind: EntityKind) {
    const unit = kind.unit ?? unitOf(point.units);
    const config = {
      state_class: kind.stateClass,
      unit_of_measurement: unit,
      suggested_display_precision: kind.precision,
    };
    if (kind.deviceClass === "energy" && kind.stateClass === undefined)
      return { ...config, ...this.#sessionEnergy(point) };
    if (unit?.startsWith("currency")) return { ...config, ...this.#price(unit) };
    return config;
  }

  /** Energy of a session: each starts at 0. */
  #sessionEnergy({ origin }: Point) {
    const isStart = (point: Point) =>
      point.origin?.register === origin!.register &&
      point.origin.port === origin!.port &&
      point.origin.attribute === "startTime" &&
      point.type === "datetime" &&
      point.publish !== "never";
    const start = [...this.#device.points.values()].find(isStart);
    const template = start && lastResetTemplate(start, this.#context);
    return template === undefined
      ? { state_class: "total_increasing" }
      : { state_class: "total", last_reset_value_template: template };
  }

  #price(unit: string) {
    const point = [...this.#device.points.values()].find(({ origin }) => origin?.attribute === CURRENCY);
    const currency = textOf(this.#context.latest?.get(point?.name ?? ""));
    const isAmount = unit === "currency" && currency !== undefined;
    return {
      device_class: isAmount ? "monetary" : undefined,
      // A price is no sum.
      state_class: undefined,
      unit_of_measurement: currency === undefined ? undefined : unit.replace("currency", currency),
    };
  }

  /** Entities that take commands for a point; undefined where its type has none. */
  #ofWritable(point: Point, key: string, kind: EntityKind): Draft[] | undefined {
    const { measure, attribute } = point.origin ?? {};
    if (measure === "limit" || measure === "limit_percent") return this.#limit(point, key, kind);
    if (measure === "limited") return [this.#reading(point, key, kind)];
    if (attribute === "clearAlarms") return [this.#press(point, key, labelOf(point, CLEAR_ALARMS), 1)];
    const command: ComponentCommand = { action: "set", point: point.name };
    const base = { key, name: labelOf(point, kind), point: point.name, command };
    if (kind.reads === "switch" && point.type === "boolean") {
      const source = sourceOf(this.#device, point, kind, this.#context);
      const config = { ...source, ...common(kind), ...this.#commandConfig(key) };
      return [{ ...base, platform: "switch", config }];
    }
    if (kind.reads !== "number") return undefined;
    const config = {
      ...sourceOf(this.#device, point, kind, this.#context),
      ...common(kind),
      device_class: kind.deviceClass,
      unit_of_measurement: kind.unit ?? unitOf(point.units),
      ...range(point, { min: -WIDEST, max: WIDEST, step: point.type === "integer" ? 1 : 0.01 }),
      ...this.#commandConfig(key),
    };
    return [{ ...base, platform: "number", config }];
  }

  #limit(point: Point, key: string, kind: EntityKind): Draft[] {
    const { ports, station } = portsOf(this.#device.points);
    const { port, measure } = point.origin!;
    const siblings = port === undefined ? station : ports.find((one) => one.port === port)!;
    const source = limitSource(this.#device, point, siblings, this.#context);
    if (!source) {
      const text = `${shown(point)} is 0 both while no limit is in force and while one stops charging; set mqtt.no_limit to null`;
      this.refused.push({ component: key, point: point.name, rule: "no_limit", text });
      return [];
    }
    const isPercent = measure === "limit_percent";
    const config = {
      ...source,
      ...common(kind),
      device_class: kind.deviceClass,
      unit_of_measurement: kind.unit,
      ...range(
        point,
        isPercent
          ? { min: 0, max: 100, step: 1 }
          : { min: 0, max: this.#nominalKw(port) ?? MOST_KW, step: 0.1 },
      ),
      ...this.#commandConfig(key),
    };
    const command: ComponentCommand = { action: "set", point: point.name };
    return [
      { key, platform: "number", name: labelOf(point, kind), point: point.name, command, config },
      {
        key: `${key}_ends`,
        platform: "sensor",
        name: `${labelOf(point, kind)} ends`,
        point: point.name,
        config: {
          ...endSource(this.#device, point, this.#context),
          device_class: "timestamp",
          entity_category: "diagnostic",
        },
      },
    ];
  }

  /** Returns the nominal power of a port, or of all; undefined where one is not known. */
  #nominalKw(port: string | undefined): number | undefined {
    const { ports } = portsOf(this.#device.points);
    const asked = port === undefined ? ports : ports.filter((one) => one.port === port);
    const powers = asked.map(({ nominal }) => this.#context.latest?.get(nominal ?? ""));
    const known = powers.filter((kw): kw is number => typeof kw === "number" && kw > 0);
    if (known.length === 0 || known.length < powers.length) return undefined;
    return Math.round(known.reduce((sum, kw) => sum + kw, 0) * 1000) / 1000;
  }

  /** What several points of a port, or one in another way, tell of it. */
  #ofPort(
    { port, state, load, limit, limitPercent, limited }: PortPoints,
    points: ReadonlySet<string>,
  ): Draft[] {
    const place = placeId(port);
    const found = (name: string | undefined) =>
      name !== undefined && points.has(name) ? this.#device.points.get(name) : undefined;
    const drafts: Draft[] = [];
    const statePoint = found(state);
    const words = statePoint?.origin?.words;
    if (port !== undefined && statePoint && words) {
      const isInUse = words.filter((word) => portState(word) === "in_use");
      const isFree = words.filter((word) => ["available", "faulted"].includes(portState(word)));
      const source = wordsSource(this.#device, statePoint, { on: isInUse, off: isFree }, this.#context);
      drafts.push(this.#binary(`${place}_plugged`, withPort(port, "Plugged in"), "plug", source));
    }
    const loadPoint = found(load);
    if (port !== undefined && loadPoint) {
      const source = positiveSource(this.#device, loadPoint, this.#context);
      drafts.push(this.#binary(`${place}_charging`, withPort(port, "Charging"), "battery_charging", source));
    }
    const writable = [limit, limitPercent].map(found).find((point) => point?.writable);
    if (writable) {
      const switchPoint = found(limited);
      const name = withPort(port, "Clear limit");
      const clear: Draft = switchPoint?.writable
        ? this.#press(switchPoint, `${place}_clear_limit`, name, 0)
        : this.#press(writable, `${place}_clear_limit`, name);
      drafts.push(clear);
    }
    return drafts;
  }

  #binary(key: string, name: string, deviceClass: string, source: object): Draft {
    const config = { ...source, device_class: deviceClass, expire_after: this.#expireAfter() };
    return { key, platform: "binary_sensor", name, config };
  }

  /** A button that writes a value to a point, or without one reverts it. */
  #press(point: Point, key: string, name: string, value?: PointValue): Draft {
    const command: ComponentCommand =
      value === undefined
        ? { action: "revert", point: point.name }
        : { action: "set", point: point.name, value };
    return { key, platform: "button", name, point: point.name, command, config: this.#commandConfig(key) };
  }

  #ofDevice(ofPoints: readonly Draft[]): Draft[] {
    const { topics, energyPorts } = this.#context;
    const { path, stationID, readsAlarms, points } = this.#device;
    const drafts: Draft[] = [];
    if (stationID !== undefined)
      for (const port of [...(energyPorts ?? [])].sort())
        drafts.push({
          key: `${placeId(port)}_lifetime_energy`,
          platform: "sensor",
          name: withPort(port, "Energy"),
          config: {
            state_topic: topics.session("energy", asLevel(stationID), asLevel(port)),
            value_template: '{{ value_json.get("energyKwh") }}',
            ...{ device_class: "energy", state_class: "total_increasing", unit_of_measurement: "kWh" },
            suggested_display_precision: 1,
          },
        });
    if (readsAlarms) {
      const words = [...points.values()].find(({ origin }) => origin?.measure === "alarm")?.origin?.words;
      const open = topics.ofDevice("alarms", path);
      drafts.push(
        {
          key: "station_alarm",
          platform: "event",
          name: "Alarm",
          config: { state_topic: topics.ofDevice("alarm", path), ...alarmEvents(words ?? []) },
        },
        {
          key: "station_open_alarms",
          platform: "sensor",
          name: "Open alarms",
          config: {
            state_topic: open,
            value_template: '{{ value_json.get("open") }}',
            ...{ state_class: "measurement", entity_category: "diagnostic", json_attributes_topic: open },
          },
        },
      );
    }
    if (ofPoints.some(({ platform }) => platform === "number")) drafts.push(this.#duration());
    if (ofPoints.some(({ command }) => command)) drafts.push(this.#answer());
    return drafts;
  }

  #duration(): Draft {
    const key = DURATION_KEY;
    return {
      key,
      platform: "number",
      name: "Limit duration",
      command: { action: "duration" },
      config: {
        state_topic: ownTopics(this.#context.topics, this.#objectId).duration,
        ...{ device_class: "duration", unit_of_measurement: "min", entity_category: "config" },
        ...{ min: 0, max: MOST_MINUTES, step: 1, mode: "box" },
        ...this.#commandConfig(key),
      },
    };
  }

  /** What became of the last command: refused ones would be silent at Home Assistant. */
  #answer(): Draft {
    const topic = ownTopics(this.#context.topics, this.#objectId).answer;
    return {
      key: "station_last_command",
      platform: "sensor",
      name: "Last command",
      config: {
        state_topic: topic,
        value_template: '{{ value_json.get("status") }}',
        ...{ json_attributes_topic: topic, entity_category: "diagnostic" },
      },
    };
  }

  #commandConfig(key: string) {
    const { topics, protocolVersion } = this.#context;
    return {
      command_topic: commandTopic(topics, this.#objectId, key),
      // Nobody takes commands while the integration is away.
      availability: [...availabilityOf(this.#device.path, topics), { topic: integrationState(topics) }],
      availability_mode: "all",
      message_expiry_interval: protocolVersion === 5 ? COMMAND_EXPIRY_SECONDS : undefined,
    };
  }

  /** Returns the seconds without a message after which a value is not shown any more: three times that in which one comes. */
  #expireAfter(): number {
    const { mqtt } = this.#context;
    return Math.ceil(3 * Math.max(this.#device.intervalSeconds, mqtt.stateRefreshSeconds));
  }
}

const CLEAR_ALARMS: EntityKind = { name: "Clear alarms", reads: "number" };
const DURATION = { device_class: "duration", unit_of_measurement: "s", state_class: "measurement" };

/** Whether only a binary sensor has the class. */
function isNew(deviceClass: string): boolean {
  return !Object.hasOwn(SENSOR_CLASSES, deviceClass);
}

function common({ category, isEnabled, icon }: EntityKind) {
  return { entity_category: category, enabled_by_default: isEnabled, icon };
}

function range(point: Point, preset: { readonly min: number; readonly max: number; readonly step: number }) {
  const { min = preset.min, max = Math.max(preset.max, min) } = point;
  return { min, max, step: preset.step, mode: "box" };
}

function labelOf({ origin }: Point, { name }: EntityKind): string {
  return withPort(origin?.port, name);
}

function withPort(port: string | undefined, name: string): string {
  if (port === undefined) return name;
  const isWord = /^.[a-z]/.test(name);
  return `Port ${port} ${isWord ? name.charAt(0).toLowerCase() + name.slice(1) : name}`;
}

function shown({ name, origin }: Point): string {
  const { register, attribute, port } = origin ?? {};
  if (register === undefined) return `point "${name}"`;
  return `point "${name}" (${register}, ${attribute}${port === undefined ? "" : `, port ${port}`})`;
}
