import { Thread } from "../../storage/thread-calls.ts";
import { type Rows, type SessionDatabase, SessionDatabaseError, type Statement } from "./contract.ts";
import { sqliteDialect } from "./dialect.ts";
import type { Calls, Failure, ThreadSettings } from "./sqlite-worker.ts";
import type { SqlValue } from "./tables.ts";

/** Stores sessions in one SQLite file. One thread writes and another reads, so that neither blocks the bridge. */
export class SqliteSessions implements SessionDatabase {
  readonly dialect = sqliteDialect;
  readonly #reader: Thread<Calls, Failure>;
  readonly #writer: Thread<Calls, Failure> | undefined;

  constructor(file: string, readonly: boolean) {
    this.#reader = threadOf({ file, readonly: true });
    this.#writer = readonly ? undefined : threadOf({ file, readonly: false });
  }

  async open(signal?: AbortSignal): Promise<void> {
    await (this.#writer ?? this.#reader).call("open", undefined, signal);
  }

  async write(statements: readonly Statement[], signal?: AbortSignal): Promise<Rows[]> {
    if (!this.#writer) throw new SessionDatabaseError("the sessions were opened for reading only", false);
    return await this.#writer.call("write", statements, signal);
  }

  async read(sql: string, values: readonly SqlValue[] = [], signal?: AbortSignal): Promise<Rows> {
    return await this.#reader.call("read", { sql, values }, signal);
  }

  async close(): Promise<void> {
    // The writer closes last: it moves the WAL into the file, which a reader cannot.
    await this.#reader.close("close", undefined);
    await this.#writer?.close("close", undefined);
  }
}

function threadOf(settings: ThreadSettings): Thread<Calls, Failure> {
  const { file } = settings;
  return new Thread({
    entry: new URL("./sqlite-worker.ts", import.meta.url),
    name: "sessions",
    settings,
    failed: ({ message, retry }) => new SessionDatabaseError(message, retry),
    late: (call) => new SessionDatabaseError(`session file ${file}: ${call} did not finish in time`, true),
    died: (cause) =>
      new SessionDatabaseError(`session file ${file}: its thread ended unexpectedly`, true, { cause }),
  });
}
