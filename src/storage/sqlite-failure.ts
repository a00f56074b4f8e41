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

/** SQLite's primary result code, which is the last byte of an extended one; -1 where the error is not one of SQLite's. */
export function sqliteCode(error: unknown): number {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? -1 : errcode & 0xff;
}

/** What went wrong with a SQLite file, told apart by its result code. `words`: what its user says of further codes. */
export function sqliteFailure(error: unknown, words: Readonly<Record<number, string>>): SqliteFailure {
  const code = sqliteCode(error);
  const why = words[code] ?? CURABLE[code] ?? (error as Partial<Error>).message ?? String(error);
  return { code, why, curable: code in CURABLE };
}
