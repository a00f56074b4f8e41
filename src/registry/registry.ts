import { readFileSync } from "node:fs";
import { type Diagnostic, decodeText, hasErrors, sortDiagnostics, unreadable } from "../config/index.ts";
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

/** Reads a registry CSV (contracts.md: Registry CSV). Never throws: a file that cannot be read is one diagnostic. */
export function readRegistry(file: string): Registry {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(file);
  } catch (error) {
    return { rows: [], diagnostics: [unreadable(file, error)] };
  }
  return parseRegistry(bytes, file);
}

/** {@link readRegistry} of bytes that are there already; `file` is for the diagnostics. */
export function parseRegistry(bytes: Uint8Array, file: string): Registry {
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

  const sheet = new Sheet(file, text);
  if (encoding === "windows-1252")
    sheet.diagnostics.push(
      atStart(
        "warning",
        "not_utf8",
        "the file is not UTF-8; it was read as Windows-1252. Save it as CSV UTF-8",
      ),
    );
  const rows = sheet.read();
  if (rows.length === 0 && !hasErrors(sheet.diagnostics))
    sheet.diagnostics.push(atStart("warning", "no_points", "the file holds no row with an Attribute Name"));
  return { rows, diagnostics: sortDiagnostics(sheet.diagnostics) };
}

const NO_EXTRA: Readonly<Record<string, string>> = Object.freeze({});

/** One file while it is read, and as long as its rows need it to say where they stand. */
class Sheet {
  readonly file: string;
  readonly diagnostics: Diagnostic[] = [];
  readonly #csv: CsvText;
  readonly #hasNul: boolean;
  /** By name; a later row of the same name takes its place. */
  readonly #rows = new Map<string, RegistryRow>();
  readonly #bySpelling = new Map<string, RegistryRow>();
  #columns: Columns | undefined;
  #usable = true;

  constructor(file: string, text: string) {
    this.file = file;
    this.#hasNul = text.includes("\0");
    this.#csv = new CsvText(text, (cell) => knownHeader(cell) !== undefined);
  }

  read(): RegistryRow[] {
    const faults = this.#csv.read((cells, offset) => {
      if (cells.every((cell) => cell === "")) return;
      if (!this.#columns) this.#columns = this.#readHeader(cells, offset);
      else if (this.#usable) this.#readRow(cells, offset, this.#columns);
    });
    for (const { offset, cell, message } of faults)
      this.#report(offset, cell, { code: "bad_csv", severity: "error", message });
    if (!this.#columns && faults.length === 0)
      this.#report(0, 0, { code: "no_header", severity: "error", message: "the file is empty" });
    return [...this.#rows.values()];
  }

  /** A diagnostic at a row's cell; at the row's first where the file has no such column. */
  fault(offset: number, header: RegistryHeader, fault: RowFault): Diagnostic {
    const cell = this.#columns?.indexes.get(header) ?? 0;
    return { file: this.file, ...this.#csv.place(offset, cell), path: header, ...fault };
  }

  #report(offset: number, cell: number, fault: Omit<Diagnostic, "file" | "line" | "column">): void {
    this.diagnostics.push({ file: this.file, ...this.#csv.place(offset, cell), ...fault });
  }

  #readHeader(cells: readonly string[], offset: number): Columns {
    const { columns, faults } = readColumns(cells);
    for (const { cell, ...fault } of faults) this.#report(offset, cell, fault);
    this.#usable = !faults.some((fault) => fault.severity === "error");
    return columns;
  }

  #readRow(cells: readonly string[], offset: number, columns: Columns): void {
    const cell = (header: RegistryHeader) => cells[columns.indexes.get(header) ?? -1] ?? "";
    if (this.#hasNul && this.#reportNul(cells, offset, columns)) return;
    if (cell("Attribute Name") === "") return;
    this.#reportStray(cells, offset, columns);
    const fault = (header: RegistryHeader, rowFault: RowFault) => this.fault(offset, header, rowFault);
    const reader = new RowReader(cell, fault);
    const port = reader.port();
    const point = reader.point(extraCells(cells, columns));
    this.diagnostics.push(...reader.faults);
    if (!point) return;
    this.#keep({
      point,
      attribute: cell("Attribute Name"),
      register: cell("Register Name"),
      ...(port === undefined ? {} : { port }),
      file: this.file,
      line: this.#csv.line(offset),
      fault,
    });
  }

  #keep(row: RegistryRow): void {
    const { name } = row.point;
    const spelling = name.toLowerCase();
    const earlier = this.#rows.get(name) ?? this.#bySpelling.get(spelling);
    if (earlier) this.diagnostics.push(twin(row, earlier));
    // The later row stands where it is written, not where the earlier one was.
    this.#rows.delete(name);
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
