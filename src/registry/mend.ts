import { parse } from "csv-parse/sync";
import { closest, type Diagnostic, decodeText } from "../config/index.ts";
import { looksLikeFormula } from "../csv-cell.ts";
import { convertValue, namedType, type PointType } from "../points/index.ts";
import { HEADERS, knownHeader, REQUIRED } from "./columns.ts";
import { CsvText } from "./csv-text.ts";
import { convertedText, excelTrace, TYPED } from "./excel-traces.ts";
import { notCsv } from "./registry.ts";
import type { RegistryHeader } from "./row.ts";

/** A registry with everything mended that needs no guess. */
export interface Mended {
  /** The rows in the strict form, the header first; a blank line is a row without cells. */
  readonly rows: readonly (readonly string[])[];
  /** The lines before and after, in their order and without line ends. */
  readonly lines: readonly LinePair[];
  /** Empty where the file already has the strict form. */
  readonly changes: readonly Change[];
  /** What only a person can mend. */
  readonly left: readonly Diagnostic[];
}

/** A line before and after; undefined on the side that lacks it. */
export interface LinePair {
  readonly before: string | undefined;
  readonly after: string | undefined;
}

/** What was mended. Without a place: in the whole file. */
export interface Change {
  readonly kind: ChangeKind;
  readonly line?: number;
  readonly column?: number;
  /** As spreadsheets name it: `D3`. */
  readonly cell?: string;
  readonly header?: string;
  readonly from: string;
  readonly to: string;
}

export type ChangeKind =
  | "encoding"
  | "delimiter"
  | "line_ends"
  | "empty"
  | "header"
  | "spaces"
  | "truth"
  | "port"
  | "number"
  | "formula"
  | "row_length";

/** The file cannot be mended; the message says why and where. */
export class UnmendableError extends Error {
  override readonly name = "UnmendableError";
}

const ENCODINGS = {
  "utf-8": "UTF-8",
  "utf-16le": "UTF-16",
  "utf-16be": "UTF-16",
  "windows-1252": "Windows-1252",
};

/**
 * Mends the bytes of a registry. Rows are read from the result as they were read before, except for what `changes` lists.
 * @throws UnmendableError for a file that is no registry, and for one with rows that are not valid CSV
 */
export function mendRegistry(bytes: Uint8Array, file: string): Mended {
  const { text, encoding } = decodeText(bytes);
  const reason = text.trim() === "" ? "the file is empty" : notCsv(text);
  if (reason !== undefined) throw new UnmendableError(`${file}: ${reason}`);
  const mender = new Mender(new CsvText(text, (cell) => headerNamed(cell) !== undefined), file);
  if (encoding !== "utf-8") mender.note("encoding", ENCODINGS[encoding], "UTF-8");
  else if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf)
    mender.note("encoding", "UTF-8 with a byte order mark", "UTF-8");
  return mender.mend();
}

interface CsvRecord {
  readonly cells: readonly string[];
  /** The cells with the spaces around them. */
  readonly written: readonly string[];
  readonly offset: number;
  /** Number of the row in a spreadsheet. */
  readonly row: number;
  /** Its text without the line end. */
  readonly text: string;
  readonly lineEnd: string;
}

function recordsOf(csv: CsvText, file: string): CsvRecord[] {
  const found: { cells: readonly string[]; offset: number }[] = [];
  const reading = csv.read((cells, offset) => {
    found.push({ cells, offset });
    return true;
  });
  let step = reading.next();
  while (!step.done) step = reading.next();
  if (step.value.length > 0) {
    const places = step.value.map(({ offset, cell, message }) => {
      const { line, column } = csv.place(offset, cell);
      return `${file}:${line}:${column}: ${message}`;
    });
    throw new UnmendableError(
      `${file} has rows that are not valid CSV; mend them by hand first\n${places.join("\n")}`,
    );
  }
  return found.map(({ cells, offset }, i) => {
    const { text, lineEnd } = csv.source(offset, found[i + 1]?.offset);
    return { cells, offset, row: i + 1, text, lineEnd, written: writtenCells(text, csv.delimiter) };
  });
}

function writtenCells(text: string, delimiter: string): readonly string[] {
  if (!text.includes('"')) return text.split(delimiter);
  const [cells = []] = parse(text, { delimiter, relax_column_count: true, relax_quotes: true });
  return cells;
}

