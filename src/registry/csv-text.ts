import { type CsvError, parse } from "csv-parse/sync";

/** An invalid CSV record and its position: the first byte of the record, and a cell. */
export interface CsvFault {
  readonly offset: number;
  readonly cell: number;
  readonly message: string;
}

/** Maximum size of a record, in bytes, so that an unclosed quote does not include the rest of the file. */
const MAX_RECORD_BYTES = 65_536;
/** Number of records between two yields, which takes some ten milliseconds. */
const RECORDS_PER_YIELD = 1000;
/** Number of invalid records after which reading stops. */
const MAX_FAULTS = 100;

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;

/** The records of a CSV file and their positions. Cells are trimmed; empty lines are records of one empty cell. */
export class CsvText {
  readonly delimiter: string;
  readonly #bytes: Buffer;
  readonly #lineStarts: readonly number[];
  /** Offset of the first record, after a `sep=` line. */
  readonly #start: number;
  /** Offsets of the records read so far that span several lines; `extra`: lines beyond the first of each, up to this one. */
  readonly #spanning: { readonly offset: number; readonly extra: number }[] = [];

  constructor(text: string, knownHeader: (cell: string) => boolean) {
    this.#bytes = Buffer.from(text);
    this.#lineStarts = lineStarts(this.#bytes);
    const firstLine = /^[^\r\n]*/.exec(text)?.[0] ?? "";
    const separator = /^"?sep=([,;|:^~\t])"?\s*$/i.exec(firstLine)?.[1];
    this.#start = separator === undefined ? 0 : (this.#lineStarts[1] ?? this.#bytes.length);
    this.delimiter = separator ?? detectDelimiter(text, knownHeader);
  }

  /**
   * Passes the records one by one to `take` until it returns false, each with the offset of its first byte, from which {@link place} finds
   * its cells. Of an invalid record only the first line is skipped. Yields regularly to the event loop.
   */
  *read(take: (cells: readonly string[], offset: number) => boolean): Generator<void, CsvFault[]> {
    const faults: CsvFault[] = [];
    let offset = this.#start;
    while (offset < this.#bytes.length) {
      const { next, fault } = this.#readFrom(offset, take);
      offset = next;
      if (fault) faults.push(fault);
      if (faults.length === MAX_FAULTS) {
        const message = `nothing more is read from here on: ${MAX_FAULTS} previous rows are not valid CSV`;
        faults.push({ offset, cell: 0, message });
        break;
      }
      yield;
    }
    return faults;
  }

