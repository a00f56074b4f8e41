import type { FileMetaData } from "hyparquet";
import type { PointValue } from "../../points/index.ts";
import { DECOMPRESSORS } from "../../storage/parquet.ts";
import { PARSERS } from "../stores/sqlite/days/column-pages.ts";
import { KEYS, unpackTopics } from "../stores/sqlite/days/day-file-form.ts";
import {
  type Column,
  columnsIn,
  missingColumns,
  structureOf,
  TIME_EXPECTED,
  TimeReader,
  valueOfText,
} from "./columns.ts";
import {
  ImportError,
  type ReadOptions,
  type Source,
  type SourceBatch,
  type SourceRow,
  type SourceTopic,
} from "./source.ts";

/** Maximum number of rows that are decoded at once, as far as their row group allows. */
const MAX_DECODED = 200_000;

type Cells = Partial<Record<Column, unknown>>;

/**
 * A Parquet file with the columns of exports and of the store's days: `topic`, `time`, `value`, `text`, `json`, `units`; or with others
 * that have similar names.
 */
export class ParquetSource implements Source {
  readonly kind = "parquet";
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  async *read({ position, size, wants, reject }: ReadOptions): AsyncGenerator<SourceBatch> {
    // Loaded when needed, as few commands do.
    const { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } = await import(
      "hyparquet"
    );
    try {
      const file = await asyncBufferFromFile(this.#file);
      const metadata = await parquetMetadataAsync(file);
      const names = parquetSchema(metadata).children.map(({ element }) => element.name);
      const columns = columnsIn(names);
      const missing = missingColumns(columns);
      if (missing !== undefined)
        throw new ImportError(`${this.#file} has no column ${missing}; its columns are ${names.join(", ")}`);
      const topics = new Topics(metadata, wants);
      const values = new Values(columns.has("json"));
      const total = Number(metadata.num_rows);
      const wanted = [...columns].map(([column, at]) => [column, names[at]!] as const);
      for (const { rowStart, rowEnd } of rangesOf(metadata, position?.row ?? 0)) {
        const found = await parquetReadObjects({
          ...{ file, metadata, rowStart, rowEnd, parsers: EXACT },
          compressors: DECOMPRESSORS,
          columns: wanted.map(([, name]) => name),
        });
        for (let from = 0; from < found.length; from += size) {
          const rows: SourceRow[] = [];
          for (const [i, record] of found.slice(from, from + size).entries()) {
            const cells: Cells = {};
            for (const [column, name] of wanted) cells[column] = record[name];
            const topic = topics.find(cells);
            if (topic === null) continue;
            const at = `row ${rowStart + from + i + 1}`;
            const time = values.time(cells);
            const value = values.value(cells);
            if (topic === undefined) reject("topic must be a text that is not empty", at);
            else if (time === undefined) reject(TIME_EXPECTED, at, String(cells.time));
            else if (value === undefined) reject("json must be JSON", at, String(cells.json));
            else rows.push({ topic, time, value });
          }
          const row = Math.min(rowStart + from + size, rowStart + found.length);
          yield { rows, position: { row }, share: row / total };
        }
      }
    } catch (error) {
      if (error instanceof ImportError) throw error;
      throw new ImportError(`${this.#file}: ${(error as Error).message}`, { cause: error });
    }
  }
}

/** Times as microseconds, since a Date would lose some, and texts with all of their characters. */
const { timestampFromMilliseconds, timestampFromMicroseconds, timestampFromNanoseconds, stringFromBytes } =
  PARSERS;
const EXACT = {
  timestampFromMilliseconds,
  timestampFromMicroseconds,
  timestampFromNanoseconds,
  stringFromBytes,
};

/** Yields the ranges to decode from a row on: row groups, and parts of very large ones. */
function* rangesOf(
  { row_groups }: FileMetaData,
  from: number,
): Generator<{ rowStart: number; rowEnd: number }> {
  let end = 0;
  for (const { num_rows } of row_groups) {
    const first = end;
    end += Number(num_rows);
    for (let rowStart = Math.max(first, from); rowStart < end; rowStart += MAX_DECODED)
      yield { rowStart, rowEnd: Math.min(rowStart + MAX_DECODED, end) };
  }
}

/** The topics of a file, described by its metadata where voltbridge has written it, else by the columns. */
class Topics {
  readonly #wants: (name: string) => boolean;
  readonly #described: ReadonlyMap<string, SourceTopic["meta"]>;
  readonly #known = new Map<string, SourceTopic | null>();
  #last: readonly [name: unknown, units: unknown, topic: SourceTopic | null] | undefined;

  constructor(metadata: FileMetaData, wants: (name: string) => boolean) {
    this.#wants = wants;
    this.#described = describedIn(metadata);
  }

  /** Returns null for a topic that is not wanted, undefined for one that cannot be. */
  find({ topic: name, units, type, tz }: Cells): SourceTopic | null | undefined {
    const last = this.#last;
    if (last && last[0] === name && last[1] === units) return last[2];
    if (typeof name !== "string" || name === "") return undefined;
    const texts = Object.entries({ units, type, tz }).filter(
      (entry): entry is [string, string] => typeof entry[1] === "string" && entry[1] !== "",
    );
    const id = JSON.stringify([name, texts]);
    let topic = this.#known.get(id);
    if (topic === undefined) {
      const meta = { ...this.#described.get(name), ...Object.fromEntries(texts) };
      topic = this.#wants(name) ? { name, meta } : null;
      this.#known.set(id, topic);
    }
    if (type === undefined && tz === undefined) this.#last = [name, units, topic];
    return topic;
  }
}

/** Reads the list of topics that voltbridge writes into its files: names, units, types, time zones. */
function describedIn({ key_value_metadata }: FileMetaData): ReadonlyMap<string, SourceTopic["meta"]> {
  const packed = key_value_metadata?.find(({ key }) => key === KEYS.topics)?.value;
  if (packed === undefined) return new Map();
  return new Map(unpackTopics(packed).map(([name, units, type, tz]) => [name, { units, type, tz }]));
}

class Values {
  /** Older exports have no column `json`: lists and objects are texts there, and booleans numbers. */
  readonly #hasJson: boolean;
  readonly #times = new TimeReader();

  constructor(hasJson: boolean) {
    this.#hasJson = hasJson;
  }

  time({ time }: Cells): number | undefined {
    if (typeof time === "number") return Number.isSafeInteger(time) ? time : undefined;
    return typeof time === "string" ? this.#times.read(time) : undefined;
  }

  /** Returns undefined for JSON that cannot be read. */
  value({ value, text, json }: Cells): PointValue | undefined {
    if (typeof json === "string") return parsed(json);
    if (typeof text === "string") return this.#hasJson ? text : (structureOf(text) ?? text);
    if (typeof value === "string") return valueOfText(value);
    if (typeof value === "bigint") return Number(value);
    return (value ?? null) as PointValue;
  }
}

function parsed(json: string): PointValue | undefined {
  try {
    return JSON.parse(json) as PointValue;
  } catch {
    return undefined;
  }
}
