import { sqliteFailure } from "../storage/sqlite-failure.ts";

/**
 * `disk`: the disk or the file's rights do not allow it now; another try can succeed. `busy`: another process writes.
 * `full`: no space is left. `damaged`: what the file holds makes no sense. `refused`: only a person can help. `fault`: ours.
 */
export type FailureKind = "full" | "disk" | "busy" | "damaged" | "refused" | "fault";

/** What goes wrong with a queue's file; the message says which file and what to do. */
export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** The kinds of SQLite's primary result codes. */
const KINDS: Readonly<Record<number, FailureKind>> = {
  3: "disk",
  5: "busy",
  6: "busy",
  7: "disk",
  8: "disk",
  10: "disk",
  11: "damaged",
  13: "full",
  14: "disk",
  15: "disk",
  26: "damaged",
};
const WORDS: Readonly<Record<number, string>> = {
  3: "it cannot be accessed; check the permissions of the file and its folder",
  11: "it is damaged",
  15: "it is locked in a way that the file system does not allow",
  26: "it is damaged",
};

/** What went wrong, told apart by SQLite's or the system's code. Errors of ours pass as they are. */
export function queueError(error: unknown, file: string): QueueError {
  if (error instanceof QueueError) return error;
  const failure = sqliteFailure(error, WORDS);
  const text = `queue file ${file}: ${failure.why}`;
  if (failure.code !== -1) return new QueueError(KINDS[failure.code] ?? "fault", text, { cause: error });
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return new QueueError("full", text, { cause: error });
  if (syscall !== undefined) return new QueueError("disk", text, { cause: error });
  return new QueueError("fault", text, { cause: error });
}
