import { existsSync } from "node:fs";
import type { SQLInputValue } from "node:sqlite";
import { workerData } from "node:worker_threads";
import { Connection, type Form, makeFile } from "../../storage/sqlite.ts";
import { sqliteFailure } from "../../storage/sqlite-failure.ts";
import { serveThread } from "../../storage/thread-calls.ts";
import { countRows, NO_ROWS, type Rows, SessionDatabaseError, type Statement, valuesOf } from "./contract.ts";
import { sqliteDialect } from "./dialect.ts";
import { ddl, migrationsFrom, SCHEMA_VERSION } from "./schema.ts";
import type { SqlValue } from "./tables.ts";

/** Start parameters of the thread of a SQLite file of sessions. */
export interface ThreadSettings {
  readonly file: string;
  readonly readonly: boolean;
}

export interface Calls {
  open(none: undefined): void;
  write(statements: readonly Statement[]): Rows[];
  read(query: { readonly sql: string; readonly values: readonly SqlValue[] }): Rows;
  close(none: undefined): void;
}

export interface Failure {
  readonly message: string;
  readonly retry: boolean;
}

const FORM: Form = {
  newest: SCHEMA_VERSION,
  /** "vbcs" */
  applicationId: 0x76626373,
  steps: (version) => (version === 0 ? [ddl(sqliteDialect)] : migrationsFrom(version, sqliteDialect)),
  newer: (message) => new SessionDatabaseError(message, false),
  foreign: ({ file }) =>
    new SessionDatabaseError(
      `${file} is a SQLite file of another program and was not changed. Set sessions.connection.path to another file`,
      false,
    ),
};

/** SQLite's primary result codes for which a retry is useless, with the remedy. */
const GIVE_UP: Readonly<Record<number, string>> = {
  11: "the file is damaged; move it away (sessions sync fills a new one) or try sqlite3's .recover on it",
  26: "it is not a SQLite file; set sessions.connection.path to another file",
};

/** A connection to the file, opened when needed. */
class SessionFile implements Calls {
  readonly #file: string;
  readonly #readonly: boolean;
  #connection: Connection | undefined;

  constructor(file: string, readonly: boolean) {
    this.#file = file;
    this.#readonly = readonly;
  }

  open(): void {
    this.#open();
  }

  write(statements: readonly Statement[]): Rows[] {
    const connection = this.#open();
    return connection.transaction(() => {
      let counted = NO_ROWS;
      return statements.map((statement) => {
        const answer = valuesOf(statement, counted).flatMap((row) =>
          answerOf(connection, statement.sql, row),
        );
        if (statement.counted) counted = countRows(statement, answer);
        return answer;
      });
    });
  }

  read({ sql, values }: Parameters<Calls["read"]>[0]): Rows {
    return answerOf(this.#open(), sql, values);
  }

  close(): void {
    this.#connection?.close();
    this.#connection = undefined;
  }

  failure(error: unknown): SessionDatabaseError {
    if (error instanceof SessionDatabaseError) return error;
    const { why, retryable } = sqliteFailure(error, GIVE_UP);
    return new SessionDatabaseError(`session file ${this.#file}: ${why}`, retryable, { cause: error });
  }

  #open(): Connection {
    this.#connection ??= this.#readonly ? openForReading(this.#file) : openForWriting(this.#file);
    return this.#connection;
  }
}

function openForReading(file: string): Connection {
  const refused = (why: string) => new SessionDatabaseError(why, true);
  if (!existsSync(file))
    throw refused(`there are no sessions at ${file} yet; run voltbridge sessions sync to fetch them`);
  return Connection.open(file, { readOnly: true }, (connection) => {
    const version = connection.version(FORM);
    if (version === SCHEMA_VERSION) return;
    const what = version === 0 ? "has no sessions yet" : "was created by an older voltbridge";
    throw refused(`${file} ${what}; run voltbridge sessions sync, which creates or migrates it`);
  });
}

function openForWriting(file: string): Connection {
  makeFile(file);
  // Data and sync progress share a transaction: what a power cut loses is read again.
  return Connection.open(file, { durability: "normal", form: FORM });
}

function answerOf(connection: Connection, sql: string, values: readonly SqlValue[]): Rows[number][] {
  const bound = values.map((value): SQLInputValue => (typeof value === "boolean" ? Number(value) : value));
  return connection.all<Rows[number]>(sql, ...bound);
}

const { file, readonly } = workerData as ThreadSettings;
const sessions = new SessionFile(file, readonly);
serveThread<Calls, Failure>(sessions, (error) => {
  const { message, retry } = sessions.failure(error);
  return { message, retry };
});
