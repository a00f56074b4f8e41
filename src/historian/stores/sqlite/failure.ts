import { sqliteFailure } from "../../../storage/sqlite-failure.ts";
import { HistorianError } from "../../errors.ts";

/** SQLite's primary result codes that no other try cures, with what to do. */
const GIVE_UP: Readonly<Record<number, string>> = {
  11: "the file is damaged; move it away (a new one is made) and try sqlite3's .recover on it",
  26: "it is not a SQLite file; set historian.connection.path to another file",
};

/** What went wrong with a SQLite file, told apart by its result code. Errors of ours pass as they are. */
export function historianError(error: unknown, file: string): HistorianError {
  if (error instanceof HistorianError) return error;
  const { code, why } = sqliteFailure(error, GIVE_UP);
  const kind = code in GIVE_UP ? "give_up" : "retry";
  return new HistorianError(kind, `history file ${file}: ${why}`, { cause: error });
}
