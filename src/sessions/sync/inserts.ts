import type { Statement } from "../database/contract.ts";
import { type Dialect, quoted } from "../database/dialect.ts";
import { columnsOf, type RowOf, type SqlValue, type TableName, tables } from "../database/tables.ts";

/** Values for some columns of a table. */
export type PartOf<N extends TableName> = Partial<RowOf<N>>;

/** Returns an INSERT of these columns; `then` is its conflict clause for existing keys. */
export function insert<N extends TableName>(
  dialect: Dialect,
  table: N,
  columns: readonly (keyof RowOf<N> & string)[],
  rows: readonly PartOf<N>[],
  then: string,
): Statement {
  const known = new Map(columnsOf(table));
  const types = columns.map((name) => known.get(name)!.type);
  return {
    sql: `INSERT INTO ${quoted(table)} (${columns.join(", ")}) ${dialect.rows(types)} ${then}`,
    bulk: types,
    rows: rows.map((row) =>
      columns.map((name) => ((row as Record<string, SqlValue>)[name] ?? null) as SqlValue),
    ),
  };
}

/** As {@link insert}; existing rows remain unchanged. */
export function insertMissing<N extends TableName>(
  dialect: Dialect,
  table: N,
  columns: readonly (keyof RowOf<N> & string)[],
  rows: readonly PartOf<N>[],
): Statement {
  return insert(dialect, table, columns, rows, "ON CONFLICT DO NOTHING");
}

/** As {@link insert}; existing rows get the new values that are not null. */
export function upsert<N extends TableName>(
  dialect: Dialect,
  table: N,
  columns: readonly (keyof RowOf<N> & string)[],
  rows: readonly PartOf<N>[],
): Statement {
  const key: readonly string[] = tables[table].key;
  const changes = columns
    .filter((name) => !key.includes(name))
    .map((name) => `${name} = coalesce(excluded.${name}, ${quoted(table)}.${name})`);
  const then = changes.length > 0 ? `UPDATE SET ${changes.join(", ")}` : "NOTHING";
  return insert(dialect, table, columns, rows, `ON CONFLICT (${key.join(", ")}) DO ${then}`);
}
