import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import { sqliteFailure } from "../../storage/sqlite-failure.ts";
import {
  NOTHING_TALLIED,
  type Rows,
  SessionDatabaseError,
  type Statement,
  tallyOf,
  valuesOf,
} from "../database.ts";
import { sqliteDialect } from "../dialect.ts";
import { ddl, migrationsFrom, SCHEMA_VERSION } from "../schema.ts";
import type { SqlValue } from "../tables.ts";
import type { Calls } from "./calls.ts";

/** "vbcs": tells our files from those of others. */
const APPLICATION_ID = 0x76626373;
const BUSY_MS = 5000;

/** SQLite's primary result codes that no other try cures, with what to do. */
const GIVE_UP: Readonly<Record<number, string>> = {
  11: "the file is damaged; move it away (sessions sync fills a new one) or try sqlite3's .recover on it",
  26: "it is not a SQLite file; set sessions.connection.path to another file",
};

/** The thread's side: one connection to the file, opened when needed. */
export class SessionFile implements Calls {
  readonly #file: string;
  readonly #readonly: boolean;
  readonly #statements = new Map<string, StatementSync>();
  #db: DatabaseSync | undefined;

  constructor(file: string, readonly: boolean) {
    this.#file = file;
    this.#readonly = readonly;
  }

  open(): void {
    this.#open();
  }

  write(statements: readonly Statement[]): Rows[] {
    const db = this.#open();
    db.exec("BEGIN IMMEDIATE");
    try {
      let tally = NOTHING_TALLIED;
      const answers = statements.map((statement) => {
        const prepared = this.#prepare(statement.sql);
        const answer: Rows[number][] = [];
        for (const row of valuesOf(statement, tally))
          answer.push(...(prepared.all(...row.map(bound)) as unknown as Rows));
        if (statement.tally) tally = tallyOf(statement, answer);
        return answer;
      });
      db.exec("COMMIT");
      return answers;
    } catch (error) {
      if (db.isTransaction) db.exec("ROLLBACK");
      throw error;
    }
  }

  read({ sql, values }: Parameters<Calls["read"]>[0]): Rows {
    this.#open();
    return this.#prepare(sql).all(...values.map(bound)) as unknown as Rows;
  }

  close(): void {
    this.#statements.clear();
    this.#db?.close();
    this.#db = undefined;
  }

  failure(error: unknown): SessionDatabaseError {
    if (error instanceof SessionDatabaseError) return error;
    const { why, curable } = sqliteFailure(error, GIVE_UP);
    return new SessionDatabaseError(`session file ${this.#file}: ${why}`, curable, { cause: error });
  }

  #open(): DatabaseSync {
    if (this.#db) return this.#db;
    if (this.#readonly && !existsSync(this.#file))
      throw new SessionDatabaseError(
        `there are no sessions at ${this.#file} yet; voltbridge sessions sync fetches them`,
        true,
      );
    if (!this.#readonly) {
      mkdirSync(dirname(this.#file), { recursive: true, mode: 0o700 });
      closeSync(openSync(this.#file, "a", 0o600));
    }
    const db = new DatabaseSync(this.#file, { timeout: BUSY_MS, readOnly: this.#readonly });
    try {
      this.#ready(db);
    } catch (error) {
      db.close();
      throw error;
    }
    this.#db = db;
    return db;
  }

  #ready(db: DatabaseSync): void {
    const version = versionOf(db, this.#file);
    if (this.#readonly) {
      if (version === SCHEMA_VERSION) return;
      const what = version === 0 ? "holds no sessions yet" : "was made by an older voltbridge";
      throw new SessionDatabaseError(
        `${this.#file} ${what}; voltbridge sessions sync brings it up to date`,
        true,
      );
    }
    // Data and how far reading has come are one transaction: what a power cut takes is read again.
    db.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = normal; PRAGMA foreign_keys = on");
    if (version < SCHEMA_VERSION) migrate(db, this.#file);
  }

  #prepare(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (!statement) {
      statement = this.#db!.prepare(sql);
      statement.setReturnArrays(true);
      this.#statements.set(sql, statement);
    }
    return statement;
  }
}

function bound(value: SqlValue): SQLInputValue {
  return typeof value === "boolean" ? Number(value) : value;
}

/** 0 for an empty file. Refuses a newer schema, and files of something else. */
function versionOf(db: DatabaseSync, file: string): number {
  const number = (pragma: string) => Object.values(db.prepare(`PRAGMA ${pragma}`).get() ?? {})[0] as number;
  const version = number("user_version");
  if (db.prepare("SELECT 1 FROM sqlite_schema LIMIT 1").get() === undefined) return 0;
  if (number("application_id") !== APPLICATION_ID)
    throw new SessionDatabaseError(
      `${file} is a SQLite file of something else; it is left as it is. Set sessions.connection.path to another file`,
      false,
    );
  if (version > SCHEMA_VERSION)
    throw new SessionDatabaseError(
      `${file} was made by a newer voltbridge (schema ${version}, this one knows ${SCHEMA_VERSION}); it is left as it is. Run that version, or set sessions.connection.path to another file`,
      false,
    );
  return version;
}

function migrate(db: DatabaseSync, file: string): void {
  db.exec("BEGIN IMMEDIATE");
  try {
    // Another process may have been first.
    const version = versionOf(db, file);
    const steps = version === 0 ? [ddl(sqliteDialect)] : migrationsFrom(version, sqliteDialect);
    for (const step of steps) db.exec(step);
    db.exec(`PRAGMA user_version = ${SCHEMA_VERSION}; PRAGMA application_id = ${APPLICATION_ID}; COMMIT`);
  } catch (error) {
    if (db.isTransaction) db.exec("ROLLBACK");
    throw error;
  }
}
