import type { Dialect } from "./dialect.ts";
import type { ColumnType, SqlValue } from "./tables.ts";

/** A statement that is run for rows of values: once for each, or once for all of them. */
export interface Statement {
  readonly sql: string;
  /** There: an INSERT whose `sql` ends its rows with {@link Dialect.rows} of these; absent: `?` stand for the values. */
  readonly bulk?: readonly ColumnType[];
  readonly rows: readonly (readonly SqlValue[])[];
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
