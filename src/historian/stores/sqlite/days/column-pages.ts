import type { ColumnMetaData, Encoding } from "hyparquet";
import { parquetHeader, readColumn } from "hyparquet/src/column.js";
import { decompressPage } from "hyparquet/src/datapage.js";
import type { ColumnDecoder, DataPageHeaderV2, SchemaTree } from "hyparquet/src/types.js";
import { DECOMPRESSORS } from "../../../../storage/parquet.ts";

/** A column of one row group. */
export interface ColumnChunk {
  readonly meta: ColumnMetaData;
  /** From the root of the schema to the column. */
  readonly schemaPath: readonly SchemaTree[];
  /** The chunk's bytes of the file. */
  readonly bytes: Buffer;
  /** Number of rows of the row group. */
  readonly rows: number;
}

/** A decoded value: a number of columns of times and numbers, text of the others. */
export type Cell = number | string;

/** Where decoded values are put. */
export type Cells = Float64Array | unknown[];

/** Maximum size of a page, so that a damaged header does not claim all memory. */
const MAX_PAGE_BYTES = 2 ** 30;

/** Largest indexes of a dictionary: a row group has fewer values, and four bytes hold one wherever it begins. */
const MAX_INDEX_BITS = 25;

/** Microseconds of a unit of time that files of other writers may have. */
const UNITS = { MILLIS: 1000, MICROS: 1, NANOS: 0.001 };

/** How hyparquet converts values. */
export const PARSERS = {
  timestampFromMilliseconds: (value: bigint) => Number(value) * UNITS.MILLIS,
  timestampFromMicroseconds: (value: bigint) => Number(value),
  timestampFromNanoseconds: (value: bigint) => Number(value / 1000n),
  dateFromDays: (value: number) => value,
  // A TextDecoder removes a byte order mark, which may be part of a value.
  stringFromBytes: (bytes: Uint8Array) => textOf(bytes, 0, bytes.length),
  jsonFromBytes: (bytes: Uint8Array) => textOf(bytes, 0, bytes.length),
  geometryFromBytes: (bytes: Uint8Array) => bytes,
  geographyFromBytes: (bytes: Uint8Array) => bytes,
  uuidFromBytes: (bytes: Uint8Array) => bytes,
};

/**
 * Puts the values of the rows `from` (inclusive) to `to` (exclusive) into `cells`, from 0 on; nulls change nothing there.
 * Pages without such rows are not decoded. Pages as the writer makes them are read here, fast; all others by hyparquet.
 * @throws errors of any kind for damaged pages.
 */
export function readCells(chunk: ColumnChunk, from: number, to: number, cells: Cells): void {
  const pages = pagesOf(chunk);
  if (!pages) {
    readAnyCells(chunk, from, to, cells);
    return;
  }
  const dictionary = pages.dictionary && new Dictionary(pages.dictionary);
  let first = 0;
  for (const page of pages.data) {
    const end = first + page.header.num_rows;
    if (end > from && first < to) {
      const rows = [Math.max(from - first, 0), Math.min(to, end) - first] as const;
      readPage(page, dictionary, ...rows, cells, first + rows[0] - from);
    }
    first = end;
  }
  if (first !== chunk.rows) throw new RangeError(`column has ${first} rows, expected ${chunk.rows}`);
}

/** A page of a column that has not been decompressed. */
interface Page<Header> {
  readonly chunk: ColumnChunk;
  readonly header: Header;
  readonly bytes: Buffer;
  /** Length of the page before compression. */
  readonly size: number;
}

interface Pages {
  readonly dictionary: Page<{ readonly num_values: number }> | undefined;
  readonly data: readonly Page<DataPageHeaderV2>[];
}

const FAST_ENCODINGS: Record<string, readonly Encoding[]> = {
  INT64: ["PLAIN"],
  DOUBLE: ["PLAIN", "RLE_DICTIONARY"],
  BYTE_ARRAY: ["PLAIN", "RLE_DICTIONARY"],
};

