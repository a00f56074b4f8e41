import { csvLine } from "../../csv-cell.ts";
import { type ParquetColumn, type ParquetValue, parquetPieces } from "../../storage/parquet.ts";
import { type Column, columnsOf, type RowOf, type SqlValue, type TableName } from "../database/tables.ts";

export const TABLE_EXPORTS = ["csv", "jsonl", "parquet"] as const;
export type TableExport = (typeof TABLE_EXPORTS)[number];

type Columns = readonly (readonly [name: string, column: Column])[];
type Lists = AsyncIterable<readonly (readonly SqlValue[])[]>;

const ROWS = 500;

/** Yields the pieces of a file with any number of rows of a table. `without`: columns that are left out. */
export function exportTable<N extends TableName>(
  table: N,
  rows: AsyncIterable<RowOf<N>>,
  format: TableExport,
  without?: (column: Column) => boolean,
): AsyncGenerator<string | Uint8Array> {
  const columns = columnsOf(table).filter(([, column]) => !without?.(column));
  const lists = listsOf(rows as AsyncIterable<Readonly<Record<string, SqlValue>>>, columns);
  return format === "parquet" ? asParquet(columns, lists) : asText(columns, lists, format);
}

async function* listsOf(
  rows: AsyncIterable<Readonly<Record<string, SqlValue>>>,
  columns: Columns,
): AsyncGenerator<SqlValue[][]> {
  let list: SqlValue[][] = [];
  for await (const row of rows) {
    list.push(columns.map(([name]) => row[name] ?? null));
    if (list.length < ROWS) continue;
    yield list;
    list = [];
  }
  if (list.length > 0) yield list;
}

async function* asText(columns: Columns, lists: Lists, format: "csv" | "jsonl"): AsyncGenerator<string> {
  const names = columns.map(([name]) => name);
  if (format === "csv") yield csvLine(names);
  for await (const list of lists)
    yield list.map((row) => (format === "csv" ? csvLine(row) : jsonLine(names, row))).join("");
}

function jsonLine(names: readonly string[], row: readonly SqlValue[]): string {
  return `${JSON.stringify(Object.fromEntries(names.map((name, index) => [name, row[index]])))}\n`;
}

function asParquet(columns: Columns, lists: Lists): AsyncGenerator<Uint8Array> {
  const rows = async function* () {
    for await (const list of lists)
      for (const row of list) yield columns.map(([, column], at) => parquetValue(row[at]!, column));
  };
  return parquetPieces(columns.map(parquetColumn), rows());
}

function parquetColumn([name, { type }]: Columns[number]): ParquetColumn {
  return { name, type: type === "money" ? "number" : type };
}

function parquetValue(value: SqlValue, { type }: Column): ParquetValue {
  if (value === null) return null;
  if (type === "time") return BigInt(Date.parse(String(value))) * 1000n;
  return type === "long" ? BigInt(String(value)) : value;
}
