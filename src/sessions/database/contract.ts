import type { Dialect } from "./dialect.ts";
import type { ColumnType, SqlValue } from "./tables.ts";

/** What became of the rows of a statement with `tally`, for the values of statements after it. */
export type Tallied = "added" | "updated" | "unchanged";

/** A statement that is run for rows of values: once for each, or once for all of them. */
export interface Statement {
  readonly sql: string;
  /** There: an INSERT whose `sql` ends its rows with {@link Dialect.rows} of these; absent: `?` stand for the values. */
  readonly bulk?: readonly ColumnType[];
  readonly rows: readonly (readonly (SqlValue | { readonly tallied: Tallied })[])[];
  /** It returns a row's revision for every row that it added (1) or updated (above 1). */
  readonly tally?: true;
}

/** Rows as arrays in the order of their columns. */
export type Rows = readonly (readonly SqlValue[])[];

/** Where sessions are kept: SQLite or PostgreSQL. Every failure is a {@link SessionDatabaseError}. */
export interface SessionDatabase {
  readonly dialect: Dialect;
  /** Makes what is missing and brings older tables up to date; one opened for reading only looks. */
  open(signal?: AbortSignal): Promise<void>;
  /** Runs all in one transaction; gives what each returned (RETURNING). */
  write(statements: readonly Statement[], signal?: AbortSignal): Promise<Rows[]>;
  /** Runs one query; `?` stand for the values. */
  read(sql: string, values?: readonly SqlValue[], signal?: AbortSignal): Promise<Rows>;
  close(): Promise<void>;
}

/** The database cannot do it now (`retry`), or never as it is. Names the database and what to do. */
export class SessionDatabaseError extends Error {
  override readonly name = "SessionDatabaseError";
  readonly retry: boolean;

  constructor(message: string, retry: boolean, options?: ErrorOptions) {
    super(message, options);
    this.retry = retry;
  }
}

export type Tally = Readonly<Record<Tallied, number>>;

export const NOTHING_TALLIED: Tally = { added: 0, updated: 0, unchanged: 0 };

/** What became of a statement's rows. */
export function tallyOf({ rows }: Statement, returned: Rows): Tally {
  const added = returned.filter(([revision]) => Number(revision) === 1).length;
  return { added, updated: returned.length - added, unchanged: rows.length - returned.length };
}

/** A statement's rows with the numbers in place of what stands for them. */
export function valuesOf({ rows }: Statement, tally: Tally): SqlValue[][] {
  return rows.map((row) =>
    row.map((value) => (typeof value === "object" && value !== null ? tally[value.tallied] : value)),
  );
}
