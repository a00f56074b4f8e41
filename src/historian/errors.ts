/**
 * Determines what the caller does next.
 * `retry`: the same call may succeed later (store unavailable, busy, disk full, deadline).
 * `reject`: the samples named by index can never be stored; the others can.
 * `give_up`: only a person can resolve it (wrong path or password, a newer schema, a damaged file).
 */
export type HistorianErrorKind = "retry" | "reject" | "give_up";

/** A failure of the historian. Its message names the next step. */
export class HistorianError extends Error {
  override readonly name = "HistorianError";
  readonly kind: HistorianErrorKind;
  /** Reasons by index in the batch. Empty unless the kind is `reject`. */
  readonly rejected: ReadonlyMap<number, string>;

  constructor(
    kind: HistorianErrorKind,
    message: string,
    options?: ErrorOptions & { readonly rejected?: ReadonlyMap<number, string> },
  ) {
    super(message, options);
    this.kind = kind;
    this.rejected = options?.rejected ?? new Map();
  }
}

/** An invalid query. Names the invalid field and its valid values. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  /** Invalid field, e.g. `start`, `agg_period`. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}
