import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import {
  type Diagnostic,
  decodeText,
  hasErrors,
  readBounded,
  sortDiagnostics,
  unreadable,
} from "../config/index.ts";
import type { Point } from "../points/index.ts";
import { type Columns, knownHeader, readColumns } from "./columns.ts";
import { CsvText } from "./csv-text.ts";
import { RowReader, shown } from "./read-row.ts";
import type { RegistryHeader, RegistryRow, RowFault } from "./row.ts";

export interface Registry {
  /** Valid rows in file order, one per point name. */
  readonly rows: RegistryRow[];
  /** Every problem of the file, by line and column. */
  readonly diagnostics: Diagnostic[];
}

/** Maximum size of a registry file, in bytes, and its number of rows: a larger device could not be scraped. */
export const MAX_FILE_BYTES = 32_000_000;
const MAX_ROWS = 250_000;
/** Size of a file with tens of thousands of rows, in bytes. */
const MANY_ROWS_BYTES = 1_000_000;

/**
 * Reads a registry CSV (contracts.md: Registry CSV) in slices, so that timers and connections are not blocked. Never rejects: an
 * unreadable file is one diagnostic.
 */
export async function readRegistry(file: string): Promise<Registry> {
  const reading = registryReading(file);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    await setImmediate();
  }
}

/** Reads a registry as {@link readRegistry}, one slice for each yield; `read` reads the file. */
export function* registryReading(file: string, read = readBounded): Generator<void, Registry> {
  let bytes: Uint8Array;
  try {
    bytes = read(file, MAX_FILE_BYTES);
  } catch (error) {
    return { rows: [], diagnostics: [unreadable(file, error)] };
  }
  if (bytes.length > MANY_ROWS_BYTES) keepHeapSmall();
  return yield* parsing(bytes, file);
}

/**
 * Makes V8 collect garbage before it reaches a fifth of the memory in use, and keeps the space for new objects from growing, for
 * the rest of the process. A scrape of this many points creates many short-lived objects; by default V8 lets them accumulate to
 * about the size of the memory in use (measured with 100,000 rows: a tenth more processor time, a quarter less memory).
 */
function keepHeapSmall(): void {
  setFlagsFromString("--heap-growing-percent=20");
  setFlagsFromString("--semi-space-growth-factor=1");
}

