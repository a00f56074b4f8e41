/** SQLite's primary result codes after which a retry can succeed, with their remedies. */
const RETRYABLE: Readonly<Record<number, string>> = {
  5: "another process is writing to it",
  6: "another process is writing to it",
  7: "out of memory",
  8: "it cannot be written; check the permissions of the file, its folder and its disk",
  10: "the disk failed to read or write; check it",
  13: "the disk is full; free space on it",
  14: "it cannot be opened; check that its folder exists and may be written",
};

export interface SqliteFailure {
  /** SQLite's primary result code; -1 for other errors. */
  readonly code: number;
  /** Remedy, or the error's own message. */
  readonly why: string;
  /** Whether a retry can succeed. */
  readonly retryable: boolean;
}

/** Returns SQLite's primary result code, the last byte of an extended one; -1 for other errors. */
export function sqliteCode(error: unknown): number {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined ? -1 : errcode & 0xff;
}

/** Describes a failure of a SQLite file by its result code. `words`: the caller's texts for further codes. */
export function sqliteFailure(error: unknown, words: Readonly<Record<number, string>>): SqliteFailure {
  const code = sqliteCode(error);
  const why = words[code] ?? RETRYABLE[code] ?? (error as Partial<Error>).message ?? String(error);
  return { code, why, retryable: code in RETRYABLE };
}
