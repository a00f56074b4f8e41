import type { PointType, PointValue } from "../../points/index.ts";
import type { NewRecord } from "../../queue/contract.ts";
import type { Sample, TopicMeta } from "../contract.ts";
import type { SetAside } from "../ingest/index.ts";
import { valueToJson } from "../storable.ts";

/** Text of a spool record: samples in columns, with names below `path` and indexes into `metas`. */
interface RecordText {
  readonly v: typeof VERSION;
  /** Common beginning of all topics. */
  readonly path: string;
  readonly names: readonly string[];
  /** Microseconds since 1970 UTC; one number where it is the same for all. */
  readonly times: number | readonly number[];
  readonly values: readonly PointValue[];
  readonly metas: readonly (readonly [units: string, type: PointType, tz: string])[];
  readonly metaOf: readonly number[];
  /** Present: the samples are not to be stored, and become dead letters for this reason. */
  readonly aside?: SetAside;
}

const VERSION = 1;
/** Maximum number of samples in a record, which bounds the memory per record. */
const MAX_SAMPLES = 5000;

/** Converts samples to records one after the other; see {@link toRecord}. */
export function recordsOf(
  samples: Iterable<Sample>,
  key: string,
  observedAt?: Date,
  aside?: SetAside,
): NewRecord[] {
  const records: NewRecord[] = [];
  let some: Sample[] = [];
  for (const sample of samples) {
    if (some.push(sample) < MAX_SAMPLES) continue;
    records.push(toRecord(some, key, observedAt, aside));
    some = [];
  }
  if (some.length > 0) records.push(toRecord(some, key, observedAt, aside));
  return records;
}

/**
 * Converts samples to one spool record. `key` names their device or topic; `observedAt` is the time of the observation, where it
 * differs from the samples' own time.
 * @throws {TypeError} for a value that JSON cannot represent.
 */
export function toRecord(
  samples: readonly Sample[],
  key: string,
  observedAt?: Date,
  aside?: SetAside,
): NewRecord {
  const [first] = samples;
  const path = samples.reduce((common, { topic }) => sharedPath(common, topic), first?.topic ?? "");
  const metas = new Map<TopicMeta | string, number>();
  const texts: RecordText["metas"][number][] = [];
  const numberOf = (meta: TopicMeta): number => {
    const text: RecordText["metas"][number] = [meta.units, meta.type, meta.tz];
    const known = JSON.stringify(text);
    const number = metas.get(known) ?? texts.push(text) - 1;
    metas.set(known, number);
    metas.set(meta, number);
    return number;
  };
  const time = first?.time ?? 0;
  const record: RecordText = {
    v: VERSION,
    path,
    names: samples.map(({ topic }) => topic.slice(path.length)),
    times: samples.every((sample) => sample.time === time) ? time : samples.map((sample) => sample.time),
    values: samples.map(({ value }) => jsonValue(value)),
    metas: texts,
    metaOf: samples.map(({ meta }) => metas.get(meta) ?? numberOf(meta)),
    aside,
  };
  const milliseconds = Number.isSafeInteger(time) ? Math.floor(time / 1000) : 0;
  return {
    text: JSON.stringify(record),
    samples: samples.length,
    key,
    time: observedAt?.getTime() ?? milliseconds,
  };
}

/** Returns the samples of a record in order, and why they are set aside. Throws when the text is not in our format. */
export function fromRecord(text: string): { readonly samples: Sample[]; readonly aside?: SetAside } {
  const { v, path, names, times, values, metas, metaOf, aside } = JSON.parse(text) as RecordText;
  if (v !== VERSION) throw new Error(`its format is ${String(v)}; this version reads format ${VERSION}`);
  const objects = metas.map(([units, type, tz]): TopicMeta => ({ units, type, tz }));
  const samples = names.map((name, index) => ({
    topic: path + name,
    time: typeof times === "number" ? times : (times[index] as number),
    value: values[index] as PointValue,
    meta: objects[metaOf[index] as number] as TopicMeta,
  }));
  return { samples, aside };
}

/** Returns the common beginning of two topics, up to and including a slash. */
function sharedPath(one: string, other: string): string {
  if (other.startsWith(one) && one.endsWith("/")) return one;
  let length = 0;
  while (length < one.length && one[length] === other[length]) length++;
  return length === 0 ? "" : one.slice(0, one.lastIndexOf("/", length - 1) + 1);
}

/** Replaces numbers that JSON cannot represent as a store would. */
function jsonValue(value: PointValue): PointValue {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  return typeof value === "object" && value !== null ? JSON.parse(valueToJson(value)) : value;
}
