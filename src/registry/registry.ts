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
  /** Sound rows in file order, one per point name. */
  readonly rows: RegistryRow[];
  /** Every problem of the file, by line and column. */
  readonly diagnostics: Diagnostic[];
}

/** Largest registry file, in bytes, and its most rows: a device of so many points could not be scraped. */
const LARGEST_REGISTRY = 32_000_000;
const MOST_ROWS = 250_000;
/** A file of tens of thousands of rows. */
const MANY_ROWS_BYTES = 1_000_000;

/**
 * Reads a registry CSV (contracts.md: Registry CSV) in slices, so that timers and connections have their turn. Never rejects: a file that
 * cannot be read is one diagnostic.
 */
export async function readRegistry(file: string): Promise<Registry> {
  let bytes: Uint8Array;
  try {
    bytes = readBounded(file, LARGEST_REGISTRY);
  } catch (error) {
    return { rows: [], diagnostics: [unreadable(file, error)] };
  }
  if (bytes.length > MANY_ROWS_BYTES) keepHeapSmall();
  const reading = parsing(bytes, file);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
    await setImmediate();
  }
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

/** {@link readRegistry} of bytes that are there already, in one go; `file` is for the diagnostics. */
export function parseRegistry(bytes: Uint8Array, file: string): Registry {
  const reading = parsing(bytes, file);
  for (;;) {
    const { done, value } = reading.next();
    if (done) return value;
  }
}

function* parsing(bytes: Uint8Array, file: string): Generator<void, Registry> {
  const atStart = (severity: Diagnostic["severity"], code: string, message: string): Diagnostic => ({
    code,
    severity,
    file,
    line: 1,
    column: 1,
    message,
  });
  const { text, encoding } = decodeText(bytes);
  const noText = text.startsWith("PK\u0003\u0004")
    ? "this is an Excel workbook; save it as CSV UTF-8"
    : /^[^\r\n]*/.exec(text.trimStart())![0].includes("\0")
      ? "this is no text file"
      : undefined;
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
    const message = `the file holds more than ${MOST_ROWS} rows; none of them is used. Split it, one registry for each device`;
    return { rows: [], diagnostics: [{ ...atStart("error", "too_many_rows", message), line: excess }] };
  }
  if (rows.length === 0 && !hasErrors(diagnostics))
    diagnostics.push(atStart("warning", "no_points", "the file holds no row with an Attribute Name"));
  return { rows, diagnostics: sortDiagnostics(diagnostics) };
}

/** Of the texts of cells, those that are looked for among the earlier ones: characters, and how many. */
const LONGEST_SHARED = 40;
const MOST_SHARED = 1000;

const NO_EXTRA: Readonly<Record<string, string>> = Object.freeze({});

/** A file's text, kept as long as its rows need it to say where they stand. */
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

  /** A diagnostic at a row's cell; at the row's first where the file has no such column. */
  fault(offset: number, header: RegistryHeader, fault: RowFault): Diagnostic {
    const cell = this.columns?.indexes.get(header) ?? 0;
    return { file: this.file, ...this.csv.place(offset, cell), path: header, ...fault };
  }
}

/** One of very many: it shares what it can with the others, and finds its place only when asked. */
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
  /** By name; a later row of the same name takes its place. */
  readonly #rows = new Map<string, RegistryRow>();
  readonly #bySpelling = new Map<string, RegistryRow>();
  /** Of the texts that many rows have in common, the one that is kept. */
  readonly #texts = new Map<string, string>();
  #usable = true;
  #count = 0;

  constructor(sheet: Sheet) {
    this.#sheet = sheet;
  }

  /** `excess`: line of the first row beyond the most that are read. */
  *read(): Generator<void, { rows: RegistryRow[]; excess?: number }> {
    const sheet = this.#sheet;
    let excess: number | undefined;
    const faults = yield* sheet.csv.read((cells, offset) => {
      if (cells.every((cell) => cell === "")) return true;
      if (!sheet.columns) sheet.columns = this.#readHeader(cells, offset);
      else if (++this.#count > MOST_ROWS) excess = sheet.csv.line(offset);
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

  #report(offset: number, cell: number, fault: Omit<Diagnostic, "file" | "line" | "column">): void {
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
    const reader = new RowReader(cell, (header, fault) => this.#sheet.fault(offset, header, fault));
    const port = reader.port();
    const point = reader.point(extraCells(cells, columns));
    this.diagnostics.push(...reader.faults);
    if (point) this.#keep(new SheetRow(this.#sheet, offset, point, port, cell));
  }

  #shared(text: string): string {
    if (text.length > LONGEST_SHARED) return text;
    const known = this.#texts.get(text);
    if (known === undefined && this.#texts.size < MOST_SHARED) this.#texts.set(text, text);
    return known ?? text;
  }

  #keep(row: RegistryRow): void {
    const { name } = row.point;
    const spelling = name.toLowerCase();
    const earlier = this.#rows.get(name) ?? this.#bySpelling.get(spelling);
    if (earlier) {
      this.diagnostics.push(twin(row, earlier));
      // The later row stands where it is written, not where the earlier one was.
      this.#rows.delete(name);
    }
    this.#rows.set(name, row);
    this.#bySpelling.set(spelling, row);
  }

  /** Whether the row holds a NUL byte: mostly the trace of a file that was cut off or overwritten. */
  #reportNul(cells: readonly string[], offset: number, { indexes }: Columns): boolean {
    const cell = cells.findIndex((text) => text.includes("\0"));
    if (cell === -1) return false;
    const header = [...indexes].find(([, index]) => index === cell)?.[0];
    this.#report(offset, cell, {
      code: "nul_byte",
      severity: "error",
      ...(header === undefined ? {} : { path: header }),
      message: "this cell holds a NUL byte, which no text has; the row is left out",
      found: shown(cells[cell]!),
    });
    return true;
  }

  /** Text under no header: mostly a delimiter that should have been quoted, and then its neighbours are wrong too. */
  #reportStray(cells: readonly string[], offset: number, { named }: Columns): void {
    const stray = cells.findIndex((cell, index) => cell !== "" && !named.has(index));
    if (stray === -1) return;
    this.#report(offset, stray, {
      code: "stray_cell",
      severity: "warning",
      message:
        "this cell stands under no header and is left out; a text that holds the delimiter needs double quotes",
      found: shown(cells[stray]!),
    });
  }
}

function extraCells(cells: readonly string[], { extra }: Columns): Readonly<Record<string, string>> {
  const filled = extra.map(({ name, index }) => [name, cells[index] ?? ""]).filter(([, text]) => text !== "");
  return filled.length === 0 ? NO_EXTRA : Object.fromEntries(filled);
}

function twin(row: RegistryRow, earlier: RegistryRow): Diagnostic {
  const { name } = row.point;
  const same = earlier.point.name === name;
  return row.fault("Volttron Point Name", {
    code: same ? "duplicate_point" : "similar_point",
    severity: "warning",
    message: same
      ? `line ${earlier.line} has a point of this name already; that one is left out, and this one counts`
      : `line ${earlier.line} has "${earlier.point.name}", which differs only in upper and lower case; a historian keeps both as one`,
    found: shown(name),
  });
}
