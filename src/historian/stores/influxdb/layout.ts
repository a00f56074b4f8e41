import type { Sample } from "../../contract.ts";
import { safeName, safeNameBeside, type Tag } from "./line.ts";
import type { InfluxConnection } from "./settings.ts";

/** The series with a topic's values. */
export interface Location {
  readonly measurement: string;
  /** Tags ordered by name. An empty value: the series does not have the tag. */
  readonly tags: readonly Tag[];
}

/** Maps topics to measurements, tags and fields. */
export interface Layout {
  /** Returns the series of a topic, by its lower-case name. Two topics can share one only when `wide`. */
  locate(key: string): Location;
  /** Returns the preferred field of a topic's values. */
  field(sample: Pick<Sample, "topic" | "meta">): string;
  /** Whether values of the same series and time share a line, with one field for each topic. */
  readonly wide: boolean;
  /** Whether lines have each value as text too, in {@link TEXT_FIELD}. */
  readonly text: boolean;
  /** Whether lines have the tags of {@link NAMEPLATE}. */
  readonly stationTags: boolean;
}

/** Measurement with the descriptions of topics, one point each at time 0, as in VOLTTRON's InfluxDB historian. */
export const META = "meta";

/** Field with each value as text, which VOLTTRON's InfluxDB historian writes and dashboards made for it read. */
export const TEXT_FIELD = "value_string";

/** Returns the field for values, as JSON, whose kind differs from their field's; when empty, the field itself has the value. */
export function jsonFieldOf(field: string): string {
  return `${field}_json`;
}

/** Prefix of topics with the audit of writes. */
export const AUDIT = "actuators/write/";

/**
 * VOLTTRON's layout: the last level of the lower-case topic is the measurement, the three before it are the tags device, building and
 * campus (campus has all remaining levels), `source` is the origin, and the field is `value`.
 */
export const volttronLayout: Layout = {
  wide: false,
  text: true,
  stationTags: false,
  locate(key) {
    const levels = key.split("/");
    const measurement = levels.pop() ?? "";
    const device = levels.pop();
    const building = levels.pop();
    const campus = levels.length > 0 ? levels.join("/") : undefined;
    const tags: Tag[] = [
      ["building", tagValue(building)],
      ["campus", tagValue(campus)],
      ["device", tagValue(device)],
      ["source", key.startsWith(AUDIT) ? "record" : "scrape"],
    ];
    return { measurement: safeNameBeside(measurement, META), tags };
  },
  field: () => "value",
};

function tagValue(level: string | undefined): string {
  return level === undefined ? "" : safeName(level);
}

/** Matches a port at the end of a point's name, as in the included registries: `portLoad_1`, `Status_1A`. */
const PORT = /_(\d+[a-z]?)$/i;
const SESSION = /^session_/i;
const ALARM = /^(clear)?alarm/i;
/** Names of tags and the time, which a field cannot have. */
const RESERVED = new Set(["time", "device", "port"]);
/** Further ones with the tags of stations. */
const STATION_TAGS = new Set(["station", "site", "model"]);

/**
 * Wide lines for dashboards, one for each device or port and time. Measurements `ev_port`, `ev_station`, `ev_session`, `ev_alarm` (and
 * `ev_write`, the audit of writes) by the names of the points; tags `device` (its path) and `port`; one field for each point, with
 * its unit: `portLoad_1` in kW is `port_load_kw` of `ev_port` with `port` = `1`.
 */
