import { sqliteFailure } from "../storage/sqlite-failure.ts";

/**
 * `disk`: the disk or the file's permissions do not allow it now; a retry can succeed. `busy`: another process writes. `full`: no space
 * is left. `damaged`: the file's contents are invalid. `refused`: only a person can resolve it. `fault`: a fault of this program.
 */
export type FailureKind = "full" | "disk" | "busy" | "damaged" | "refused" | "fault";

/** A failure of a queue file. Its message names the file and the remedy. */
export class QueueError extends Error {
  override readonly name = "QueueError";
  readonly kind: FailureKind;

  constructor(kind: FailureKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** Kinds by SQLite's primary result code. */
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
const MESSAGES: Readonly<Record<number, string>> = {
  3: "it cannot be accessed; check the permissions of the file and its folder",
  11: "it is damaged",
  15: "it is locked in a way that the file system does not allow",
  26: "it is damaged",
};

/** Converts an error by SQLite's or the system's code. Returns a QueueError unchanged. */
export function queueError(error: unknown, file: string): QueueError {
  if (error instanceof QueueError) return error;
  const failure = sqliteFailure(error, MESSAGES);
  const text = `queue file ${file}: ${failure.why}`;
  if (failure.code !== -1) return new QueueError(KINDS[failure.code] ?? "fault", text, { cause: error });
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return new QueueError("full", text, { cause: error });
  if (syscall !== undefined) return new QueueError("disk", text, { cause: error });
  return new QueueError("fault", text, { cause: error });
}
