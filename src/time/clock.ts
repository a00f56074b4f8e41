import { untilAborted } from "./until-aborted.ts";

/** A source of time, which tests replace. */
export interface Clock {
  /** Returns the wall clock's time in milliseconds since 1970. It can jump. */
  now(): number;
  /** Returns milliseconds since an arbitrary time. Never jumps or decreases. */
  monotonic(): number;
  /** Calls back once, at least `ms` later by the monotonic clock. Returns a function that cancels it. */
  after(ms: number, callback: () => void): () => void;
}

/** Maximum delay of a Node timer, in milliseconds (25 days); a longer one would fire at once. */
const MAX_TIMER_MS = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(ms, callback) {
    if (ms > MAX_TIMER_MS) {
      let cancel = systemClock.after(MAX_TIMER_MS, () => {
        cancel = systemClock.after(ms - MAX_TIMER_MS, callback);
      });
      return () => cancel();
    }
    const timer = setTimeout(callback, Math.max(ms, 0));
    return () => clearTimeout(timer);
  },
};

/** Returns the monotonic time in seconds. */
export function secondsOn(clock: Clock): number {
  return clock.monotonic() / 1000;
}

/** A call exceeded its deadline. The other side may still complete it. */
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
  /** Aborts the work, with its reason. */
  readonly signal?: AbortSignal | undefined;
  /** Name in the error: "<what> took longer than 30 s". */
  readonly what: string;
}

/**
 * Runs `work` with a signal that is aborted at the deadline, and settles by then even if the work ignores its signal.
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
