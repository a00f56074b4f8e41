import { csvLine } from "../../csv-cell.ts";
import { writeWholeFile } from "../../storage/whole-file.ts";
import {
  type Column,
  type ColumnType,
  columnsOf,
  type RowOf,
  type SqlValue,
  type TableName,
} from "../database/tables.ts";

export interface ExportOptions {
  readonly format: "csv" | "jsonl" | "parquet";
  /** Written atomically. Absent: `print` is used. */
  readonly file?: string;
  readonly print?: (text: string) => void;
}

const ROWS = 500;

/** Writes any number of rows of a table in small batches. Returns their number. */
export async function exportTable<N extends TableName>(
  table: N,
  rows: AsyncIterable<RowOf<N>>,
  { format, file, print }: ExportOptions,
): Promise<number> {
  const names = columnsOf(table).map(([name]) => name);
  let count = 0;
  const lists = async function* () {
    let list: SqlValue[][] = [];
    for await (const row of rows) {
      list.push(names.map((name) => (row as Record<string, SqlValue>)[name] ?? null));
      count++;
      if (list.length < ROWS) continue;
      yield list;
      list = [];
    }
    if (list.length > 0) yield list;
  };
  const text = async function* () {
    if (format === "csv") yield csvLine(names);
    for await (const list of lists())
      yield list.map((row) => (format === "csv" ? csvLine(row) : jsonLine(names, row))).join("");
  };
  if (file === undefined) {
    for await (const piece of text()) print?.(piece);
  } else if (format === "parquet")
    await writeWholeFile(file, (part) => writeParquet(part, columnsOf(table), lists()));
  else await writeWholeFile(file, text());
  return count;
}

function jsonLine(names: readonly string[], row: readonly SqlValue[]): string {
  return `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, row[index]])))}\n`;
}

const TYPES = {
  text: "STRING",
  integer: "INT32",
  long: "INT64",
  number: "DOUBLE",
  money: "DOUBLE",
  time: "TIMESTAMP",
  boolean: "BOOLEAN",
} as const satisfies Record<ColumnType, string>;

/** Number of rows in a group, which is kept in memory. */
const GROUP = 10_000;

/** Writes Parquet into an existing file: times as timestamps (UTC), longs as 64-bit numbers, every column nullable. */
export async function writeParquet(
  file: string,
  columns: readonly (readonly [name: string, column: Column])[],
  lists: AsyncIterable<readonly (readonly SqlValue[])[]>,
): Promise<void> {
  const rows = async function* () {
    for await (const list of lists)
      for (const row of list)
        yield Object.fromEntries(columns.map(([name, { type }], at) => [name, asParquet(row[at]!, type)]));
  };
  // Loaded when needed, as few exports are.
  const { fileWriter, parquetWriteRows } = await import("hyparquet-writer");
  await parquetWriteRows({
    writer: fileWriter(file),
    rows: rows(),
    columns: columns.map(([name, { type }]) => ({ name, type: TYPES[type], nullable: true })),
    rowGroupSize: GROUP,
    createdBy: "voltbridge",
  });
}

function asParquet(value: SqlValue, type: ColumnType): SqlValue | Date | bigint {
  if (value === null) return null;
  if (type === "time") return new Date(String(value));
  return type === "long" ? BigInt(String(value)) : value;
}
