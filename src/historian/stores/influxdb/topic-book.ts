import { POINT_TYPES } from "../../../points/index.ts";
import type { Sample, TopicMeta } from "../../contract.ts";
import { jsonFieldOf, type Layout, type Location, META } from "./layout.ts";
import { declaredKind, escaped, type FieldKind, quoted, safeName, seriesText, whyNoSeries } from "./line.ts";

/** A topic as the writer knows it. */
export interface BookEntry {
  readonly key: string;
  readonly measurement: string;
  /** Beginning of its lines: measurement and tags, escaped. */
  readonly series: string;
  /** Why no line can be made of it. */
  readonly fault: string | undefined;
  name: string;
  meta: TopicMeta;
  field: string;
  /** Escaped names of its field and of the field for values of another kind. */
  fieldText: string;
  jsonText: string;
  kind: FieldKind;
  /** All fields it ever had, the present one last. */
  fields: readonly string[];
  mixed: boolean;
  /** Whether the store knows it as it is. */
  stored: boolean;
}

/** Which topics there are, which fields their values go to, and of what type these fields are in the store. */
export class TopicBook {
  readonly #layout: Layout;
  readonly #byName = new Map<string, BookEntry>();
  readonly #byKey = new Map<string, BookEntry>();
  readonly #kinds = new Map<string, FieldKind>();
  /** Those of {@link #kinds} that the store told. */
  readonly #learnt = new Map<string, FieldKind>();
  /** Wide layouts: series and field → the topic it belongs to. */
  readonly #owners = new Map<string, string>();
  #stored = new Map<string, StoredTopic>();
  /** Whether a topic of which nothing is known may have had values of another kind than its field. */
  #mixedAtFirst = false;

  constructor(layout: Layout) {
    this.#layout = layout;
  }

  /** Takes what the store knows; undefined where it does not tell. */
  load(topics: readonly StoredTopic[] | undefined): void {
    this.#learnt.clear();
    this.#mixedAtFirst = topics === undefined;
    this.#stored = new Map(topics?.map((topic) => [topic.key, topic]));
    for (const { key, fields } of this.#stored.values()) for (const field of fields) this.#claim(key, field);
  }

  /**
   * The store has this field with this type, whatever was declared; where it has it with several (each part of its time has its
   * own), values go to the JSON field. Answers whether that is new.
   */
  learn(measurement: string, field: string, type: FieldKind): boolean {
    const id = idOf(measurement, field);
    const before = this.#learnt.get(id);
    const kind = before === undefined || before === type ? type : "json";
    if (kind === before) return false;
    this.#learnt.set(id, kind);
    this.#kinds.set(id, kind);
    for (const entry of this.#byKey.values())
      if (entry.measurement === measurement && entry.field === field) entry.kind = kind;
    return true;
  }

  /** Nothing of what was written is sure to be there any more. */
  forget(): void {
    for (const entry of this.#byKey.values()) entry.stored = false;
  }

  /** The entry of a topic that was met before, spelt and described as now. */
  known({ topic, meta }: Sample): BookEntry | undefined {
    const entry = this.#byName.get(topic);
    return entry && sameMeta(entry.meta, meta) ? entry : undefined;
  }

  /** The entry of a storable topic. */
  entry({ topic, meta }: Sample): BookEntry {
    const key = topic.toLowerCase();
    const entry = this.#byKey.get(key) ?? this.#define(key, topic, meta);
    // An older spelling would be taken for current.
    this.#byName.delete(entry.name);
    this.#byName.set(topic, entry);
    this.#update(entry, topic, meta);
    return entry;
  }

  /** The topic now has values of both kinds, and each of its lines tells where its value is. */
  mix(entry: BookEntry): void {
    entry.mixed = true;
    entry.stored = false;
  }

  /** The line that tells the store of a topic, as a point at `time` (microseconds). */
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
    const series = seriesOf(location);
    const before = this.#stored.get(key);
    const entry: BookEntry = {
      key,
      measurement: location.measurement,
      series,
      fault: whyNoSeries(series) ?? whyNoSeries(metaSeries(key)),
      name,
      meta,
      field: "",
      fieldText: "",
      jsonText: "",
      kind: "json",
      fields: before?.fields ?? [],
      mixed: before?.mixed ?? this.#mixedAtFirst,
      stored: false,
    };
    this.#place(entry);
    this.#byKey.set(key, entry);
    return entry;
  }

  #update(entry: BookEntry, name: string, meta: TopicMeta): void {
    const changed = !sameMeta(entry.meta, meta);
    if (changed || entry.name !== name) entry.stored = false;
    entry.name = name;
    entry.meta = meta;
    if (changed) this.#place(entry);
  }

  /** Finds the field of its values: the layout's own, or where that belongs to another topic one with a number. */
  #place(entry: BookEntry): void {
    const wanted = this.#layout.field({ topic: entry.name, meta: entry.meta });
    let field = wanted;
    for (let i = 2; this.#layout.wide && !this.#claim(entry.key, field, entry.series); i++)
      field = `${wanted}_${i}`;
    const id = idOf(entry.measurement, field);
    const kind = this.#kinds.get(id) ?? declaredKind(entry.meta.type);
    if (kind !== "json") this.#kinds.set(id, kind);
    entry.field = field;
    entry.fieldText = escaped(field);
    entry.jsonText = escaped(jsonFieldOf(field));
    entry.kind = kind;
    entry.fields = [...entry.fields.filter((other) => other !== field), field];
  }

  #claim(key: string, field: string, series = seriesOf(this.#layout.locate(key))): boolean {
    const ids = [field, jsonFieldOf(field)].map((name) => idOf(series, name));
    if (ids.some((id) => (this.#owners.get(id) ?? key) !== key)) return false;
    for (const id of ids) this.#owners.set(id, key);
    return true;
  }
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

/** Neither measurements nor fields hold a line break. */
function idOf(measurement: string, field: string): string {
  return `${measurement}\n${field}`;
}

/** What the store tells of a topic. */
export interface StoredTopic {
  /** Lower case. */
  readonly key: string;
  readonly name: string;
  readonly meta: TopicMeta;
  /** Whether it ever had a value of another kind than its field. */
  readonly mixed: boolean;
  /** The fields it ever had, the present one last. */
  readonly fields: readonly string[];
}

/** Columns of a query on the measurement `meta`. */
export const META_COLUMNS = ["topic", "meta_dict", "mixed", "fields"] as const;
export type MetaRow = readonly [topic: unknown, metaDict: unknown, mixed: unknown, fields: unknown];

/** Undefined for what is no topic. */
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

/** JSON, or what VOLTTRON writes: a Python dictionary of texts, which it reads back in the same way. */
function dictionary(text: string): Readonly<Record<string, unknown>> {
  for (const json of [text, text.replaceAll(/u?'/g, '"')]) {
    try {
      const value: unknown = JSON.parse(json);
      if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
    } catch {
      // Not in this way.
    }
  }
  return {};
}