const byPlainName = new Map(HEADERS.map((header) => [plain(header), header]));

/** Letters and digits only: `Volttron_Point-Name` is `Volttron Point Name`, and `Port` is `Port #`. */
function plain(name: string): string {
  return name.toLowerCase().replace(/[^\p{L}\p{N}]/gu, "");
}

function headerNamed(cell: string): RegistryHeader | undefined {
  return knownHeader(cell) ?? byPlainName.get(plain(cell));
}

interface Column {
  readonly index: number;
  /** Undefined for a column of the user's own. */
  readonly header: RegistryHeader | undefined;
  readonly name: string;
}

/** Returns the columns of the header, with the known names in their own spelling. */
function columnsOf(names: readonly string[]): Column[] {
  const known = names.map(knownHeader);
  const taken = new Set(known);
  for (const [index, name] of names.entries()) {
    const header = known[index] === undefined ? byPlainName.get(plain(name)) : undefined;
    if (header === undefined || taken.has(header)) continue;
    known[index] = header;
    taken.add(header);
  }
  // A required column that is missing is the only one whose name resembles it.
  for (const header of REQUIRED.filter((one) => !taken.has(one))) {
    const [index, ...more] = [...names.keys()].filter(
      (i) => !known[i] && closest(names[i]!, [header]) === header,
    );
    if (index === undefined || more.length > 0) continue;
    known[index] = header;
    taken.add(header);
  }
  // Beside an attribute, the only column of this name is the point's.
  const points = names.flatMap((name, index) =>
    plain(name) === "pointname" && !known[index] ? [index] : [],
  );
  if (points.length === 1 && taken.has("Attribute Name") && !taken.has("Volttron Point Name"))
    known[points[0]!] = "Volttron Point Name";
  const width = names.findLastIndex((name) => name !== "") + 1;
  return names.slice(0, width).map((name, index) => ({
    index,
    header: known[index],
    name: known[index] ?? name,
  }));
}

class Mender {
  readonly #csv: CsvText;
  readonly #records: readonly CsvRecord[];
  readonly #file: string;
  readonly #columns: readonly Column[];
  readonly #changes: Change[] = [];
  readonly #left: Diagnostic[] = [];
  /** Indexes of the first and the last record that is not empty. */
  readonly #first: number;
  readonly #last: number;

