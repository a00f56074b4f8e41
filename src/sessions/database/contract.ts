import type { Dialect } from "./dialect.ts";
import type { ColumnType, SqlValue } from "./tables.ts";

/** Outcome of rows of a statement with `counted`, used as values in later statements. */
export type RowOutcome = "added" | "updated" | "unchanged";

/** A statement to run with rows of values: once for each, or once for all of them. */
export interface Statement {
  readonly sql: string;
  /** Column types of an INSERT whose `sql` ends with {@link Dialect.rows}. Absent: `sql` has `?` for the values. */
  readonly bulk?: readonly ColumnType[];
  readonly rows: readonly (readonly (SqlValue | { readonly countOf: RowOutcome })[])[];
  /** Whether it returns the revision of every row that it added (1) or updated (above 1). */
  readonly counted?: true;
}

/** Rows as arrays in the order of their columns. */
export type Rows = readonly (readonly SqlValue[])[];

/** A database of sessions: SQLite or PostgreSQL. Every failure is a {@link SessionDatabaseError}. */
export interface SessionDatabase {
  readonly dialect: Dialect;
  /** Creates or migrates the tables; a database opened for reading only checks them. */
  open(signal?: AbortSignal): Promise<void>;
  /** Runs all statements in one transaction. Returns their rows (RETURNING). */
  write(statements: readonly Statement[], signal?: AbortSignal): Promise<Rows[]>;
  /** Runs one query with `?` for the values. */
  read(sql: string, values?: readonly SqlValue[], signal?: AbortSignal): Promise<Rows>;
  close(): Promise<void>;
}

/** A failure that a retry may resolve (`retry`) or not. Names the database and the remedy. */
export class SessionDatabaseError extends Error {
  override readonly name = "SessionDatabaseError";
  readonly retry: boolean;

  constructor(message: string, retry: boolean, options?: ErrorOptions) {
    super(message, options);
    this.retry = retry;
  }
}

export type RowCounts = Readonly<Record<RowOutcome, number>>;

export const NO_ROWS: RowCounts = { added: 0, updated: 0, unchanged: 0 };

/** Counts the outcomes of a statement's rows. */
export function countRows({ rows }: Statement, returned: Rows): RowCounts {
  const added = returned.filter(([revision]) => Number(revision) === 1).length;
  return { added, updated: returned.length - added, unchanged: rows.length - returned.length };
}

/** Returns a statement's rows with counts in place of their placeholders. */
export function valuesOf({ rows }: Statement, counted: RowCounts): SqlValue[][] {
  return rows.map((row) =>
    row.map((value) => (typeof value === "object" && value !== null ? counted[value.countOf] : value)),
  );
}
