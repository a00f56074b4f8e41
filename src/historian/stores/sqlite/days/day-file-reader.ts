import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { type FileMetaData, parquetMetadata, type RowGroup } from "hyparquet";
import type { SchemaTree } from "hyparquet/src/types.js";
import type { PointType, PointValue } from "../../../../points/index.ts";
import type { Order, Topic } from "../../../contract.ts";
import { ROW_COLUMNS } from "../../../row-columns.ts";
import type { Rows } from "../rows.ts";
import { type Cell, type ColumnChunk, PARSERS, readCells } from "./column-pages.ts";
import {
  ALL_COLUMNS,
  COLUMN_BITS,
  DayFileError,
  FORMAT_VERSION,
  KEYS,
  RowDigest,
  type TopicEntry,
  unpackTopics,
} from "./day-file-form.ts";

/** Where a file has a topic, as its writer returned it. */
export interface RowRange {
  readonly firstRow: number;
  readonly rows: number;
  /** Columns with values, see `COLUMN_BITS`. */
  readonly columns: number;
}

export interface RowRequest {
  /** Inclusive. Default: the first row. */
  readonly start?: number;
  /** Exclusive. Default: after the last row. */
  readonly end?: number;
  readonly order: Order;
}

export interface FileTopic {
  readonly topic: Topic;
  readonly firstRow: number;
  readonly rows: number;
}

/** Rows of several topics. */
export interface MixedRows extends Rows {
  readonly topics: readonly string[];
  readonly units: readonly (string | null)[];
}

type ColumnName = (typeof ROW_COLUMNS)[number]["name"];

interface Group {
  readonly firstRow: number;
  readonly rows: number;
  readonly meta: RowGroup;
}

const MAGIC = Buffer.from("PAR1");
/** Length of the footer's length and the magic. */
const TAIL_BYTES = 8;
const COPY_BYTES = 1024 * 1024;
/** Number of digits of a checksum that are shown. */
const SHOWN_DIGITS = 12;

/**
 * The file of a closed day, open for reading. Its footer is parsed once. The rows of files that other programs wrote with the same columns
 * are read too. Failures are `DayFileError`s, or those of the system.
 */
export class DayFile implements Disposable {
  readonly path: string;
  readonly rows: number;
  readonly #descriptor: number;
  readonly #size: number;
  readonly #footer: Footer;
  #isClosed = false;

  constructor(path: string) {
    this.path = path;
    this.#descriptor = open(path);
    try {
      this.#size = fstatSync(this.#descriptor).size;
      this.#footer = this.#orDamaged("its footer", () => this.#readFooter());
      this.rows = this.#footer.rows;
    } catch (error) {
      this.close();
      throw error;
    }
  }

  /** Returns the topics in the order of the file. @throws DayFileError for files of other writers, which need not have them. */
  topics(): FileTopic[] {
    return this.entries().map(([name, units, type, tz, firstRow, rows]) => {
      return { topic: { name, meta: { units, type: type as PointType, tz } }, firstRow, rows };
    });
  }

