import { csvLine } from "../csv-cell.ts";
import { writeWholeFile } from "../storage/whole-file.ts";
import { writeParquet } from "./parquet.ts";
import { columnsOf, type RowOf, type SqlValue, type TableName } from "./tables.ts";

export interface ExportOptions {
  readonly format: "csv" | "jsonl" | "parquet";
  /** Written beside and put in place when it is whole; absent: `print`. */
  readonly file?: string;
  readonly print?: (text: string) => void;
}

const ROWS = 500;

/** Writes rows of a table, a few at a time, however many there are; gives their number. */
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
