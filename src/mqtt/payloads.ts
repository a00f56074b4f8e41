import {
  type DeviceInfo,
  isClockSet,
  metadataType,
  type Point,
  type PointType,
  type PointValue,
  type Scrape,
} from "../points/index.ts";

/** VOLTTRON's message headers (`Date`, `TimeStamp`, …); values are JSON. */
export type Headers = Readonly<Record<string, PointValue>>;

/** Places of headers: in the payload, as MQTT 5 user properties, or both. */
export interface HeaderPlaces {
  readonly inPayload: boolean;
  readonly inProperties: boolean;
}

/** Returns the places of a setting. MQTT 3.1.1 has no properties: there the payload is the only place. */
export function headerPlaces(
  setting: "payload" | "properties" | "both",
  protocolVersion: 4 | 5,
): HeaderPlaces {
  const v5 = protocolVersion === 5;
  return { inPayload: !v5 || setting !== "properties", inProperties: v5 && setting !== "payload" };
}

/** Formats a time as VOLTTRON does: `2026-11-21T00:00:00.000000+00:00`. */
export function timeText(time: Date): string {
  return time.toISOString().replace("Z", "000+00:00");
}

/**
 * Returns the headers of a reading. VOLTTRON's `Date` and `TimeStamp` are the time of publishing; here both are the time of
 * the values, which a message that waited for the broker must carry. `ClockNotSet`: the times are not valid.
 */
export function readingHeaders(scrape: Scrape): Headers {
  const taken = timeText(scrape.takenAt);
  return {
    ...{ Date: taken, TimeStamp: taken, SynchronizedTimeStamp: timeText(scrape.synchronizedAt) },
    ...(!isClockSet(scrape.takenAt) && { ClockNotSet: true }),
  };
}

/** Returns headers as user properties, whose values are text. */
export function userProperties(headers: Headers): Record<string, string> {
  const properties: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers))
    properties[name] = typeof value === "string" ? value : JSON.stringify(value);
  return properties;
}

/** Returns `[value, {"units","type","tz"}, headers]`; `value` and `metadata` are JSON text, headers may be. */
export function volttronMessage(
  value: string,
  metadata: string,
  headers: Headers | string | undefined,
): string {
  if (headers === undefined) return `[${value},${metadata}]`;
  const text = typeof headers === "string" ? headers : JSON.stringify(headers);
  return `[${value},${metadata},${text}]`;
}

/**
 * Returns a message of VOLTTRON's bus: over MQTT 5 as it is, with its headers as user properties; over MQTT 3.1.1, which has
 * no place for headers, in VOLTTRON's envelope.
 */
export function busMessage(message: unknown, headers: Headers, protocolVersion: 4 | 5) {
  if (protocolVersion === 5)
    return { payload: JSON.stringify(message), userProperties: userProperties(headers) };
  return { payload: JSON.stringify({ headers, message }) };
}

/** Parts of a device's messages that are the same in every scrape, as JSON text. */
export interface DeviceText {
  /** Published points: all but those with `Publish` = never. */
  readonly points: readonly Point[];
  /** Their names as keys of a JSON object, in the same order: `"portLoad":`. */
  readonly keys: readonly string[];
  /** `{"units","type","tz"}` of each, in the same order. */
  readonly metadata: readonly string[];
  /** `{point: {"units","type","tz"}, …}` of all published points. */
  readonly allMetadata: string;
  /** `{point: units, …}` of all published points that have units; created for the first message that contains it. */
  allUnits?: string;
}

const texts = new WeakMap<Pick<DeviceInfo, "points" | "timezone">, DeviceText>();
/** By first published point. Devices of one registry share its points, and so their text. */
const shared = new WeakMap<Point, Map<string, DeviceText[]>>();

export function deviceText(device: Pick<DeviceInfo, "points" | "timezone">): DeviceText {
  const known = texts.get(device);
  if (known) return known;
  const points = [...device.points.values()].filter((point) => point.publish !== "never");
  const text = sharedText(points, device.timezone);
  texts.set(device, text);
  return text;
}

function sharedText(points: readonly Point[], timezone: string): DeviceText {
  const [first] = points;
  if (first === undefined) return textOf(points, timezone);
  const byZone = shared.get(first) ?? new Map<string, DeviceText[]>();
  shared.set(first, byZone);
  const candidates = byZone.get(timezone) ?? [];
  byZone.set(timezone, candidates);
  const same = candidates.find(
    (one) => one.points.length === points.length && one.points.every((point, i) => point === points[i]),
  );
  if (same) return same;
  const text = textOf(points, timezone);
  if (candidates.length < MOST_SHARED) candidates.push(text);
  return text;
}