  entries(): TopicEntry[] {
    return this.#orDamaged("its list of topics", () => {
      const text = this.#footer.keys.get(KEYS.topics);
      if (text === undefined) throw new RangeError(`no ${KEYS.topics} in its metadata`);
      return unpackTopics(text);
    });
  }

  /** Yields rows of one topic in the wanted order, row group by row group, of which one is decoded at a time. */
  *readRows(range: RowRange, { start, end, order }: RowRequest): Generator<Rows, void> {
    const groups = this.#groupsOf(range);
    for (const group of order === "FIRST_TO_LAST" ? groups : groups.reverse()) {
      const from = Math.max(range.firstRow - group.firstRow, 0);
      const to = Math.min(range.firstRow + range.rows - group.firstRow, group.rows);
      const piece = this.#orDamaged(`rows ${group.firstRow + from} to ${group.firstRow + to}`, () =>
        this.#readPiece(group, range.columns, from, to, start, end),
      );
      if (!piece) continue;
      const { times, values } = piece;
      yield order === "FIRST_TO_LAST" ? piece : { times: times.toReversed(), values: values.toReversed() };
    }
  }

  /** Yields all rows, row group by row group. */
  *readAll(): Generator<MixedRows, void> {
    for (const group of this.#footer.groups)
      yield this.#orDamaged(`rows ${group.firstRow} to ${group.firstRow + group.rows}`, () => {
        const topics = this.#texts(group, "topic", 0, group.rows) as string[];
        const units = this.#texts(group, "units", 0, group.rows);
        return { topics, units, ...this.#readPiece(group, ALL_COLUMNS, 0, group.rows)! };
      });
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    closeSync(this.#descriptor);
  }

  [Symbol.dispose](): void {
    this.close();
  }

  #groupsOf({ firstRow, rows }: RowRange): Group[] {
    const { groups } = this.#footer;
    if (!(firstRow >= 0 && firstRow + rows <= this.rows))
      throw new DayFileError("damaged", this.path, damaged(`it has ${this.rows} rows, expected more`));
    if (rows === 0) return [];
    // The last group that begins at or before the first row.
    let [low, high] = [0, groups.length];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (groups[middle]!.firstRow <= firstRow) low = middle;
      else high = middle;
    }
    const found: Group[] = [];
    for (let index = low; index < groups.length && groups[index]!.firstRow < firstRow + rows; index++)
      if (groups[index]!.rows > 0) found.push(groups[index]!);
    return found;
  }

  #readPiece(
    group: Group,
    columns: number,
    from: number,
    to: number,
    start = Number.NEGATIVE_INFINITY,
    end = Number.POSITIVE_INFINITY,
  ): Rows | undefined {
    const { statistics } = this.#columnOf(group, "time");
    const [min, max] = [statistics?.min_value, statistics?.max_value];
    if (typeof min === "number" && min >= end) return undefined;
    if (typeof max === "number" && max < start) return undefined;
    const all = this.#numbers(group, "time", from, to);
    if (all.includes(Number.NaN)) throw new RangeError("a row has no time");
    const first = start === Number.NEGATIVE_INFINITY ? 0 : firstAtOrAfter(all, start);
    const times = all.slice(first, end === Number.POSITIVE_INFINITY ? undefined : firstAtOrAfter(all, end));
    if (times.length === 0) return undefined;
    return { times, values: this.#readValues(group, columns, from + first, from + first + times.length) };
  }

  #readValues(group: Group, columns: number, from: number, to: number): Rows["values"] {
    if (columns === COLUMN_BITS.value) {
      const numbers = this.#numbers(group, "value", from, to);
      // A file has "NaN" as text.
      if (!numbers.includes(Number.NaN)) return numbers;
    }
    const values = new Array<PointValue>(to - from).fill(null);
    if (columns & COLUMN_BITS.value) readCells(this.#chunk(group, "value"), from, to, values);
    if (columns & COLUMN_BITS.text) readCells(this.#chunk(group, "text"), from, to, values);
    // Last: true and false are in `value` as well.
    if (columns & COLUMN_BITS.json)
      for (const [row, json] of this.#texts(group, "json", from, to).entries())
        if (json !== null) values[row] = json === "true" || (json !== "false" && JSON.parse(json));
    return values;
  }

  /** Returns numbers; NaN for null. */
  #numbers(group: Group, name: ColumnName, from: number, to: number): Float64Array<ArrayBuffer> {
    const numbers = new Float64Array(to - from).fill(Number.NaN);
    readCells(this.#chunk(group, name), from, to, numbers);
    return numbers;
  }

  #texts(group: Group, name: ColumnName, from: number, to: number): (string | null)[] {
    const cells = new Array<Cell | null>(to - from).fill(null);
    readCells(this.#chunk(group, name), from, to, cells);
    if (cells.some((cell) => typeof cell === "number"))
      throw new TypeError("a number where text is expected");
    return cells as (string | null)[];
  }

  #columnOf(group: Group, name: ColumnName) {
    const meta = group.meta.columns[this.#footer.columns.get(name)!.index]?.meta_data;
    if (!meta) throw new RangeError(`no column ${name}`);
    return meta;
  }

  #chunk(group: Group, name: ColumnName): ColumnChunk {
    const meta = this.#columnOf(group, name);
    const { schemaPath } = this.#footer.columns.get(name)!;
    const start = Number(meta.dictionary_page_offset || meta.data_page_offset);
    const bytes = this.#bytes(start, Number(meta.total_compressed_size));
    return { meta, schemaPath, bytes, rows: group.rows };
  }

  #readFooter(): Footer {
    if (this.#size < MAGIC.length + TAIL_BYTES) throw new RangeError(`the file has ${this.#size} bytes`);
    const tail = this.#bytes(this.#size - TAIL_BYTES, TAIL_BYTES);
    if (!this.#bytes(0, MAGIC.length).equals(MAGIC) || !tail.subarray(4).equals(MAGIC))
      throw new RangeError("not a Parquet file, or not complete");
    const length = tail.readUInt32LE() + TAIL_BYTES;
    return new Footer(this.path, this.#bytes(this.#size - length, length));
  }

  #bytes(start: number, length: number): Buffer {
    if (!(start >= 0 && length >= 0 && start + length <= this.#size))
      throw new RangeError(`${length} bytes from ${start} on are not in the file`);
    const bytes = Buffer.allocUnsafe(length);
    for (let at = 0; at < length; ) {
      const read = readSync(this.#descriptor, bytes, at, length - at, start + at);
      if (read === 0) throw new RangeError("the file ends early");
      at += read;
    }
    return bytes;
  }

  #orDamaged<Result>(what: string, read: () => Result): Result {
    try {
      return read();
    } catch (cause) {
      if (cause instanceof DayFileError || (cause as NodeJS.ErrnoException).syscall) throw cause;
      const reason = damaged(`${what} cannot be read (${(cause as Error).message})`);
      throw new DayFileError("damaged", this.path, reason, { cause });
    }
  }
}

/** What the end of the file says about it. */
class Footer {
  readonly rows: number;
  readonly groups: readonly Group[];
  readonly keys: ReadonlyMap<string, string | undefined>;
  readonly columns: ReadonlyMap<ColumnName, { readonly index: number; readonly schemaPath: SchemaTree[] }>;

  constructor(path: string, bytes: Buffer) {
    const meta = parquetMetadata(bytes, { parsers: PARSERS, geoparquet: false });
    this.keys = new Map(meta.key_value_metadata?.map(({ key, value }) => [key, value]));
    const version = Number(this.keys.get(KEYS.format) ?? FORMAT_VERSION);
    if (version > FORMAT_VERSION)
      throw new DayFileError(
        "newer",
        path,
        `written by a newer version of voltbridge (format ${version}, this version reads ${FORMAT_VERSION}). Run that version, or restore a backup from before the upgrade (voltbridge restore).`,
      );
    if (version !== FORMAT_VERSION) throw new RangeError(`${KEYS.format} is ${this.keys.get(KEYS.format)}`);
    this.columns = columnsOf(meta);
    const groups: Group[] = [];
    let firstRow = 0;
    for (const group of meta.row_groups) {
      const rows = Number(group.num_rows);
      if (!(rows >= 0)) throw new RangeError(`row group of ${rows} rows`);
      groups.push({ firstRow, rows, meta: group });
      firstRow += rows;
    }
    if (firstRow !== Number(meta.num_rows))
      throw new RangeError(`row groups have ${firstRow} rows, expected ${meta.num_rows}`);
    this.rows = firstRow;
    this.groups = groups;
  }
}

function columnsOf({ schema }: FileMetaData): Footer["columns"] {
  const [root, ...elements] = schema;
  const tree = (element: typeof root, path: string[]): SchemaTree => {
    return { element: element!, path, children: [], count: 1 };
  };
  return new Map(
    ROW_COLUMNS.map(({ name }) => {
      const index = elements.findIndex((element) => element.name === name);
      if (index === -1 || root?.num_children !== elements.length)
        throw new RangeError(`not the columns ${ROW_COLUMNS.map((column) => column.name).join(", ")}`);
      return [name, { index, schemaPath: [tree(root, []), tree(elements[index], [name])] }];
    }),
  );
}

/**
 * Reads a whole file and compares it with what its writer returned.
 * @throws DayFileError when a byte or a sample differs; errors of the system as they are.
 */
export function checkDayFile(
  path: string,
  expected: { readonly sha256: string; readonly digest?: string },
): void {
  checkSum(path, expected.sha256);
  using file = new DayFile(path);
  const entries = file.entries();
  const digest = new RowDigest();
  let row = 0;
  let topic = 0;
  for (const rows of file.readAll()) {
    digest.add(rows);
    for (let at = 0; at < rows.times.length; at++, row++) {
      while (topic < entries.length && row >= entries[topic]![4] + entries[topic]![5]) topic++;
      const [name, unit, , , firstRow] = entries[topic] ?? [];
      if (name !== rows.topics[at] || row < firstRow! || unit!.toWellFormed() !== rows.units[at])
        throw new DayFileError("damaged", path, damaged(`row ${row} is not of the topic of its list`));
    }
  }
  if (expected.digest !== undefined && digest.finish(entries) !== expected.digest)
    throw new DayFileError("damaged", path, damaged("its samples are not those that were written"));
}

/** Compares the checksum of a file. @throws DayFileError when it differs; errors of the system as they are. */
export function checkSum(path: string, expected: string): void {
  const sha256 = checksumOf(path);
  const short = (sum: string) => `${sum.slice(0, SHOWN_DIGITS)}…`;
  if (sha256 !== expected)
    throw new DayFileError(
      "damaged",
      path,
      damaged(`its checksum is ${short(sha256)}, expected ${short(expected)}`),
    );
}

function checksumOf(path: string): string {
  const descriptor = open(path);
  try {
    const hash = createHash("sha256");
    const piece = Buffer.allocUnsafe(COPY_BYTES);
    for (let read = 1; read > 0; ) {
      read = readSync(descriptor, piece);
      hash.update(piece.subarray(0, read));
    }
    return hash.digest("hex");
  } finally {
    closeSync(descriptor);
  }
}

function open(path: string): number {
  try {
    return openSync(path, "r");
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== "ENOENT" && code !== "ENOTDIR") throw cause;
    throw new DayFileError("missing", path, "the file is missing. Restore it from a backup.", { cause });
  }
}

function damaged(reason: string): string {
  return `damaged: ${reason}. Restore it from a backup.`;
}

function firstAtOrAfter(times: Float64Array, time: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (times[middle]! < time) low = middle + 1;
    else high = middle;
  }
  return low;
}