  /** Reads some records up to the end or the first invalid one. `next`: offset to continue from. */
  #readFrom(
    start: number,
    take: (cells: readonly string[], offset: number) => boolean,
  ): { next: number; fault?: CsvFault } {
    let offset = start;
    let records = 0;
    let line = this.#lineIndex(start);
    let wanted = true;
    try {
      parse(this.#bytes.subarray(start), {
        delimiter: this.delimiter,
        record_delimiter: ["\r\n", "\n", "\r"],
        trim: true,
        relax_column_count: true,
        relax_quotes: true,
        max_record_size: MAX_RECORD_BYTES,
        to: RECORDS_PER_YIELD,
        on_record: (cells: string[], { bytes }) => {
          wanted &&= take(
            cells.map((cell) => cell.trim()),
            offset,
          );
          const next = start + bytes;
          const first = line;
          while (this.#lineStarts[line + 1]! <= next) line++;
          const extra = line - first - 1;
          if (extra > 0) this.#spanning.push({ offset, extra: extra + (this.#spanning.at(-1)?.extra ?? 0) });
          offset = next;
          records++;
          return null;
        },
      });
      return { next: wanted && records === RECORDS_PER_YIELD ? offset : this.#bytes.length };
    } catch (error) {
      const { code, index } = error as CsvError & { index?: number };
      const message = CSV_FAULTS[code];
      if (message === undefined) throw error;
      const next = this.#lineStarts[this.#lineIndex(offset) + 1] ?? this.#bytes.length;
      return { next, fault: { offset, cell: index ?? 0, message } };
    }
  }

  /** Returns the line, from 1, of a byte. */
  line(offset: number): number {
    return this.#lineIndex(offset) + 1;
  }

  /**
   * Returns line and column, from 1, of a cell of the record that starts at a byte, or of its first cell if it has fewer; and the
   * name of the cell in a spreadsheet.
   */
  place(offset: number, cell: number): { line: number; column: number; cell: string } {
    const at = this.#cellOffset(offset, cell);
    const index = this.#lineIndex(at);
    const before = this.#bytes.subarray(this.#lineStarts[index]!, at).toString();
    return { line: index + 1, column: before.length + 1, cell: `${columnName(cell)}${this.#row(offset)}` };
  }

  /** Returns the row, from 1, of a record in a spreadsheet: a record is one row there however many lines it spans. */
  #row(offset: number): number {
    const separatorLine = this.#start === 0 ? 0 : 1;
    let low = 0;
    let high = this.#spanning.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#spanning[middle]!.offset < offset) low = middle + 1;
      else high = middle;
    }
    return this.line(offset) - separatorLine - (this.#spanning[low - 1]?.extra ?? 0);
  }

  /** The line before the first record (`sep=;`), without its line end; mostly empty. */
  get preamble(): string {
    return this.#bytes.subarray(0, this.#start).toString().trim();
  }

  /** Returns the text and the line end of the record from one offset to the next record's. */
  source(offset: number, next = this.#bytes.length): { text: string; lineEnd: string } {
    const text = this.#bytes.subarray(offset, next).toString();
    const lineEnd = /(?:\r\n|\n|\r)?$/.exec(text)![0];
    return { text: text.slice(0, text.length - lineEnd.length), lineEnd };
  }

  #lineIndex(offset: number): number {
    let low = 0;
    let high = this.#lineStarts.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#lineStarts[middle]! <= offset) low = middle;
      else high = middle - 1;
    }
    return low;
  }

  #cellOffset(recordOffset: number, cell: number): number {
    const delimiter = this.delimiter.charCodeAt(0);
    let at = recordOffset;
    for (let passed = 0; passed < cell; passed++) {
      at = this.#cellEnd(at, delimiter);
      if (this.#bytes[at] !== delimiter) return recordOffset;
      at++;
    }
    while (this.#bytes[at] === SPACE) at++;
    return at;
  }

  /** Returns the offset of the delimiter or line end after the cell that starts at a byte. */
  #cellEnd(start: number, delimiter: number): number {
    let at = start;
    while (this.#bytes[at] === SPACE) at++;
    let quoted = this.#bytes[at] === QUOTE;
    if (quoted) at++;
    for (; at < this.#bytes.length; at++) {
      const byte = this.#bytes[at];
      if (quoted && byte === QUOTE) {
        if (this.#bytes[at + 1] === QUOTE) at++;
        else quoted = false;
      } else if (!quoted && (byte === LF || byte === CR || byte === delimiter)) break;
    }
    return at;
  }
}

const CSV_FAULTS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "this cell starts with a double quote that is never closed",
  CSV_INVALID_CLOSING_QUOTE: "a double quote inside a quoted cell must be doubled",
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE:
    "text follows the closing quote of this cell; an earlier quote may be unclosed, or one inside it not doubled",
  CSV_MAX_RECORD_SIZE: "this row is longer than 64 KB; a double quote in it may be unclosed",
};

const DELIMITERS = [",", ";", "\t"];

/** Returns the delimiter that yields most known headers in the first non-empty line, or else the most frequent one. */
function detectDelimiter(text: string, knownHeader: (cell: string) => boolean): string {
  const lines = text.slice(0, MAX_RECORD_BYTES).split(/[\r\n]+/);
  const header = lines.find((line) => /[^\s,;]/.test(line)) ?? "";
  const scores = DELIMITERS.map((delimiter) => {
    const cells = header.split(delimiter);
    const known = cells.filter((cell) => knownHeader(cell.replace(/^\s*"(.*)"\s*$/, "$1"))).length;
    return { delimiter, score: known * 1000 + cells.length };
  });
  return scores.reduce((best, next) => (next.score > best.score ? next : best)).delimiter;
}

/** Returns the name of a column in a spreadsheet: A to Z, then AA. */
function columnName(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnName(Math.floor(index / 26) - 1) + letter;
}

function lineStarts(bytes: Buffer): number[] {
  const starts = [0];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === LF || (byte === CR && bytes[i + 1] !== LF)) starts.push(i + 1);
  }
  return starts;
}