/** Returns the pages of a column; undefined when the footer names others than `readPage` can read. */
function pagesOf(chunk: ColumnChunk): Pages | undefined {
  const { meta, schemaPath, bytes } = chunk;
  const encodings = FAST_ENCODINGS[meta.type];
  const { encoding_stats: stats } = meta;
  if (!encodings || !stats || meta.codec !== "ZSTD" || timeUnitOf(chunk) !== "MICROS") return undefined;
  // The footer decides: a damaged page header must not lead to a decoder that believes it.
  const isFast = stats.every(({ page_type: type, encoding }) =>
    type === "DATA_PAGE_V2" ? encodings.includes(encoding) : type === "DICTIONARY_PAGE",
  );
  if (!isFast || schemaPath[1]!.element.repetition_type === "REPEATED") return undefined;
  const reader = { view: viewOf(bytes), offset: 0 };
  let dictionary: Pages["dictionary"];
  const data: Page<DataPageHeaderV2>[] = [];
  while (reader.offset < bytes.length) {
    const header = parquetHeader(reader);
    const { compressed_page_size: compressed, uncompressed_page_size: size } = header;
    const end = reader.offset + compressed;
    if (!(compressed >= 0 && end <= bytes.length && size >= 0 && size <= MAX_PAGE_BYTES))
      throw new RangeError(`page of ${compressed} bytes, ${size} uncompressed`);
    const page = { chunk, size, bytes: bytes.subarray(reader.offset, end) };
    reader.offset = end;
    if (header.type === "DICTIONARY_PAGE" && header.dictionary_page_header)
      dictionary = { ...page, header: header.dictionary_page_header };
    else if (
      header.type === "DATA_PAGE_V2" &&
      header.data_page_header_v2 &&
      encodings.includes(header.data_page_header_v2.encoding) &&
      header.data_page_header_v2.is_compressed !== false
    )
      data.push({ ...page, header: header.data_page_header_v2 });
    else throw new RangeError(`page ${header.type} is not what the footer says`);
  }
  return { dictionary, data };
}

/** Reads the rows `from` to `to` of one page, into `cells` from `at` on. */
function readPage(
  { chunk, header, bytes, size }: Page<DataPageHeaderV2>,
  dictionary: Dictionary | undefined,
  from: number,
  to: number,
  cells: Cells,
  at: number,
): void {
  const { definition_levels_byte_length: levelBytes, num_values: rows, num_nulls: nulls } = header;
  const isOptional = chunk.schemaPath[1]!.element.repetition_type !== "REQUIRED";
  const levels = isOptional ? readLevels(bytes.subarray(0, levelBytes), rows, from, to) : undefined;
  if ((levels?.total ?? rows) !== rows - nulls) throw new RangeError("nulls do not agree with the header");
  const before = levels?.before ?? from;
  const count = levels?.count ?? to - from;
  if (count === 0) return;
  const values = decompress(bytes.subarray(levelBytes), size - levelBytes);
  const isFull = !levels || count === to - from;
  const found = isFull ? cells : new Array<Cell>(count);
  decode(chunk, header.encoding, values, dictionary, before, count, found, isFull ? at : 0);
  if (isFull) return;
  let index = 0;
  for (const [row, isPresent] of levels.present.entries())
    if (isPresent) cells[at + row] = found[index++] as Cell & number;
}

/** Puts the values `before` to `before` + `count` of a page into `cells`, from `at` on. */
function decode(
  { meta }: ColumnChunk,
  encoding: Encoding,
  values: Buffer,
  dictionary: Dictionary | undefined,
  before: number,
  count: number,
  cells: Cells,
  at: number,
): void {
  if (encoding === "RLE_DICTIONARY") {
    if (!dictionary) throw new RangeError("dictionary is missing");
    const indexes = readRuns(values.subarray(1), values[0]!, before, before + count);
    dictionary.put(indexes, cells, at);
    return;
  }
  const view = viewOf(values);
  if (meta.type === "DOUBLE")
    for (let index = 0; index < count; index++)
      cells[at + index] = view.getFloat64((before + index) * 8, true);
  else if (meta.type === "INT64")
    for (let index = 0; index < count; index++) cells[at + index] = wholeAt(view, (before + index) * 8);
  else {
    let offset = 0;
    for (let index = -before; index < count; index++) {
      const start = offset + 4;
      offset = start + view.getUint32(offset, true);
      if (index >= 0) (cells as unknown[])[at + index] = textOf(values, start, offset);
    }
  }
}

