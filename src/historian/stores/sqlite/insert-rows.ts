import type { SQLInputValue } from "node:sqlite";
import type { Connection } from "../../../storage/sqlite.ts";

/** Number of rows per INSERT, which is twice as fast as one by one. */
const ROWS = 50;

export interface Insertion {
  /** `INSERT INTO table (columns)`. */
  readonly into: string;
  readonly columns: number;
  readonly onConflict: string;
}

/** Inserts rows, many with each statement. `put` adds the columns of a row to the values. */
export function insertRows(
  database: Connection,
  insertion: Insertion,
  rows: Iterable<number>,
  put: (row: number, values: SQLInputValue[]) => void,
): void {
  const { columns } = insertion;
  const single = database.prepare(statement(insertion, 1));
  const many = database.prepare(statement(insertion, ROWS));
  let values: SQLInputValue[] = [];
  for (const row of rows) {
    put(row, values);
    if (values.length < ROWS * columns) continue;
    many.run(...values);
    values = [];
  }
  for (let at = 0; at < values.length; at += columns) single.run(...values.slice(at, at + columns));
}

function statement({ into, columns, onConflict }: Insertion, rows: number): string {
  const row = `(${Array(columns).fill("?").join(", ")})`;
  return `${into} VALUES ${Array(rows).fill(row).join(", ")} ${onConflict}`;
}
