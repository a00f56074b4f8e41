export type RefusalKind =
  | "bad_file_name"
  | "no_such_file"
  | "unreadable_file"
  | "file_exists"
  | "file_changed"
  | "file_too_large"
  | "file_not_usable"
  | "file_not_written"
  | "trial_running";

/** A file that is not read or not written; the message says why and what to do. Nothing was changed. */
export class FileRefusal extends Error {
  override readonly name = "FileRefusal";
  readonly kind: RefusalKind;
  /** Further facts, for the page. */
  readonly facts: Readonly<Record<string, unknown>>;

  constructor(kind: RefusalKind, message: string, facts: Readonly<Record<string, unknown>> = {}) {
    super(message);
    this.kind = kind;
    this.facts = facts;
  }
}
