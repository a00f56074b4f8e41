/** SQLite's primary result codes that another try can cure, with what to look at. */
const CURABLE: Readonly<Record<number, string>> = {
  5: "another process is writing to it",
  6: "another process is writing to it",
  7: "out of memory",
  8: "it cannot be written; check the permissions of the file, its folder and its disk",
  10: "the disk failed to read or write; check it",
  13: "the disk is full; make room",
  14: "it cannot be opened; check that its folder exists and may be written",
};

export interface SqliteFailure {
  /** SQLite's primary result code; -1 where the error is not one of SQLite's. */
  readonly code: number;
  /** What to look at; the error's own message where nothing better is known. */
  readonly why: string;
  /** Whether another try can succeed. */
  readonly curable: boolean;
}

/** What went wrong with a SQLite file, told apart by its result code. `words`: what its user says of further codes. */
export function sqliteFailure(error: unknown, words: Readonly<Record<number, string>>): SqliteFailure {
  const { errcode, message } = error as { errcode?: number; message?: string };
  const code = errcode === undefined ? -1 : errcode & 0xff;
  return { code, why: words[code] ?? CURABLE[code] ?? message ?? String(error), curable: code in CURABLE };
}
