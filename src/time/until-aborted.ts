/** Rejects with the signal's reason as soon as it aborts; the work itself continues for other callers. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // Always handled, so that no rejection is unhandled.
    work.then(
      (result) => {
        signal.removeEventListener("abort", onAbort);
        resolve(result);
      },
      (error) => {
        signal.removeEventListener("abort", onAbort);
        reject(error);
      },
    );
  });
}

/** Work that is aborted by a signal. */
export interface Abortable {
  aborted(reason: unknown): void;
}

const waiting = new WeakMap<AbortSignal, Set<Abortable>>();

/**
 * Returns the set of work that is aborted with this signal; an abort calls each once. It uses one listener for all, because a signal
 * searches all of its listeners when one is added or removed. The signal must not be aborted yet.
 */
export function endingWith(signal: AbortSignal): Set<Abortable> {
  const known = waiting.get(signal);
  if (known) return known;
  const all = new Set<Abortable>();
  waiting.set(signal, all);
  const abort = () => {
    for (const one of all) one.aborted(signal.reason);
    all.clear();
  };
  signal.addEventListener("abort", abort, { once: true });
  return all;
}