  constructor(csv: CsvText, file: string) {
    this.#csv = csv;
    this.#file = file;
    this.#records = recordsOf(csv, file);
    this.#first = this.#records.findIndex((record) => !isEmpty(record));
    this.#last = this.#records.findLastIndex((record) => !isEmpty(record));
    this.#columns = columnsOf(this.#records[this.#first]?.cells ?? []);
    if (this.#columns.some(({ header }) => header !== undefined)) return;
    const expected = HEADERS.slice(0, 3).join(", ");
    throw new UnmendableError(
      `${file}: this is not a registry: no known column in its first row (${expected}, …)`,
    );
  }

  note(kind: ChangeKind, from: string, to: string): void {
    this.#changes.push({ kind, from, to });
  }

  mend(): Mended {
    const { delimiter, preamble } = this.#csv;
    if (preamble !== "") this.note("delimiter", `the line ${preamble}`, "");
    if (delimiter !== ",") this.note("delimiter", delimiter === "\t" ? "tab" : delimiter, ",");
    const ends = new Set(this.#records.map(({ lineEnd }) => lineEnd));
    for (const end of ["\r\n", "\r"])
      if (ends.has(end)) this.note("line_ends", end === "\r" ? "CR" : "CRLF", "LF");
    this.#noteEmpty();
    const rows: (readonly string[])[] = [];
    const lines: LinePair[] = preamble === "" ? [] : [{ before: preamble, after: undefined }];
    for (const [i, record] of this.#records.entries()) {
      const isKept = i >= this.#first && i <= this.#last;
      const row = isKept ? this.#row(record, i === this.#first) : undefined;
      if (row) rows.push(row);
      lines.push(...pairsOf(record, row, delimiter));
    }
    return { rows, lines, changes: this.#changes, left: this.#left };
  }

  #noteEmpty(): void {
    const count = (number: number, what: string) =>
      number > 0 && this.note("empty", `${number} empty ${what}${number === 1 ? "" : "s"}`, "");
    const widthOf = (last: (cells: readonly string[]) => number) =>
      this.#records.reduce((widest, { cells }) => Math.max(widest, last(cells)), this.#columns.length);
    const width = widthOf((cells) => cells.length);
    count(width - widthOf((cells) => cells.findLastIndex((cell) => cell !== "") + 1), "column");
    count(this.#first + this.#records.length - 1 - this.#last, "row");
  }

  #row(record: CsvRecord, isHeader: boolean): readonly string[] {
    const { cells, written } = record;
    if (isEmpty(record)) return [];
    const columns = this.#columns;
    // Text with a delimiter but without quotes: the cells after it are in the wrong columns.
    const stray = cells.slice(columns.length, cells.findLastIndex((cell) => cell !== "") + 1);
    const isSound = stray.length === 0 && !cells.some((cell) => cell.includes("\0"));
    const attribute = columns.find(({ header }) => header === "Attribute Name");
    const isPoint = isSound && (attribute === undefined || Boolean(cells[attribute.index]));
    if (written.some((text, i) => text !== cells[i]))
      this.#change("spaces", record, columns[0]!, "spaces around cells", "");
    if (cells.length < columns.length)
      this.#change("row_length", record, columns[0]!, `${cells.length} cells`, `${columns.length} cells`);
    const row = columns.map((column) => {
      const text = cells[column.index] ?? "";
      if (isHeader) return this.#changed("header", record, column, text, column.name);
      const mended = isPoint ? this.#value(record, column, text) : text;
      return this.#changed("formula", record, column, mended, withoutFormula(mended));
    });
    return [...row, ...stray];
  }

  #value(record: CsvRecord, column: Column, text: string): string {
    const { header, name } = column;
    const typeColumn = this.#columns.find((one) => one.header === "Type");
    const type = namedType(record.cells[typeColumn?.index ?? -1] || "string");
    const isStart = header === "Starting Value";
    const isBound = header === "Min" || header === "Max" || header === "Deadband";
    const isNumber = isBound || (isStart && (type === "integer" || type === "float"));
    const trace = excelTrace(header, name, text, isNumber);
    if (trace !== undefined) {
      const fault = { message: convertedText(trace), expected: TYPED };
      this.#leave(record, column, text, { code: "excel_converted", ...fault });
      return text;
    }
    if (header === "Port #") return this.#changed("port", record, column, text, portOf(text));
    if (header === "Writable" || (isStart && type === "boolean" && !convertValue(text, type).ok))
      return this.#changed("truth", record, column, text, truthOf(text));
    return isNumber ? this.#number(record, column, text, type) : text;
  }

  #number(record: CsvRecord, column: Column, text: string, type: PointType | undefined): string {
    const comma = /^([+-]?\d+),(\d+(?:e[+-]?\d+)?)$/i.exec(text);
    // Files with semicolons are of countries with a decimal comma.
    if (comma && this.#csv.delimiter !== ";" && /^[+-]?\d{1,3},\d{3}$/.test(text)) {
      const message = "the comma may stand for a decimal point or between thousands";
      const expected = `${comma[1]}.${comma[2]} or ${comma[1]}${comma[2]}`;
      this.#leave(record, column, text, { code: "ambiguous_number", message, expected });
      return text;
    }
    const pointed = comma ? `${comma[1]}.${comma[2]}` : text;
    const whole = type === "integer" ? /^([+-]?\d+)\.0+$/.exec(pointed)?.[1] : undefined;
    return this.#changed("number", record, column, text, whole ?? pointed);
  }

  #changed(kind: ChangeKind, record: CsvRecord, column: Column, from: string, to: string): string {
    if (to !== from) this.#change(kind, record, column, from, to);
    return to;
  }

  #change(kind: ChangeKind, record: CsvRecord, { index, name }: Column, from: string, to: string): void {
    this.#changes.push({ kind, ...this.#place(record, index), header: name, from, to });
  }

  #leave(
    record: CsvRecord,
    { index, name }: Column,
    text: string,
    { message, ...fault }: Pick<Diagnostic, "code" | "message" | "expected">,
  ): void {
    const { cell, ...place } = this.#place(record, index);
    this.#left.push({
      ...{ severity: "error", file: this.#file, ...place, path: name, found: JSON.stringify(text) },
      ...{ cell, message, ...fault },
    });
  }

  #place({ offset, row }: CsvRecord, index: number) {
    return { ...this.#csv.place(offset, index), cell: `${columnLetters(index)}${row}` };
  }
}

