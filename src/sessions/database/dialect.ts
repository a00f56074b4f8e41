import type { ColumnType } from "./tables.ts";

/** Differences between the two databases. */
export interface Dialect {
  readonly name: "sqlite" | "postgres";
  /** Type in CREATE TABLE. */
  readonly types: Readonly<Record<ColumnType, string>>;
  /** Text after the closing parenthesis of CREATE TABLE. */
  readonly tableEnd: string;
  /** Returns the rows of an INSERT: parameters for one row, or for arrays of all rows. */
  rows(columns: readonly ColumnType[]): string;
  /** Returns the expression to read a column: times as ISO text, longs as text. */
  shown(expression: string, type: ColumnType): string;
  /** Name of the function for the greater of two values. */
  readonly greatest: string;
  /** Returns an expression rounded to a millionth, so that sums do not depend on their order. */
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

/** Quotes a name: `user` and `interval` are SQL keywords. */
export function quoted(name: string): string {
  return `"${name}"`;
}
