import type { ColumnType } from "./tables.ts";

/** What differs between the two databases. */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Type in CREATE TABLE. */
  readonly types: Readonly<Record<ColumnType, string>>;
  /** After the closing parenthesis of CREATE TABLE. */
  readonly tableEnd: string;
  /** Stands for the rows of an INSERT: parameters for one row, or for arrays of all of them. */
  rows(columns: readonly ColumnType[]): string;
  /** A column as it is read: times as ISO text, longs as text. */
  shown(expression: string, type: ColumnType): string;
  /** Function that gives the greater of two values. */
  readonly greatest: string;
  /** To a millionth, so that sums in another order are the same. */
  rounded(expression: string): string;
}

export const sqliteDialect: Dialect = {
  name: "sqlite",
  types: {
    text: "TEXT",
    integer: "INTEGER",
    long: "INTEGER",
    number: "REAL",
    money: "REAL",
    time: "TEXT",
    boolean: "INTEGER",
  },
  tableEnd: " STRICT",
  rows: (columns) => `VALUES (${columns.map(() => "?").join(", ")})`,
  shown: (expression, type) => (type === "long" ? `CAST(${expression} AS TEXT)` : expression),
  greatest: "max",
  rounded: (expression) => `round(${expression}, 6)`,
};

export const postgresDialect: Dialect = {
  name: "postgres",
  types: {
    text: "text",
    integer: "integer",
    long: "bigint",
    number: "double precision",
    money: "numeric(14,4)",
    time: "timestamptz",
    boolean: "boolean",
  },
  tableEnd: "",
  rows: (columns) =>
    `SELECT * FROM unnest(${columns.map((type, i) => `$${i + 1}::${postgresDialect.types[type].replace(/\(.*/, "")}[]`).join(", ")})`,
  shown(expression, type) {
    if (type === "long") return `${expression}::text`;
    if (type === "money") return `${expression}::double precision`;
    if (type === "time") return `to_char(${expression} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')`;
    return expression;
  },
  greatest: "greatest",
  rounded: (expression) => `round((${expression})::numeric, 6)::double precision`,
};

/** A name in SQL: `user` and `interval` are words of the language. */
export function quoted(name: string): string {
  return `"${name}"`;
}
