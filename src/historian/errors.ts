/**
 * What the caller should do.
 * `retry`: the same call can work later (store away, busy, disk full, deadline).
 * `reject`: the samples named by index can never be stored; the others can.
 * `give_up`: only a person can help (wrong path or password, a newer schema, a damaged file).
 */
export type HistorianErrorKind = "retry" | "reject" | "give_up";

/** A failure of the historian. Its message says what to do next. */
export class HistorianError extends Error {
  override readonly name = "HistorianError";
  readonly kind: HistorianErrorKind;
  /** Index in the batch → reason. Empty unless the kind is `reject`. */
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

/** A question that cannot be answered as asked: which part of it is wrong, and what it may be. */
export class QueryError extends Error {
  override readonly name = "QueryError";
  /** E.g. `start`, `agg_period`. */
  readonly field: string;

  constructor(field: string, message: string) {
    super(`${field}: ${message}`);
    this.field = field;
  }
}
