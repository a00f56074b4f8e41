import type { Sample } from "../contract.ts";
import { whyUnstorable } from "../storable.ts";
import { fieldValue, jsonFieldValue } from "./line.ts";
import type { BookEntry, TopicBook } from "./topic-book.ts";

/** One sample on its way into a line. */
export interface Piece {
  /** Index in the batch. */
  readonly index: number;
  readonly entry: BookEntry;
  /** Field and value, as in a line. */
  readonly fields: string;
  readonly time: number;
}

/** A body of line protocol, and the pieces of each of its lines. */
export interface Body {
  readonly text: string;
  readonly lines: readonly (readonly Piece[])[];
}

/** The pieces of a batch, and why other samples of it cannot be stored. */
export function toPieces(
  samples: readonly Sample[],
  book: TopicBook,
  oldest: number,
): { readonly pieces: Piece[]; readonly rejected: ReadonlyMap<number, string> } {
  const pieces: Piece[] = [];
  const rejected = new Map<number, string>();
  for (const [index, sample] of samples.entries()) {
    const problem = whyUnstorable(sample) ?? whyTooOld(sample, oldest);
    const entry = problem === undefined ? book.entry(sample) : undefined;
    const reason = problem ?? entry?.fault;
    if (!entry || reason !== undefined) {
      rejected.set(index, reason ?? "");
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

function whyTooOld({ time }: Sample, oldest: number): string | undefined {
  return time < oldest ? "its time is older than what the retention policy keeps" : undefined;
}

function fieldsOf({ value }: Sample, entry: BookEntry, book: TopicBook): string {
  const text = fieldValue(entry.kind, value);
  if (text !== undefined)
    return entry.mixed ? `${entry.fieldText}=${text},${entry.jsonText}=""` : `${entry.fieldText}=${text}`;
  const json = jsonFieldValue(value);
  if (!entry.mixed && entry.kind !== "json") book.mix(entry);
  return `${entry.jsonText}=${json}`;
}

/** Lines of these pieces. Wide: those of one series and time in one line, of the same topic the last one. */
export function toBody(pieces: readonly Piece[], wide: boolean): Body {
  const lines = wide ? grouped(pieces) : pieces.map((piece) => [piece]);
  let text = "";
  for (const line of lines) {
    const { entry, time } = line[0] as Piece;
    text += `${entry.series} ${wide ? fieldsOfLine(line) : (line[0] as Piece).fields} ${time}\n`;
  }
  return { text, lines };
}

function grouped(pieces: readonly Piece[]): Piece[][] {
  const lines = new Map<string, Piece[]>();
  for (const piece of pieces) {
    const id = `${piece.entry.series}\n${piece.time}`;
    const line = lines.get(id);
    if (line) line.push(piece);
    else lines.set(id, [piece]);
  }
  return [...lines.values()];
}

function fieldsOfLine(line: readonly Piece[]): string {
  if (line.length === 1) return (line[0] as Piece).fields;
  return [...new Map(line.map(({ entry, fields }) => [entry, fields])).values()].join(",");
}

/** Pieces in groups of about this many bytes of lines. */
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
