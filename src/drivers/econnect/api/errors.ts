/**
 * What went wrong: the service refuses the user (`credentials`) or the question (`refused`), cannot answer now
 * (`unavailable`), gave no answer (`unreachable`), or one that is none (`answer`).
 */
export type EconnectFault = "credentials" | "refused" | "unavailable" | "unreachable" | "answer";

export interface EconnectErrorDetails {
  readonly fault: EconnectFault;
  /** HTTP status as text, or a word: `timeout`, `ECONNREFUSED`, `html`, `malformed`, `too large`, `paging`, … */
  readonly code: string;
  /** How long the service asks to wait. */
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** The stations could not be had. One class for all reasons: `fault` tells them apart. */
export class EconnectError extends Error {
  override readonly name = "EconnectError";
  readonly fault: EconnectFault;
  readonly code: string;
  /** Whether the same question may be answered later. */
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