export const evLayout: Layout = {
  wide: true,
  text: false,
  stationTags: false,
  locate(key) {
    const audit = key.startsWith(AUDIT);
    const path = audit ? key.slice(AUDIT.length) : key;
    const cut = path.lastIndexOf("/");
    const point = path.slice(cut + 1);
    const port = PORT.exec(point)?.[1] ?? "";
    return {
      measurement: audit ? "ev_write" : measurementOf(point, port),
      tags: [
        ["device", cut < 0 ? "" : safeName(path.slice(0, cut))],
        ["port", port],
      ],
    };
  },
  field({ topic, meta }) {
    const point = topic.slice(topic.lastIndexOf("/") + 1);
    const name = snakeCase(point.replace(PORT, "").replace(SESSION, "")) || "value";
    const unit = unitName(meta.units);
    const field = unit === "" || namesUnit(name, unit) ? name : `${name}_${unit}`;
    const isTag = RESERVED.has(field) || (this.stationTags && STATION_TAGS.has(field));
    return isTag ? `${field}_value` : field;
  },
};

/** Returns the layout of the settings. */
export function layoutOf({
  layout,
  value_string: text,
  station_tags: stationTags,
}: InfluxConnection): Layout {
  return layout === "ev" ? { ...evLayout, stationTags } : { ...volttronLayout, text };
}

/** Points that describe a station, in lower case, with the field and the tag of each. Of two for one tag, the first that has a text counts. */
export const NAMEPLATE = {
  stationname: { field: "station_name", tag: "station" },
  sgname: { field: "sg_name", tag: "site" },
  address: { field: "address", tag: "site" },
  stationmodel: { field: "station_model", tag: "model" },
} as const;
export type NameplatePoint = keyof typeof NAMEPLATE;

/** Measurement of the points of {@link NAMEPLATE}. */
export const NAMEPLATE_MEASUREMENT = "ev_station";

/** What the points of {@link NAMEPLATE} of one device had last. */
export type Nameplate = Partial<Record<NameplatePoint, string>>;

/** Returns the point's device and name, in lower case, when it describes a station. */
export function nameplatePoint(topic: string): readonly [device: string, point: NameplatePoint] | undefined {
  const key = topic.toLowerCase();
  const cut = key.lastIndexOf("/");
  const point = key.slice(cut + 1);
  return cut > 0 && Object.hasOwn(NAMEPLATE, point)
    ? [key.slice(0, cut), point as NameplatePoint]
    : undefined;
}

/** Adds the tags of a station to others. Tags stay ordered by name. */
export function withStationTags(tags: readonly Tag[], nameplate: Nameplate): readonly Tag[] {
  const added = new Map<string, string>();
  for (const [point, { tag }] of Object.entries(NAMEPLATE) as [NameplatePoint, { tag: string }][]) {
    const text = nameplate[point] ?? "";
    if (text !== "" && !added.has(tag)) added.set(tag, safeName(text));
  }
  return [...tags, ...added].sort(([a], [b]) => (a < b ? -1 : 1));
}

function measurementOf(point: string, port: string): string {
  if (SESSION.test(point)) return "ev_session";
  if (ALARM.test(point)) return "ev_alarm";
  return port === "" ? "ev_station" : "ev_port";
}

/** Converts `portLoad` to `port_load`, `unitPricePerKWh` to `unit_price_per_kwh`. */
function snakeCase(name: string): string {
  const apart = name
    .replaceAll(/k(wh?|va)(?![a-z])/gi, (unit) => `_${unit.toLowerCase()}_`)
    .replaceAll(/([\p{Ll}\d])(\p{Lu})/gu, "$1_$2")
    .replaceAll(/(\p{Lu})(\p{Lu}\p{Ll})/gu, "$1_$2");
  return joined(apart).toLowerCase();
}

function joined(text: string): string {
  return text.replaceAll(/[^\p{L}\p{N}]+/gu, "_").replaceAll(/^_|_$/g, "");
}

function unitName(unit: string): string {
  const named = unit.replaceAll("%", "percent").replaceAll("°", "deg").replaceAll("/", " per ");
  return joined(named).toLowerCase();
}

/** Returns whether a name includes its unit: `startBatteryPercentage` in %. */
function namesUnit(name: string, unit: string): boolean {
  return `_${name}_`.includes(`_${unit}_`) || (unit === "percent" && name.includes(unit));
}
