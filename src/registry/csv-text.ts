import { type CsvError, parse } from "csv-parse/sync";

/** A record that is no CSV, and its place: the first byte of the record, and a cell of it. */
export interface CsvFault {
  readonly offset: number;
  readonly cell: number;
  readonly message: string;
}

/** Longest record, in bytes: where a quote is never closed, the rest of the file is no longer one cell. */
const LONGEST_RECORD = 65_536;
/** Records between two yields: some ten milliseconds. */
const RECORDS_AT_ONCE = 1000;
/** After so many broken records it is no CSV file. */
const MOST_FAULTS = 100;

const LF = 10;
const CR = 13;
const SPACE = 32;
const QUOTE = 34;

/** The text of a CSV file, its records and their places. Cells are trimmed; empty lines are records of one empty cell. */
export class CsvText {
  readonly #delimiter: string;
  readonly #bytes: Buffer;
  readonly #lineStarts: readonly number[];
  /** Where the records begin: after a `sep=` line. */
  readonly #start: number;

  constructor(text: string, knownHeader: (cell: string) => boolean) {
    this.#bytes = Buffer.from(text);
    this.#lineStarts = lineStarts(this.#bytes);
    const firstLine = /^[^\r\n]*/.exec(text)?.[0] ?? "";
    const separator = /^"?sep=([,;|:^~\t])"?\s*$/i.exec(firstLine)?.[1];
    this.#start = separator === undefined ? 0 : (this.#lineStarts[1] ?? this.#bytes.length);
    this.#delimiter = separator ?? detectDelimiter(text, knownHeader);
  }

  /**
   * Hands over the records one by one, each with its first byte, from which the place of its cells is found when it is asked for;
   * until `take` answers false. Of a broken record, only the first line is lost. Yields now and then, so that others can have a turn.
   */
  *read(take: (cells: readonly string[], offset: number) => boolean): Generator<void, CsvFault[]> {
    const faults: CsvFault[] = [];
    let offset = this.#start;
    while (offset < this.#bytes.length) {
      const { next, fault } = this.#readFrom(offset, take);
      offset = next;
      if (fault) faults.push(fault);
      if (faults.length === MOST_FAULTS) {
        const message = `from here on nothing is read: ${MOST_FAULTS} rows before are no CSV`;
        faults.push({ offset, cell: 0, message });
        break;
      }
      yield;
    }
    return faults;
  }

  /** Reads some records: up to the end, or to the first broken one. `next`: where to go on. */
  #readFrom(
    start: number,
    take: (cells: readonly string[], offset: number) => boolean,
  ): { next: number; fault?: CsvFault } {
    let offset = start;
    let records = 0;
    let wanted = true;
    try {
      parse(this.#bytes.subarray(start), {
        delimiter: this.#delimiter,
        record_delimiter: ["\r\n", "\n", "\r"],
        trim: true,
        relax_column_count: true,
        relax_quotes: true,
        max_record_size: LONGEST_RECORD,
        to: RECORDS_AT_ONCE,
        on_record: (cells: string[], { bytes }) => {
          wanted &&= take(
            cells.map((cell) => cell.trim()),
            offset,
          );
          offset = start + bytes;
          records++;
          return null;
        },
      });
      return { next: wanted && records === RECORDS_AT_ONCE ? offset : this.#bytes.length };
    } catch (error) {
      const { code, index } = error as CsvError & { index?: number };
      const message = CSV_FAULTS[code];
      if (message === undefined) throw error;
      const next = this.#lineStarts[this.#lineIndex(offset) + 1] ?? this.#bytes.length;
      return { next, fault: { offset, cell: index ?? 0, message } };
    }
  }

  /** Line, from 1, of a byte. */
  line(offset: number): number {
    return this.#lineIndex(offset) + 1;
  }

  /** Line and column, from 1, of a cell of the record that begins at a byte; of its first where it has fewer. */
  place(offset: number, cell: number): { line: number; column: number } {
    const at = this.#cellOffset(offset, cell);
    const index = this.#lineIndex(at);
    const before = this.#bytes.subarray(this.#lineStarts[index]!, at).toString();
    return { line: index + 1, column: before.length + 1 };
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
    const delimiter = this.#delimiter.charCodeAt(0);
    let at = recordOffset;
    for (let passed = 0; passed < cell; passed++) {
      at = this.#cellEnd(at, delimiter);
      if (this.#bytes[at] !== delimiter) return recordOffset;
      at++;
    }
    while (this.#bytes[at] === SPACE) at++;
    return at;
  }

  /** The delimiter or line end after the cell that begins at a byte. */
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
  CSV_QUOTE_NOT_CLOSED: "this cell begins with a double quote that is never closed",
  CSV_INVALID_CLOSING_QUOTE: "a double quote inside of a quoted cell is written twice",
  CSV_NON_TRIMABLE_CHAR_AFTER_CLOSING_QUOTE:
    "text follows the closing quote of this cell; is a quote before it not closed, or one inside of it not written twice?",
  CSV_MAX_RECORD_SIZE: "this row is longer than 64 KB; is a double quote in it not closed?",
};

const DELIMITERS = [",", ";", "\t"];

/** The delimiter that makes most known headers of the first line that says something; else the most frequent. */
function detectDelimiter(text: string, knownHeader: (cell: string) => boolean): string {
  const lines = text.slice(0, LONGEST_RECORD).split(/[\r\n]+/);
  const header = lines.find((line) => /[^\s,;]/.test(line)) ?? "";
  const scores = DELIMITERS.map((delimiter) => {
    const cells = header.split(delimiter);
    const known = cells.filter((cell) => knownHeader(cell.replace(/^\s*"(.*)"\s*$/, "$1"))).length;
    return { delimiter, score: known * 1000 + cells.length };
  });
  return scores.reduce((best, next) => (next.score > best.score ? next : best)).delimiter;
}

function lineStarts(bytes: Buffer): number[] {
  const starts = [0];
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i];
    if (byte === LF || (byte === CR && bytes[i + 1] !== LF)) starts.push(i + 1);
  }
  return starts;
}
