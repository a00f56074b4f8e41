import type { PointType, PointValue } from "../../../points/index.ts";
import type { Sample } from "../../contract.ts";
import { whyUnstorable } from "../../storable.ts";
import { TEXT_FIELD } from "./layout.ts";
import { fieldValue, jsonFieldValue, quoted } from "./line.ts";
import type { BookEntry, TopicBook } from "./topic-book.ts";

/** A sample as part of a line. */
export interface Piece {
  /** Index in the batch. */
  readonly index: number;
  readonly entry: BookEntry;
  /** Field and value, as in a line. */
  readonly fields: string;
  readonly time: number;
}

/** A body of line protocol. */
export interface Body {
  readonly text: string;
  /** Returns the samples in a line, counted from 0. */
  piecesOf(line: number): readonly Piece[];
}

/** Converts samples to pieces, and returns why others cannot be stored. */
export function toPieces(
  samples: readonly Sample[],
  book: TopicBook,
  oldest: number,
): { readonly pieces: Piece[]; readonly rejected: ReadonlyMap<number, string> } {
  book.describeAll(samples);
  const pieces: Piece[] = [];
  const rejected = new Map<number, string>();
  for (let index = 0; index < samples.length; index++) {
    const sample = samples[index] as Sample;
    const known = book.known(sample);
    const reason = whyTimeUnstorable(sample.time, oldest) ?? (known ? undefined : whyUnstorable(sample));
    const entry = reason === undefined ? (known ?? book.entry(sample)) : undefined;
    if (!entry || entry.fault !== undefined) {
      rejected.set(index, reason ?? entry?.fault ?? "");
      continue;
    }
    try {
      pieces.push({ index, entry, fields: fieldsOf(sample, entry, book), time: sample.time });
    } catch (error) {
      rejected.set(index, `its value cannot be written as JSON: ${(error as Error).message}`);
    }
  }
  return { pieces, rejected };
}

function whyTimeUnstorable(time: number, oldest: number): string | undefined {
  if (!Number.isSafeInteger(time)) return `its time ${time} is not a whole number of microseconds`;
  return time < oldest ? "its time is before the start of the retention policy" : undefined;
}

function fieldsOf({ value, meta }: Sample, entry: BookEntry, book: TopicBook): string {
  const fields = valueFields(value, entry, book);
  return entry.hasText ? `${fields},${TEXT_FIELD}=${pythonText(value, meta.type)}` : fields;
}

function valueFields(value: PointValue, entry: BookEntry, book: TopicBook): string {
  const text = fieldValue(entry.kind, value);
  if (text !== undefined)
    return entry.mixed ? `${entry.fieldText}=${text},${entry.jsonText}=""` : `${entry.fieldText}=${text}`;
  const json = jsonFieldValue(value);
  if (!entry.mixed && entry.kind !== "json") book.mix(entry);
  return `${entry.jsonText}=${json}`;
}

/** Returns a field value with the text that Python's `str` makes, which VOLTTRON writes; lists and objects are JSON. */
function pythonText(value: PointValue, type: PointType): string {
  if (typeof value === "number")
    return `"${value}${type === "float" && Number.isInteger(value) ? ".0" : ""}"`;
  if (typeof value === "string") return quoted(value.toWellFormed());
  if (typeof value === "boolean") return value ? '"True"' : '"False"';
  return value === null ? '"None"' : jsonFieldValue(value);
}

/** Returns the lines of pieces. Wide: one line for each series and time, with the last value of each topic. */
export function toBody(pieces: readonly Piece[], wide: boolean): Body {
  let text = "";
  if (!wide) {
    for (const { entry, fields, time } of pieces) text += `${entry.series} ${fields} ${time}\n`;
    return { text, piecesOf: (line) => pieces.slice(line, line + 1) };
  }
  const lines = grouped(pieces);
  for (const line of lines) {
    const { entry, time } = line[0] as Piece;
    text += `${entry.series} ${fieldsOfLine(line)} ${time}\n`;
  }
  return { text, piecesOf: (line) => lines[line] ?? [] };
}

function grouped(pieces: readonly Piece[]): Piece[][] {
  const lines = new Map<string, Piece[]>();
  let line: Piece[] = [];
  let [series, time] = ["", Number.NaN];
  for (const piece of pieces) {
    // Most pieces belong to the same line as the previous one.
    if (piece.time !== time || piece.entry.series !== series) {
      ({ time } = piece);
      ({ series } = piece.entry);
      const id = `${series}\n${time}`;
      line = lines.get(id) ?? [];
      lines.set(id, line);
    }
    line.push(piece);
  }
  return [...lines.values()];
}

function fieldsOfLine(line: readonly Piece[]): string {
  const entries = new Set<BookEntry>();
  let text = "";
  for (const { entry, fields } of line) {
    entries.add(entry);
    text += text === "" ? fields : `,${fields}`;
  }
  if (entries.size === line.length) return text;
  return [...new Map(line.map(({ entry, fields }) => [entry, fields])).values()].join(",");
}

/** Splits pieces into groups whose lines have about `bytes` bytes. */
export function chunksOf(pieces: readonly Piece[], bytes: number): Piece[][] {
  const chunks: Piece[][] = [];
  let size = Number.POSITIVE_INFINITY;
  for (const piece of pieces) {
    const own = piece.entry.series.length + piece.fields.length + 24;
    if (size + own > bytes) {
      chunks.push([]);
      size = 0;
    }
    chunks.at(-1)?.push(piece);
    size += own;
  }
  return chunks;
}
