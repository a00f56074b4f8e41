import type { Connection, Row } from "../storage/sqlite.ts";
import { checksum, recordChecksum } from "./appends.ts";
import { numberOf } from "./shared-texts.ts";

/** A table whose rows can be told to be as they were written. */
export interface Table {
  readonly name: string;
  /** The first is `id`. */
  readonly columns: readonly string[];
  isSound(row: never): boolean;
}

const COLUMNS = ["id", "time", "samples", "retries", "checksum", "key", "text"];
export const RECORDS: Table = {
  name: "record",
  columns: [...COLUMNS, "shared"],
  isSound: ([, time, samples, , sum, key, text, shared]: [
    ...[id: number, time: number, samples: number, retries: number, sum: number],
    ...[key: string, text: string, shared: number | null],
  ]) => sum === recordChecksum(time, samples, key, text, shared),
};
export const LETTERS: Table = {
  name: "dead_letter",
  columns: [...COLUMNS, "reason", "detail", "at"],
  isSound: ([, time, samples, , sum, ...texts]: [
    ...[id: number, time: number, samples: number, retries: number, sum: number],
    ...[key: string, text: string, reason: string, detail: string, at: number],
  ]) => sum === checksum(time, samples, ...(texts.slice(0, 4) as string[])),
};
export const SHARED: Table = {
  name: "shared",
  columns: ["id", "text"],
  isSound: ([id, text]: [number, string]) => id === numberOf(text),
};

/** The rows of a table that are as they were written, by id; passes over pages that cannot be read. */
export function* readable(source: Connection | undefined, table: Table): Generator<Row> {
  if (!source) return;
  const { name } = table;
  const columns = table.columns.map((column) => (has(source, name, column) ? column : "NULL"));
  let after = -1;
  for (;;) {
    try {
      const rows = source.iterate(`SELECT ${columns} FROM ${name} WHERE id > ? ORDER BY id`, after);
      for (const row of rows) {
        const id = row[0] as number;
        // Ids out of order: the tree leads back to where it was.
        if (!(id > after)) break;
        after = id;
        if (table.isSound(row as never)) yield row;
      }
      return;
    } catch {
      const next = nextReadable(source, name, after);
      if (next === undefined) return;
      after = next - 1;
    }
  }
}

/** Not so in a file of an earlier version. */
function has(source: Connection, table: string, column: string): boolean {
  try {
    source.prepare(`SELECT ${column} FROM ${table}`);
    return true;
  } catch {
    return false;
  }
}

/** The lowest id behind a damaged place. */
function nextReadable(source: Connection, table: string, after: number): number | undefined {
  const found = (from: number): number | undefined => {
    try {
      return source.get(
        `SELECT id, length(text) FROM ${table} WHERE id >= ? ORDER BY id LIMIT 1`,
        from,
      )?.[0] as number | undefined;
    } catch {
      return undefined;
    }
  };
  let bad = after + 1;
  let step = 1;
  let good: number | undefined;
  while (good === undefined) {
    if (bad + step > Number.MAX_SAFE_INTEGER) return undefined;
    good = found(bad + step) === undefined ? undefined : bad + step;
    if (good === undefined) bad += step;
    step *= 2;
  }
  while (good - bad > 1) {
    const middle = Math.floor((good + bad) / 2);
    if (found(middle) === undefined) bad = middle;
    else good = middle;
  }
  return found(good);
}
