/** Rejects with the signal's reason as soon as it aborts; the work itself goes on for those who share it. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener("abort", onAbort, { once: true });
    // In every case, so that no failure goes unheard.
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

/** Work that ends with a signal. */
export interface Abortable {
  aborted(reason: unknown): void;
}

const waiting = new WeakMap<AbortSignal, Set<Abortable>>();

/**
 * Those that end with this signal, to add to and to take from; an abort tells each once. One listener for all, where a
 * signal looks through all that it has whenever one comes or goes. For a signal that is not aborted yet.
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
