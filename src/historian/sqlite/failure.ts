import { HistorianError } from "../errors.ts";

/** SQLite's primary result codes that another try can cure, with what to look at. */
const RETRY: Record<number, string> = {
  5: "another process is writing to it",
  6: "another process is writing to it",
  7: "out of memory",
  8: "it cannot be written; check the permissions of the file, its folder and its disk",
  10: "the disk failed to read or write; check it",
  13: "the disk is full; make room",
  14: "it cannot be opened; check that its folder exists and may be written",
};
const GIVE_UP: Record<number, string> = {
  11: "the file is damaged; move it away (a new one is made) and try sqlite3's .recover on it",
  26: "it is not a SQLite file; set historian.connection.path to another file",
};

/** What went wrong with a SQLite file, told apart by its result code. Errors of ours pass as they are. */
export function historianError(error: unknown, file: string): HistorianError {
  if (error instanceof HistorianError) return error;
  const { errcode, message } = error as { errcode?: number; message?: string };
  const primary = errcode === undefined ? -1 : errcode & 0xff;
  const fatal = GIVE_UP[primary];
  const why = fatal ?? RETRY[primary] ?? message ?? String(error);
  return new HistorianError(fatal ? "give_up" : "retry", `history file ${file}: ${why}`, { cause: error });
}
