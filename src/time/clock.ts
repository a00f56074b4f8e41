import { untilAborted } from "./until-aborted.ts";

/** Time as the devices see it; tests put their own in its place. */
export interface Clock {
  /** The wall clock: milliseconds since 1970. It can jump. */
  now(): number;
  /** Milliseconds since some moment. Never jumps, never goes back. */
  monotonic(): number;
  /** Calls back once, at the earliest after `ms` by the monotonic clock; the returned function calls it off. */
  after(ms: number, callback: () => void): () => void;
}

/** What a Node timer can hold (25 days); a longer one would fire at once. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    if (ms > LONGEST_TIMER_MS) {
      let cancel = systemClock.after(LONGEST_TIMER_MS, () => {
        cancel = systemClock.after(ms - LONGEST_TIMER_MS, callback);
      });
      return () => cancel();
    }
    const timer = setTimeout(callback, Math.max(ms, 0));
    return () => clearTimeout(timer);
  },
};

/** Seconds on the clock that never jumps. */
export function secondsOn(clock: Clock): number {
  return clock.monotonic() / 1000;
}

/** A call took longer than it may. Whether the other side still acts on it is not known. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** Resolves after `ms`; rejects with the signal's reason as soon as it is aborted. */
export function pause(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason);
    const onAbort = () => {
      cancel();
      reject(signal.reason);
    };
    const cancel = clock.after(ms, () => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    });
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

export interface Deadline {
  readonly clock: Clock;
  readonly ms: number;
  /** Ends the work early, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Named in the error: "<what> took longer than 30 s". */
  readonly what: string;
}

/**
 * Runs `work` with a signal that is aborted at the deadline, and settles then at the latest, even where the work
 * does not heed its signal.
 */
export async function withDeadline<T>(
  { clock, ms, signal, what }: Deadline,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const controller = new AbortController();
  const onAbort = () => controller.abort(signal?.reason);
  const late = () => controller.abort(new TimeoutError(`${what} took longer than ${ms / 1000} s`));
  const cancel = clock.after(ms, late);
  signal?.addEventListener("abort", onAbort, { once: true });
  try {
    return await untilAborted((async () => work(controller.signal))(), controller.signal);
  } finally {
    cancel();
    signal?.removeEventListener("abort", onAbort);
  }
}
