/** Rejects with the signal's reason as soon as it aborts; the work itself goes on for those who share it. */
export function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
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

/**
 * How each piece of work ended, in their order; rejects with the signal's reason as soon as it aborts. One promise for
 * all, where {@link untilAborted} around `Promise.allSettled` makes several: a fleet's round has a hundred thousand.
 */
export function allSettledUntilAborted<T>(
  work: readonly Promise<T>[],
  signal: AbortSignal,
): Promise<readonly PromiseSettledResult<T>[]> {
  return new Promise((resolve, reject) => {
    const results = new Array<PromiseSettledResult<T>>(work.length);
    let left = work.length;
    const onAbort = () => reject(signal.reason);
    const settle = (index: number, result: PromiseSettledResult<T>) => {
      results[index] = result;
      left--;
      if (left > 0) return;
      signal.removeEventListener("abort", onAbort);
      resolve(results);
    };
    if (signal.aborted) onAbort();
    else if (left === 0) resolve(results);
    else signal.addEventListener("abort", onAbort, { once: true });
    // In every case, so that no failure goes unheard.
    work.forEach((one, index) => {
      one.then(
        (value) => settle(index, { status: "fulfilled", value }),
        (reason: unknown) => settle(index, { status: "rejected", reason }),
      );
    });
  });
}
