import { POINT_TYPES } from "../../../points/index.ts";
import type { Sample, TopicMeta } from "../../contract.ts";
import {
  AUDIT,
  jsonFieldOf,
  type Layout,
  type Location,
  META,
  type Nameplate,
  type NameplatePoint,
  nameplatePoint,
  TEXT_FIELD,
  withStationTags,
} from "./layout.ts";
import {
  declaredKind,
  escaped,
  type FieldKind,
  quoted,
  safeName,
  seriesText,
  whySeriesTooLong,
} from "./line.ts";

/** State of a topic in the writer. */
export interface BookEntry {
  readonly key: string;
  readonly measurement: string;
  /** Start of its lines: measurement and tags, escaped. */
  series: string;
  /** Why it cannot be written as a line. */
  readonly fault: string | undefined;
  name: string;
  meta: TopicMeta;
  field: string;
  /** Escaped names of its field and its JSON field. */
  fieldText: string;
  jsonText: string;
  kind: FieldKind;
  /** Whether its lines have {@link TEXT_FIELD}: not where the store has that field with another type. */
  hasText: boolean;
  /** All fields it ever had, the current one last. */
  fields: readonly string[];
  mixed: boolean;
  /** Whether the store has its current description. */
  stored: boolean;
}

/** Tracks the known topics, the fields of their values, and the types of these fields in the store. */
export class TopicBook {
  readonly #layout: Layout;
  readonly #byName = new Map<string, BookEntry>();
  readonly #byKey = new Map<string, BookEntry>();
  readonly #kinds = new Map<string, FieldKind>();
  /** Kinds from {@link #kinds} that were read from the store. */
  readonly #learnt = new Map<string, FieldKind>();
  /** Topics by series and field, in wide layouts. */
  readonly #owners = new Map<string, string>();
  /** What describes the stations, and their topics, by device in lower case. */
  readonly #nameplates = new Map<string, Nameplate>();
  readonly #ofDevice = new Map<string, BookEntry[]>();
  #stored = new Map<string, StoredTopic>();
  /** Whether an unknown topic may have had values of another kind than its field. */
  #mixedAtFirst = false;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Loads the topics of the store; undefined when they cannot be read. */
  load(topics: readonly StoredTopic[] | undefined): void {
    this.#learnt.clear();
    this.#mixedAtFirst = topics === undefined;
    this.#stored = new Map(topics?.map((topic) => [topic.key, topic]));
    for (const { key, fields } of this.#stored.values()) for (const field of fields) this.#claim(key, field);
  }

  /**
   * Records the type that a field has in the store, whatever was declared. If it has several types (each shard has its own), values are
   * written to the JSON field. Returns whether this is new.
   */
  learn(measurement: string, field: string, type: FieldKind): boolean {
    const id = idOf(measurement, field);
    const before = this.#learnt.get(id);
    const kind = before === undefined || before === type ? type : "json";
    if (kind === before) return false;
    this.#learnt.set(id, kind);
    this.#kinds.set(id, kind);
    for (const entry of this.#byKey.values()) {
      if (entry.measurement !== measurement) continue;
      if (entry.field === field) entry.kind = kind;
      entry.hasText = this.#hasText(measurement);
    }
    return true;
  }

  /** Records what describes a station. A change begins new series for all topics of the device. */
  describe(device: string, found: Nameplate): void {
    const before = this.#nameplates.get(device);
    const names = Object.entries(found) as [NameplatePoint, string][];
    if (before && names.every(([point, text]) => before[point] === text)) return;
    this.#nameplates.set(device, { ...before, ...found });
    for (const entry of this.#ofDevice.get(device) ?? []) entry.series = this.#seriesOf(entry.key);
  }

  /** Records the station data in the samples of a batch before its lines are made, so that a retried batch has the same tags. */
  describeAll(samples: readonly Sample[]): void {
    if (!this.#layout.stationTags) return;
    for (const { topic, value } of samples) {
      const [device, point] = nameplatePoint(topic) ?? [];
      if (device !== undefined && point !== undefined && typeof value === "string")
        this.describe(device, { [point]: value.toWellFormed() });
    }
  }

  /** Called when the store may have lost its descriptions of topics. */
  forget(): void {
    for (const entry of this.#byKey.values()) entry.stored = false;
  }

  /** Returns the entry of a known topic with the same spelling and metadata. */
  known({ topic, meta }: Sample): BookEntry | undefined {
    const entry = this.#byName.get(topic);
    return entry && sameMeta(entry.meta, meta) ? entry : undefined;
  }

  /** Returns the entry of a storable topic, creating or updating it. */
  entry({ topic, meta }: Sample): BookEntry {
    const key = topic.toLowerCase();
    const entry = this.#byKey.get(key) ?? this.#define(key, topic, meta);
    // A previous spelling would count as current.
    this.#byName.delete(entry.name);
    this.#byName.set(topic, entry);
    this.#update(entry, topic, meta);
    return entry;
  }

  /** Called when a topic has values of both kinds: from now on each of its lines has both fields. */
  mix(entry: BookEntry): void {
    entry.mixed = true;
    entry.stored = false;
  }

  /** Returns the line that describes a topic, as a point at `time` (microseconds). */
  metaLine({ key, name, meta, mixed, fields }: BookEntry, now: Date, time: number): string {
    const { units, type, tz } = meta;
    const values = [
      `topic=${quoted(name)}`,
      `meta_dict=${quoted(JSON.stringify({ units, type, tz }).toWellFormed())}`,
      `last_updated=${quoted(now.toISOString())}`,
      ...(mixed ? ["mixed=true"] : []),
      ...(this.#layout.wide ? [`fields=${quoted(JSON.stringify(fields))}`] : []),
    ];
    return `${metaSeries(key)} ${values.join(",")} ${time}\n`;
  }

  #define(key: string, name: string, meta: TopicMeta): BookEntry {
    const location = this.#layout.locate(key);
    const series = this.#seriesOf(key);
    const before = this.#stored.get(key);
    const entry: BookEntry = {
      key,
      measurement: location.measurement,
      series,
      fault: whySeriesTooLong(series) ?? whySeriesTooLong(metaSeries(key)),
      name,
      meta,
      field: "",
      fieldText: "",
      jsonText: "",
      kind: "json",
      hasText: false,
      fields: before?.fields ?? [],
      mixed: before?.mixed ?? this.#mixedAtFirst,
      stored: false,
    };
    this.#place(entry);
    this.#byKey.set(key, entry);
    if (this.#layout.stationTags) {
      const device = deviceOf(key);
      this.#ofDevice.set(device, [...(this.#ofDevice.get(device) ?? []), entry]);
    }
    return entry;
  }

  #update(entry: BookEntry, name: string, meta: TopicMeta): void {
    const changed = !sameMeta(entry.meta, meta);
    if (changed || entry.name !== name) entry.stored = false;
    entry.name = name;
    entry.meta = meta;
    if (changed) this.#place(entry);
  }

  /** Assigns the field of its values: the layout's, or a numbered one when that belongs to another topic. */
  #place(entry: BookEntry): void {
    const wanted = this.#layout.field({ topic: entry.name, meta: entry.meta });
    let field = wanted;
    for (let i = 2; this.#layout.wide && !this.#claim(entry.key, field); i++) field = `${wanted}_${i}`;
    const id = idOf(entry.measurement, field);
    const kind = this.#kinds.get(id) ?? declaredKind(entry.meta.type);
    if (kind !== "json") this.#kinds.set(id, kind);
    entry.field = field;
    entry.fieldText = escaped(field);
    entry.jsonText = escaped(jsonFieldOf(field));
    entry.kind = kind;
    entry.hasText = this.#hasText(entry.measurement);
    entry.fields = [...entry.fields.filter((other) => other !== field), field];
  }

  #seriesOf(key: string): string {
    const { measurement, tags } = this.#layout.locate(key);
    const nameplate = this.#layout.stationTags ? this.#nameplates.get(deviceOf(key)) : undefined;
    return seriesOf({ measurement, tags: nameplate ? withStationTags(tags, nameplate) : tags });
  }

  #hasText(measurement: string): boolean {
    return this.#layout.text && (this.#learnt.get(idOf(measurement, TEXT_FIELD)) ?? "string") === "string";
  }

  #claim(key: string, field: string, series = seriesOf(this.#layout.locate(key))): boolean {
    const ids = [field, jsonFieldOf(field)].map((name) => idOf(series, name));
    if (ids.some((id) => (this.#owners.get(id) ?? key) !== key)) return false;
    for (const id of ids) this.#owners.set(id, key);
    return true;
  }
}

/** Returns the device of a topic by its key, that of the write for the audit. */
function deviceOf(key: string): string {
  const path = key.startsWith(AUDIT) ? key.slice(AUDIT.length) : key;
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

function seriesOf({ measurement, tags }: Location): string {
  return seriesText(
    measurement,
    tags.filter(([, value]) => value !== ""),
  );
}

function metaSeries(key: string): string {
  return seriesText(META, [["topic_id", safeName(key)]]);
}

function sameMeta(a: TopicMeta, b: TopicMeta): boolean {
  return a === b || (a.units === b.units && a.type === b.type && a.tz === b.tz);
}

/** Returns a unique id, because neither measurements nor fields contain line breaks. */
function idOf(measurement: string, field: string): string {
  return `${measurement}\n${field}`;
}

/** Description of a topic in the store. */
export interface StoredTopic {
  /** Lower case. */
  readonly key: string;
  readonly name: string;
  readonly meta: TopicMeta;
  /** Whether it ever had a value of another kind than its field. */
  readonly mixed: boolean;
  /** All fields it ever had, the current one last. */
  readonly fields: readonly string[];
}

/** Columns of a query on the measurement `meta`. */
export const META_COLUMNS = ["topic", "meta_dict", "mixed", "fields"] as const;
export type MetaRow = readonly [topic: unknown, metaDict: unknown, mixed: unknown, fields: unknown];

/** Returns undefined for a row that describes no topic. */
export function readTopic([topic, metaDict, mixed, fields]: MetaRow): StoredTopic | undefined {
  if (typeof topic !== "string") return undefined;
  const meta = dictionary(String(metaDict ?? ""));
  const known = dictionary(String(fields ?? ""));
  const text = (name: string, otherwise: string): string => {
    const value = meta[name];
    return typeof value === "string" ? value : otherwise;
  };
  const type = text("type", "string");
  return {
    key: topic.toLowerCase(),
    name: topic,
    meta: {
      units: text("units", ""),
      type: POINT_TYPES.find((known) => known === type) ?? "string",
      tz: text("tz", "UTC"),
    },
    mixed: mixed === true,
    fields: Object.values(known).filter((field) => typeof field === "string"),
  };
}

/** Parses JSON, or a Python dictionary of texts, which VOLTTRON writes and parses in the same way. */
function dictionary(text: string): Readonly<Record<string, unknown>> {
  for (const json of [text, text.replaceAll(/u?'/g, '"')]) {
    try {
      const value: unknown = JSON.parse(json);
      if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    } catch {
      // Try the other format.
    }
  }
  return {};
}
