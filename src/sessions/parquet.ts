import { fileWriter, parquetWriteRows } from "hyparquet-writer";
import type { Column, ColumnType, SqlValue } from "./tables.ts";

const TYPES = {
  text: "STRING",
  integer: "INT32",
  long: "INT64",
  number: "DOUBLE",
  money: "DOUBLE",
  time: "TIMESTAMP",
  boolean: "BOOLEAN",
} as const satisfies Record<ColumnType, string>;

/** Rows of a group, which is what lies in memory. */
const GROUP = 10_000;

/** Writes into a file, which is there, as Parquet: times as timestamps (UTC), longs as 64-bit numbers, every column nullable. */
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