/** Values of a dictionary. Texts are decoded when they are asked for. */
class Dictionary {
  readonly #page: Page<{ readonly num_values: number }>;
  #values: { readonly bytes: Buffer; readonly view: DataView } | undefined;
  /** Of texts. */
  readonly #starts: number[] = [];
  readonly #texts = new Map<number, string>();

  constructor(page: Page<{ readonly num_values: number }>) {
    this.#page = page;
  }

  /** Puts values into `cells`, from `at` on. */
  put(indexes: Uint32Array, cells: Cells, at: number): void {
    const { view } = this.#decompressed();
    const { chunk, header } = this.#page;
    const isNumbers = chunk.meta.type === "DOUBLE";
    for (let row = 0; row < indexes.length; row++) {
      const index = indexes[row]!;
      if (index >= header.num_values) throw new RangeError(`dictionary has no value ${index}`);
      if (isNumbers) cells[at + row] = view.getFloat64(index * 8, true);
      else (cells as unknown[])[at + row] = this.#text(index);
    }
  }

  #text(index: number): string {
    const known = this.#texts.get(index);
    if (known !== undefined) return known;
    const text = textOf(this.#decompressed().bytes, this.#starts[index]! + 4, this.#starts[index + 1]!);
    this.#texts.set(index, text);
    return text;
  }

