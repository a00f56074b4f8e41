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

/** SQLite's primary result codes, with what to look at. */
const CODES: Record<number, readonly [FailureKind, string]> = {
  3: ["disk", "it cannot be accessed; check the permissions of the file and its folder"],
  5: ["busy", "another process is writing to it"],
  6: ["busy", "another process is writing to it"],
  7: ["disk", "out of memory"],
  8: ["disk", "it cannot be written; check the permissions of the file, its folder and its disk"],
  10: ["disk", "the disk failed to read or write; check it"],
  11: ["damaged", "it is damaged"],
  13: ["full", "the disk is full; make room"],
  14: ["disk", "it cannot be opened; check that its folder exists and may be written"],
  15: ["disk", "it is locked in a way that the file system does not allow"],
  26: ["damaged", "it is damaged"],
};

/** What went wrong, told apart by SQLite's or the system's code. Errors of ours pass as they are. */
export function queueError(error: unknown, file: string): QueueError {
  if (error instanceof QueueError) return error;
  const { errcode, code, message } = error as { errcode?: number; code?: string; message?: string };
  if (errcode !== undefined) {
    const [kind, why] = CODES[errcode & 0xff] ?? ["fault", message ?? "unknown error"];
    return new QueueError(kind, `queue file ${file}: ${why}`, { cause: error });
  }
  const text = `queue file ${file}: ${message ?? String(error)}`;
  if (code === "ENOSPC" || code === "EDQUOT") return new QueueError("full", text, { cause: error });
  if ((error as NodeJS.ErrnoException).syscall !== undefined)
    return new QueueError("disk", text, { cause: error });
  return new QueueError("fault", text, { cause: error });
}
