/**
 * The kind of failure: the service refuses the user (`credentials`) or the request (`refused`), cannot answer now
 * (`unavailable`), did not answer (`unreachable`), or sent an unusable answer (`answer`).
 */
export type EconnectFault = "credentials" | "refused" | "unavailable" | "unreachable" | "answer";

export interface EconnectErrorDetails {
  readonly fault: EconnectFault;
  /** HTTP status as text, or a word: `timeout`, `ECONNREFUSED`, `html`, `malformed`, `too large`, `paging`, … */
  readonly code: string;
  /** Wait that the service asks for, in seconds. */
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** The stations could not be read. One class for all reasons, distinguished by `fault`. */
export class EconnectError extends Error {
  override readonly name = "EconnectError";
  readonly fault: EconnectFault;
  readonly code: string;
  /** Whether the same request may succeed later. */
  readonly retryable: boolean;
  readonly retryAfterSeconds?: number;

  constructor(message: string, { fault, code, retryAfterSeconds, cause }: EconnectErrorDetails) {
    super(`eConnect: ${message}`, cause === undefined ? undefined : { cause });
    this.fault = fault;
    this.code = code;
    this.retryable = fault === "unavailable" || fault === "unreachable";
    if (retryAfterSeconds !== undefined) this.retryAfterSeconds = retryAfterSeconds;
  }
}
