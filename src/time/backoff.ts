/** Pauses between tries: each twice the one before, up to the longest. In whatever unit. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/** Between the attempts of one call, in milliseconds. */
export const CALL_BACKOFF: Backoff = { first: 250, longest: 5000 };

/** The pause after so many failures in a row (from 1). */
export function backoff({ first, longest }: Backoff, failures: number): number {
  return Math.min(longest, first * 2 ** (failures - 1));
}

/** Between half and the whole of a pause by chance, so that those who failed together do not come back together. */
export function jittered(pause: number, random: () => number = Math.random): number {
  return pause * (0.5 + random() / 2);
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
