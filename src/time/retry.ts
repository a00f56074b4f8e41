/** How a call waits between attempts, and for how long it may take in all. */

export interface Clock {
  /** Milliseconds that only go forward. */
  now(): number;
  /** Rejects with the signal's reason when it aborts. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 5_000;

/** Milliseconds before the attempt after the given one (from 1): doubling, between half and the whole of it by chance. */
export function backoffMs(attempt: number, random: () => number): number {
  const full = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1));
  return full * (0.5 + 0.5 * random());
}

/**
 * Seconds to wait by a Retry-After header, which is a number of seconds or a date; undefined where it is neither. A
 * date is measured against the answer's own Date, so that a wrong clock here does not matter.
 */
export function retryAfterSeconds(headers: {
  readonly "retry-after"?: string | undefined;
  readonly date?: string | undefined;
}): number | undefined {
  const value = headers["retry-after"]?.trim();
  if (!value) return undefined;
  if (/^\d{1,9}$/.test(value)) return Number(value);
  const until = Date.parse(value);
  if (Number.isNaN(until)) return undefined;
  const from = Date.parse(headers.date ?? "");
  return Math.max(0, Math.ceil((until - (Number.isNaN(from) ? Date.now() : from)) / 1000));
}