function isEmpty({ cells }: CsvRecord): boolean {
  return cells.every((cell) => cell === "");
}

function portOf(text: string): string {
  return /^(\d+)[.,]0+$/.exec(text)?.[1] ?? /^(?:port\s*#?|#)\s*(\d[\w-]*)$/i.exec(text)?.[1] ?? text;
}

/** Words for true and false of spreadsheets in other languages, and for yes and no. */
const TRUE_WORDS =
  "true wahr vrai vero verdadero verdadeiro waar sant sand sann tosi prawda pravda igaz doğru истина yes oui ja sí sì si sim да";
const FALSE_WORDS =
  "false falsch faux falso onwaar falskt falsk usann epätosi fałsz nepravda hamis yanlış ложь no non nein nee não nej nei нет";
const truths = new Map([
  ...TRUE_WORDS.split(" ").map((word) => [word, "TRUE"] as const),
  ...FALSE_WORDS.split(" ").map((word) => [word, "FALSE"] as const),
]);

function truthOf(text: string): string {
  return truths.get(text.normalize("NFC").toLowerCase()) ?? text;
}

/**
 * Returns text that no spreadsheet calculates: a formula gets a leading `'`. Harmless text that only begins as one does
 * (`-100 to 300`) loses the `'` of an earlier {@link excelText}.
 */
function withoutFormula(text: string): string {
  const bare = text.startsWith("'") && looksLikeFormula(text.slice(1)) ? text.slice(1) : text;
  const calculates = /^\s*[=@＝＠]|^\s*[+\-＋－].*[|(!]/s.test(bare);
  return calculates ? `'${bare}` : bare;
}

/** `A`, `B`, …, `Z`, `AA`, … */
function columnLetters(index: number): string {
  const letter = String.fromCharCode(65 + (index % 26));
  return index < 26 ? letter : columnLetters(Math.floor(index / 26) - 1) + letter;
}

/** Pairs the lines of a record before and after. A record that stays as it is keeps its own quotes. */
function pairsOf(record: CsvRecord, row: readonly string[] | undefined, delimiter: string): LinePair[] {
  const { text, written } = record;
  const isSame =
    delimiter === "," && row?.length === written.length && row.every((cell, i) => cell === written[i]);
  const before = text.split(/\r\n|\n|\r/);
  const after = row === undefined ? [] : isSame ? before : csvRecord(row, ",").split(/\r\n|\n|\r/);
  return Array.from({ length: Math.max(before.length, after.length) }, (_, i) => ({
    before: before[i],
    after: after[i],
  }));
}

function csvRecord(cells: readonly string[], delimiter: string): string {
  return cells
    .map((cell) =>
      /["\r\n]|^\s|\s$/.test(cell) || cell.includes(delimiter) ? `"${cell.replaceAll('"', '""')}"` : cell,
    )
    .join(delimiter);
}

/** Returns the text of the strict form: UTF-8 without a byte order mark, commas, LF. */
export function strictText({ lines }: Mended): string {
  return lines.flatMap(({ after }) => (after === undefined ? [] : `${after}\n`)).join("");
}

const NUMBER = /^[+-]?\d+(\.\d+)?$/;
const NUMBERS: readonly string[] = ["Starting Value", "Min", "Max", "Deadband"];

/**
 * Returns the text for Excel: a byte order mark, semicolons, CRLF, and no cell that Excel takes for a formula. A line `sep=;`
 * makes every Excel read the semicolons, but as Windows-1252: only a file of ASCII has it. `decimalComma`: numbers with a
 * comma, as Excel reads and writes them in many countries.
 */
export function excelText({ rows: [header = [], ...rows] }: Mended, decimalComma: boolean): string {
  const safe = (text: string) => (looksLikeFormula(text) && !NUMBER.test(text) ? `'${text}` : text);
  const cell = (text: string, i: number) =>
    decimalComma && NUMBERS.includes(header[i]!) && NUMBER.test(text) ? text.replace(".", ",") : safe(text);
  const lines = [header.map(safe), ...rows.map((row) => row.map(cell))].map((row) => csvRecord(row, ";"));
  const text = lines.map((line) => `${line}\r\n`).join("");
  return `\ufeff${/^[\0-\x7f]*$/.test(text) ? "sep=;\r\n" : ""}${text}`;
}