  #decompressed(): { readonly bytes: Buffer; readonly view: DataView } {
    if (this.#values) return this.#values;
    const { chunk, header, size } = this.#page;
    const bytes = decompress(this.#page.bytes, size);
    const view = viewOf(bytes);
    if (chunk.meta.type === "BYTE_ARRAY") {
      let start = 0;
      for (let index = 0; index < header.num_values; index++) {
        this.#starts.push(start);
        start += 4 + view.getUint32(start, true);
      }
      this.#starts.push(start);
    }
    this.#values = { bytes, view };
    return this.#values;
  }
}

interface Levels {
  /** Number of values before the rows that are wanted, among them, and in all. */
  readonly before: number;
  readonly count: number;
  readonly total: number;
  /** 1 for each of the rows that are wanted that has a value. */
  readonly present: Uint8Array;
}

function readLevels(bytes: Buffer, rows: number, from: number, to: number): Levels {
  const present = new Uint8Array(to - from);
  let [before, count, total] = [0, 0, 0];
  forEachRun(bytes, 1, rows, (start, end, value, packed) => {
    if (packed < 0) {
      if (value === 0) return;
      total += end - start;
      before += Math.max(Math.min(end, from) - start, 0);
      const [low, high] = [Math.max(start, from), Math.min(end, to)];
      if (high <= low) return;
      count += high - low;
      present.fill(1, low - from, high - from);
      return;
    }
    for (let row = start; row < end; row++) {
      const at = row - start;
      if (((bytes[packed + (at >> 3)]! >> (at & 7)) & 1) === 0) continue;
      total++;
      if (row < from) before++;
      else if (row < to) {
        count++;
        present[row - from] = 1;
      }
    }
  });
  return { before, count, total, present };
}

/** Reads whole numbers of `width` bits from runs; only those from `from` to `to`. */
function readRuns(bytes: Buffer, width: number, from: number, to: number): Uint32Array {
  if (!(width <= MAX_INDEX_BITS)) throw new RangeError(`numbers of ${width} bits`);
  const numbers = new Uint32Array(to - from);
  const mask = 2 ** width - 1;
  forEachRun(bytes, width, to, (start, end, value, packed) => {
    const first = Math.max(start, from);
    if (packed < 0) {
      if (first < end) numbers.fill(value, first - from, end - from);
      return;
    }
    for (let at = first; at < end; at++) {
      const bit = (at - start) * width;
      const byte = packed + (bit >> 3);
      const [a, b, c, d] = [bytes[byte]!, bytes[byte + 1]!, bytes[byte + 2]!, bytes[byte + 3]!];
      numbers[at - from] = ((a | (b << 8) | (c << 16) | (d << 24)) >>> (bit & 7)) & mask;
    }
  });
  return numbers;
}

/**
 * Calls `visit` for each run of Parquet's RLE/bit-packing hybrid: numbers `start` to `end` are `value`, or are packed from byte `packed`
 * on when that is not negative.
 */
function forEachRun(
  bytes: Buffer,
  width: number,
  count: number,
  visit: (start: number, end: number, value: number, packed: number) => void,
): void {
  const valueBytes = (width + 7) >> 3;
  let offset = 0;
  for (let start = 0; start < count; ) {
    let header = 0;
    for (let scale = 1; ; scale *= 0x80) {
      const byte = bytes[offset++];
      if (byte === undefined) throw new RangeError("runs end early");
      header += (byte & 0x7f) * scale;
      if (byte < 0x80) break;
    }
    const isPacked = header % 2 === 1;
    const length = Math.floor(header / 2);
    const end = Math.min(count, start + (isPacked ? length * 8 : length));
    let value = 0;
    if (!isPacked)
      for (let byte = 0; byte < valueBytes; byte++) value += bytes[offset + byte]! * 2 ** (byte * 8);
    const next = offset + (isPacked ? length * width : valueBytes);
    // The last packed numbers may be cut off.
    if (offset + Math.ceil((isPacked ? (end - start) * width : width) / 8) > bytes.length)
      throw new RangeError("runs end early");
    visit(start, end, value, isPacked ? offset : -1);
    offset = next;
    start = end;
  }
}

/** Reads cells of pages of any kind that hyparquet knows. */
function readAnyCells(
  { meta, schemaPath, bytes, rows }: ColumnChunk,
  from: number,
  to: number,
  cells: Cells,
): void {
  const decoder: ColumnDecoder = {
    ...{ pathInSchema: meta.path_in_schema, type: meta.type, codec: meta.codec, parsers: PARSERS },
    ...{ element: schemaPath.at(-1)!.element, schemaPath: [...schemaPath], compressors: DECOMPRESSORS },
  };
  const { data, skipped } = readColumn(
    { view: viewOf(bytes), offset: 0 },
    { groupStart: 0, selectStart: from, selectEnd: to, groupRows: rows },
    decoder,
  );
  let row = skipped;
  for (const values of data)
    for (const value of values) {
      if (row >= from && row < to && value !== null && value !== undefined)
        cells[row - from] = cellOf(value) as Cell & number;
      row++;
    }
  if (row < to) throw new RangeError(`column has ${row} rows, expected ${rows}`);
}

function cellOf(value: unknown): Cell {
  if (typeof value === "string" || typeof value === "number") return value;
  if (typeof value === "bigint") return Number(value);
  throw new TypeError(`value of type ${typeof value}`);
}

function timeUnitOf({ schemaPath }: ColumnChunk): string {
  const { logical_type: type, converted_type: converted } = schemaPath.at(-1)!.element;
  if (type?.type === "TIMESTAMP") return type.unit;
  return converted === "TIMESTAMP_MILLIS" ? "MILLIS" : "MICROS";
}

function decompress(bytes: Uint8Array, size: number): Buffer {
  const page = decompressPage(bytes, size, "ZSTD", DECOMPRESSORS);
  return Buffer.from(page.buffer, page.byteOffset, page.byteLength);
}

/** Returns a whole number of 64 bits that a double represents. */
function wholeAt(view: DataView, offset: number): number {
  return view.getInt32(offset + 4, true) * 2 ** 32 + view.getUint32(offset, true);
}

function textOf(bytes: Uint8Array, start: number, end: number): string {
  if (end > bytes.length) throw new RangeError("text ends early");
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("utf8", start, end);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