/** Maximum number of kinds of devices that begin with the same point. */
const MOST_SHARED = 100;

function textOf(points: readonly Point[], timezone: string): DeviceText {
  const metadata: string[] = [];
  const keys: string[] = [];
  const all: string[] = [];
  // Many points share the text of few kinds of metadata.
  const known = new Map<string, Map<PointType, string>>();
  for (const point of points) {
    const key = `${JSON.stringify(point.name)}:`;
    const byType = known.get(point.units) ?? new Map<PointType, string>();
    known.set(point.units, byType);
    const text = byType.get(point.type) ?? pointMetadata(point, timezone);
    byType.set(point.type, text);
    keys.push(key);
    metadata.push(text);
    all.push(key + text);
  }
  return {
    points,
    keys,
    metadata,
    allMetadata: `{${all.join(",")}}`,
  };
}

/** Returns `{"units","type","tz"}` as JSON text. */
export function pointMetadata(point: Point, timezone: string): string {
  return JSON.stringify({ units: point.units, type: metadataType(point.type), tz: timezone });
}

/** Returns the published values of a scrape, `{point: value, …}` as JSON text, and their number. */
export function valuesText(scrape: Scrape): { readonly text: string; readonly count: number } {
  const { points, keys } = deviceText(scrape.device);
  const parts: string[] = [];
  let count = 0;
  for (let i = 0; i < points.length; i++) {
    const value = scrape.values.get(points[i]!.name);
    if (value === undefined) continue;
    parts.push(count++ === 0 ? "{" : ",", keys[i]!, valueText(value));
  }
  return { text: count === 0 ? "{}" : `${parts.join("")}}`, count };
}

/** Returns a value as JSON. Most are numbers, for which String() is cheaper than `JSON.stringify`. */
export function valueText(value: PointValue): string {
  return typeof value === "number" && Number.isFinite(value) ? String(value) : JSON.stringify(value);
}

function unitsText({ points, keys }: DeviceText): string {
  const units = points.flatMap((point, i) =>
    point.units === "" ? [] : [keys[i]! + JSON.stringify(point.units)],
  );
  return `{${units.join(",")}}`;
}

/** Returns the message of a scrape with `"payload": "json"`: `{"device","timestamp","synchronized","values","units","failures"}`; `values` is JSON text. */
export function jsonReading(scrape: Scrape, values: string): string {
  const text = deviceText(scrape.device);
  const { points } = text;
  text.allUnits ??= unitsText(text);
  const failures = points.flatMap(({ name }): [string, string][] => {
    const reason = scrape.failures.get(name);
    return reason === undefined ? [] : [[name, JSON.stringify(reason)]];
  });
  return jsonObject([
    ["device", JSON.stringify(scrape.device.path)],
    ["timestamp", JSON.stringify(scrape.takenAt)],
    ["synchronized", JSON.stringify(scrape.synchronizedAt)],
    ["values", values],
    ["units", text.allUnits],
    ["failures", jsonObject(failures)],
    ...(isClockSet(scrape.takenAt) ? [] : CLOCK_NOT_SET),
  ]);
}

const CLOCK_NOT_SET: readonly [string, string][] = [["clockNotSet", "true"]];

/** Returns the message of one point with `"payload": "json"`: `{"device","point","timestamp","synchronized","value","units"}`. */
export function jsonPoint(scrape: Scrape, point: Point, value: PointValue): string {
  return JSON.stringify({
    device: scrape.device.path,
    point: point.name,
    timestamp: scrape.takenAt,
    synchronized: scrape.synchronizedAt,
    value,
    units: point.units,
    ...(!isClockSet(scrape.takenAt) && { clockNotSet: true }),
  });
}

/** Returns a JSON object of members whose values are JSON text already. Every name is kept as a key, `__proto__` too. */
export function jsonObject(members: Iterable<readonly [string, string]>): string {
  return `{${Array.from(members, ([key, text]) => `${JSON.stringify(key)}:${text}`).join(",")}}`;
}

/** Returns the payload of an attribute topic: text as it is, everything else as JSON (`null`, `true`, `4.5`, `{…}`). */
export function bareValue(value: PointValue): string {
  return typeof value === "string" ? value : JSON.stringify(value);
}

/** Parses JSON of another party; undefined where it is not JSON. */
// biome-ignore lint/suspicious/noExplicitAny: the caller checks the shape
export function parseJson(text: string): any {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