/** Parses the bytes of a registry at once, as {@link readRegistry}; `file` is the name in diagnostics. */
export function parseRegistry(bytes: Uint8Array, file: string): Registry {
  const reading = parsing(bytes, file);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

function* parsing(bytes: Uint8Array, file: string): Generator<void, Registry> {
  const atStart = (
    severity: Diagnostic["severity"],
    code: Diagnostic["code"],
    message: string,
  ): Diagnostic => ({
    code,
    severity,
    file,
    line: 1,
    column: 1,
    message,
  });
  const { text, encoding } = decodeText(bytes);
  const noText = notCsv(text);
  if (noText) return { rows: [], diagnostics: [atStart("error", "not_csv", noText)] };

  const reader = new SheetReader(new Sheet(file, text));
  const { diagnostics } = reader;
  if (encoding === "windows-1252")
    diagnostics.push(
      atStart(
        "warning",
        "not_utf8",
        "the file is not UTF-8; it was read as Windows-1252. Save it as CSV UTF-8",
      ),
    );
  const { rows, excess } = yield* reader.read();
  if (excess !== undefined) {
    const message = `the file has more than ${MAX_ROWS} rows, so none is used. Split it into one registry for each device`;
    return { rows: [], diagnostics: [{ ...atStart("error", "too_many_rows", message), line: excess }] };
  }
  if (rows.length === 0 && !hasErrors(diagnostics))
    diagnostics.push(atStart("warning", "no_points", "the file has no row with an Attribute Name"));
  return { rows, diagnostics: sortDiagnostics(diagnostics) };
}

/** Returns why a text cannot be CSV, if it cannot. */
export function notCsv(text: string): string | undefined {
  if (text.startsWith("PK\u0003\u0004")) return "this is an Excel workbook; save it as CSV UTF-8";
  const isBinary = /^[^\r\n]*/.exec(text.trimStart())![0].includes("\0");
  return isBinary ? "this is not a text file" : undefined;
}

/** Maximum length and number of cell texts that rows share. */
const MAX_SHARED_LENGTH = 40;
const MAX_SHARED_TEXTS = 1000;

const NO_EXTRA: Readonly<Record<string, string>> = Object.freeze({});

/** A file's text, kept as long as its rows need it for their positions. */
class Sheet {
  readonly file: string;
  readonly csv: CsvText;
  readonly hasNul: boolean;
  columns: Columns | undefined;

  constructor(file: string, text: string) {
    this.file = file;
    this.hasNul = text.includes("\0");
    this.csv = new CsvText(text, (cell) => knownHeader(cell) !== undefined);
  }

  /** Returns a diagnostic at a row's cell; at its first cell if the file lacks the column. */
  fault(offset: number, header: RegistryHeader, fault: RowFault): Diagnostic {
    const cell = this.columns?.indexes.get(header) ?? 0;
    return { file: this.file, ...this.csv.place(offset, cell), path: header, ...fault };
  }
}

/** A row that shares texts with others and computes its position on demand, because there can be very many. */
class SheetRow implements RegistryRow {
  readonly point: Point;
  readonly attribute: string;
  readonly register: string;
  readonly port?: string;
  readonly #sheet: Sheet;
  readonly #offset: number;

  constructor(
    sheet: Sheet,
    offset: number,
    point: Point,
    port: string | undefined,
    cell: (header: RegistryHeader) => string,
  ) {
    this.point = point;
    this.attribute = cell("Attribute Name");
    this.register = cell("Register Name");
    if (port !== undefined) this.port = port;
    this.#sheet = sheet;
    this.#offset = offset;
  }

  get file(): string {
    return this.#sheet.file;
  }

  get line(): number {
    return this.#sheet.csv.line(this.#offset);
  }

  fault(header: RegistryHeader, fault: RowFault): Diagnostic {
    return this.#sheet.fault(this.#offset, header, fault);
  }
}

/** Reads the rows of one file. */
class SheetReader {
  readonly diagnostics: Diagnostic[] = [];
  readonly #sheet: Sheet;
  /** Rows by name; a later row replaces one of the same name. */
  readonly #rows = new Map<string, RegistryRow>();
  readonly #bySpelling = new Map<string, RegistryRow>();
  /** Texts that many rows share. */
  readonly #texts = new Map<string, string>();
  #usable = true;
  #count = 0;

  constructor(sheet: Sheet) {
    this.#sheet = sheet;
  }

  /** Reads the file. `excess`: line of the first row beyond the maximum. */
  *read(): Generator<void, { rows: RegistryRow[]; excess?: number }> {
    const sheet = this.#sheet;
    let excess: number | undefined;
    const faults = yield* sheet.csv.read((cells, offset) => {
      if (cells.every((cell) => cell === "")) return true;
      if (!sheet.columns) sheet.columns = this.#readHeader(cells, offset);
      else if (++this.#count > MAX_ROWS) excess = sheet.csv.line(offset);
      else if (this.#usable) this.#readRow(cells, offset, sheet.columns);
      return excess === undefined;
    });
    if (excess !== undefined) return { rows: [], excess };
    for (const { offset, cell, message } of faults)
      this.#report(offset, cell, { code: "bad_csv", severity: "error", message });
    if (!sheet.columns && faults.length === 0)
      this.#report(0, 0, { code: "no_header", severity: "error", message: "the file is empty" });
    return { rows: [...this.#rows.values()] };
  }

  #report(offset: number, cell: number, fault: Omit<Diagnostic, "file" | "line" | "column" | "cell">): void {
    const { file, csv } = this.#sheet;
    this.diagnostics.push({ file, ...csv.place(offset, cell), ...fault });
  }

  #readHeader(cells: readonly string[], offset: number): Columns {
    const { columns, faults } = readColumns(cells);
    for (const { cell, ...fault } of faults) this.#report(offset, cell, fault);
    this.#usable = !faults.some((fault) => fault.severity === "error");
    return columns;
  }

  #readRow(cells: readonly string[], offset: number, columns: Columns): void {
    if (this.#sheet.hasNul && this.#reportNul(cells, offset, columns)) return;
    const attribute = columns.indexes.get("Attribute Name") ?? -1;
    if (cells[attribute] === "" || cells[attribute] === undefined) return;
    this.#reportStray(cells, offset, columns);
    const kept = cells.map((text) => this.#shared(text));
    const cell = (header: RegistryHeader) => kept[columns.indexes.get(header) ?? -1] ?? "";
    const place = (header: RegistryHeader, fault: RowFault) => this.#sheet.fault(offset, header, fault);
    const reader = new RowReader(cell, place, columns.isTrial);
    const port = reader.port();
    const point = reader.point(extraCells(cells, columns));
    reader.formulas(columns.indexes.keys());
    this.diagnostics.push(...reader.faults);
    if (point) this.#keep(new SheetRow(this.#sheet, offset, point, port, cell));
  }

  #shared(text: string): string {
    if (text.length > MAX_SHARED_LENGTH) return text;
    const known = this.#texts.get(text);
    if (known === undefined && this.#texts.size < MAX_SHARED_TEXTS) this.#texts.set(text, text);
    return known ?? text;
  }

  #keep(row: RegistryRow): void {
    const { name } = row.point;
    const spelling = name.toLowerCase();
    const earlier = this.#rows.get(name) ?? this.#bySpelling.get(spelling);
    if (earlier) {
      this.diagnostics.push(duplicatePoint(row, earlier));
      // The later row keeps its own position in the order.
      this.#rows.delete(name);
    }
    this.#rows.set(name, row);
    this.#bySpelling.set(spelling, row);
  }

  /** Reports a NUL byte in a row, mostly caused by a truncated or overwritten file. Returns whether there is one. */
  #reportNul(cells: readonly string[], offset: number, { indexes }: Columns): boolean {
    const cell = cells.findIndex((text) => text.includes("\0"));
    if (cell === -1) return false;
    const header = [...indexes].find(([, index]) => index === cell)?.[0];
    this.#report(offset, cell, {
      code: "nul_byte",
      severity: "error",
      ...(header === undefined ? {} : { path: header }),
      message: "this cell contains a NUL byte; the row is ignored",
      found: shown(cells[cell]!),
    });
    return true;
  }

  /** Reports text without a header, mostly caused by an unquoted delimiter, which makes adjacent cells wrong too. */
  #reportStray(cells: readonly string[], offset: number, { named }: Columns): void {
    const stray = cells.findIndex((cell, index) => cell !== "" && !named.has(index));
    if (stray === -1) return;
    this.#report(offset, stray, {
      code: "stray_cell",
      severity: "warning",
      message: "this cell has no header and is ignored; text that contains the delimiter needs double quotes",
      found: shown(cells[stray]!),
    });
  }
}

function extraCells(cells: readonly string[], { extra }: Columns): Readonly<Record<string, string>> {
  const filled = extra.map(({ name, index }) => [name, cells[index] ?? ""]).filter(([, text]) => text !== "");
  return filled.length === 0 ? NO_EXTRA : Object.fromEntries(filled);
}

function duplicatePoint(row: RegistryRow, earlier: RegistryRow): Diagnostic {
  const { name } = row.point;
  const same = earlier.point.name === name;
  return row.fault("Volttron Point Name", {
    code: same ? "duplicate_point" : "similar_point",
    severity: "warning",
    message: same
      ? `line ${earlier.line} has a point of the same name; that one is ignored, and this one is used`
      : `line ${earlier.line} has "${earlier.point.name}", which differs only in case; a historian stores both as one`,
    found: shown(name),
  });
}
