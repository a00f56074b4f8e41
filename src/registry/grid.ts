import { decodeText } from "../config/index.ts";
import { knownHeader } from "./columns.ts";
import { CsvText } from "./csv-text.ts";
import { notCsv } from "./registry.ts";
import type { RegistryHeader } from "./row.ts";

/** The cells of a registry as a spreadsheet shows them, for editors. */
export interface RegistryGrid {
  readonly delimiter: string;
  /** Line of the column names, from 1. */
  readonly headerLine: number;
  readonly columns: readonly GridColumn[];
  readonly rows: readonly GridRow[];
}

export interface GridColumn {
  /** As written. */
  readonly name: string;
  /** The known column that it is. */
  readonly header?: RegistryHeader;
}

export interface GridRow {
  /** First line of the row, from 1. */
  readonly line: number;
  /** Number of lines that it spans. */
  readonly lines: number;
  /** Trimmed; as many as the row has. */
  readonly cells: readonly string[];
}

/** Maximum number of rows of a grid; a larger file is edited as text. */
const MAX_GRID_ROWS = 20_000;

/**
 * Returns the grid of a registry, one slice for each yield. Undefined for a file that is no CSV, that has a row that is none, or that
 * has too many rows: its cells cannot be edited one by one.
 */
export function* readingGrid(bytes: Uint8Array): Generator<void, RegistryGrid | undefined> {
  const { text } = decodeText(bytes);
  if (notCsv(text) !== undefined) return undefined;
  const csv = new CsvText(text, (cell) => knownHeader(cell) !== undefined);
  const records: { readonly cells: readonly string[]; readonly offset: number }[] = [];
  const faults = yield* csv.read((cells, offset) => {
    records.push({ cells, offset });
    return records.length <= MAX_GRID_ROWS + 1;
  });
  const first = records.findIndex(({ cells }) => cells.some((cell) => cell !== ""));
  const header = records[first];
  if (faults.length > 0 || records.length > MAX_GRID_ROWS + 1 || !header) return undefined;
  const end = csv.line(Buffer.byteLength(text)) + (/[\r\n]$/.test(text) ? 0 : 1);
  const lines = records.map(({ offset }) => csv.line(offset));
  return {
    delimiter: csv.delimiter,
    headerLine: lines[first]!,
    columns: header.cells.map((name) => ({ name, header: knownHeader(name) })),
    rows: records.slice(first + 1).map(({ cells }, i) => {
      const line = lines[first + 1 + i]!;
      return { line, lines: (lines[first + 2 + i] ?? end) - line, cells };
    }),
  };
}
