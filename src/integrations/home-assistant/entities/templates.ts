import type { DeviceInfo, Point, PortPoints } from "../../../points/index.ts";
import type { DocumentContext } from "./component.ts";
import type { EntityKind } from "./table.ts";

/** Where Home Assistant reads the value of an entity. */
export interface ValueSource {
  readonly state_topic: string;
  readonly value_template: string;
}

type Context = Pick<DocumentContext, "topics" | "mqtt">;

/** Maximum length of a state at Home Assistant (`const.py`: `MAX_LENGTH_STATE_STATE`). */
const LONGEST_STATE = 255;

/** Returns an expression of Jinja for the value of a point, `none` where the message does not have it. */
function read({ name, type }: Point, { mqtt }: Context): string {
  // A missing key would be a warning in the log of Home Assistant at each message.
  if (mqtt.state !== "attribute") return `value_json.get(${JSON.stringify(name)})`;
  const isText = ["string", "datetime", "date", "time"].includes(type);
  return isText ? '(none if value == "null" else value)' : "value_json";
}

/** Returns the topic on which the state view has a point. */
function topicOf(device: DeviceInfo, point: Point, { topics, mqtt }: Context): string {
  return mqtt.state === "attribute" ? topics.attribute(device.path, point.name) : topics.state(device.path);
}

/** Returns where the value of a point is, in the form that its kind needs. What Home Assistant could not take is unknown there. */
export function sourceOf(device: DeviceInfo, point: Point, kind: EntityKind, context: Context): ValueSource {
  return {
    state_topic: topicOf(device, point, context),
    value_template: templateOf(kind, read(point, context), point),
  };
}

function templateOf({ reads, words }: EntityKind, value: string, { origin }: Point): string {
  switch (reads) {
    case "number":
    case "time":
      return `{{ ${value} }}`;
    case "text":
      return `{% set v = ${value} %}{{ v if v is none else (v | string)[:${LONGEST_STATE}] }}`;
    case "words":
      return `{% set v = ${value} %}{{ v if v in ${JSON.stringify(origin?.words ?? [])} else none }}`;
    case "switch":
      return words ? onOff(value, words.on, words.off) : asOnOff(value, "v");
    case "duration":
      return `{% set p = (${value} or "").split(":") %}{{ p[0] | int(0) * 3600 + p[1] | int(0) * 60 + p[2] | int(0) if p | length == 3 else none }}`;
  }
}

function onOff(value: string, on: readonly string[], off: readonly string[]): string {
  return `{% set v = ${value} %}{{ "ON" if v in ${JSON.stringify(on)} else "OFF" if v in ${JSON.stringify(off)} else none }}`;
}

function asOnOff(value: string, test: string): string {
  return `{% set v = ${value} %}{{ none if v is none else "ON" if ${test} else "OFF" }}`;
}

/** Returns where is seen whether the text of a point is one of some words, or one of others. */
export function wordsSource(
  device: DeviceInfo,
  point: Point,
  words: { readonly on: readonly string[]; readonly off: readonly string[] },
  context: Context,
): ValueSource {
  const value_template = onOff(read(point, context), words.on, words.off);
  return { state_topic: topicOf(device, point, context), value_template };
}

/** Returns where is seen whether the number of a point is above 0. */
export function positiveSource(device: DeviceInfo, point: Point, context: Context): ValueSource {
  return {
    state_topic: topicOf(device, point, context),
    value_template: asOnOff(read(point, context), "v > 0"),
  };
}

/**
 * Returns where a limit is: unknown while none is in force, and 0 while it stops charging. Undefined where the state view has 0
 * for both and cannot tell which it is.
 */
export function limitSource(
  device: DeviceInfo,
  point: Point,
  { limit, limitPercent, limited }: PortPoints,
  context: Context,
): ValueSource | undefined {
  const state_topic = topicOf(device, point, context);
  const value = read(point, context);
  if (context.mqtt.noLimit === "null") return { state_topic, value_template: `{{ ${value} }}` };
  const other = point.name === limit ? limitPercent : limit;
  if (context.mqtt.state === "attribute" || limited === undefined) return undefined;
  const named = (name: string) => `value_json.get(${JSON.stringify(name)})`;
  // With both values 0 it is a limit of 0 kW.
  const isOther =
    point.name === limitPercent ? ` and ${value}` : other === undefined ? "" : ` and not ${named(other)}`;
  return { state_topic, value_template: `{{ ${value} if ${named(limited)}${isOther} else none }}` };
}

/** Returns where the time is at which the limit of a point ends. */
export function endSource(device: DeviceInfo, point: Point, { topics, mqtt }: Context): ValueSource {
  const name = JSON.stringify(point.name);
  return mqtt.state === "attribute"
    ? { state_topic: topics.limitEnds(device.path), value_template: `{{ value_json.get(${name}) }}` }
    : {
        state_topic: topics.state(device.path),
        value_template: `{{ (value_json.get("ends") or {}).get(${name}) }}`,
      };
}

/** Returns the template of when a session began, for Home Assistant's sum of sessions; empty where that is not known. */
export function lastResetTemplate(start: Point, context: Context): string | undefined {
  // Another topic than that of the energy cannot be read there.
  return context.mqtt.state === "attribute" ? undefined : `{{ ${read(start, context)} or "" }}`;
}

/** Types of the events of a device's alarms, beside the names that the network has for alarms. */
const RAISED = "raised";
const CLEARED = "cleared";

export function alarmEvents(words: readonly string[]): {
  readonly event_types: readonly string[];
  readonly value_template: string;
} {
  const known = words.filter((word) => word !== RAISED && word !== CLEARED);
  const type = known.length === 0 ? `"${RAISED}"` : `a if a in ${JSON.stringify(known)} else "${RAISED}"`;
  const attributes = ["alarm", "port", "text", "raisedAt", "at"].map(
    (name) => `"${name}": value_json.get("${name}")`,
  );
  const event = `{"event_type": t, ${attributes.join(", ")}}`;
  return {
    event_types: [...known, RAISED, CLEARED],
    value_template: `{% set a = value_json.get("alarm") %}{% set t = "${CLEARED}" if value_json.get("state") == "${CLEARED}" else ${type} %}{{ ${event} | to_json }}`,
  };
}
