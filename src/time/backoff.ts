/** Pauses between attempts: each is twice the previous one, up to the longest. In any unit. */
export interface Backoff {
  readonly first: number;
  readonly longest: number;
}

/** Pauses between the attempts of one call, in milliseconds. */
export const CALL_BACKOFF: Backoff = { first: 250, longest: 5000 };

/** Returns the pause after a number of consecutive failures (from 1). */
export function backoff({ first, longest }: Backoff, failures: number): number {
  return Math.min(longest, first * 2 ** (failures - 1));
}

/** Returns a random time between half and all of a pause, so that callers that failed together do not retry together. */
export function jittered(pause: number, random: () => number = Math.random): number {
  return pause * (0.5 + random() / 2);
}

/**
 * Returns the seconds of a Retry-After header, which is a number of seconds or a date; undefined when it is neither. A date is compared
 * with the response's own Date, so that a wrong local clock does not matter.
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
