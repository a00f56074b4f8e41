/** Rejects with the signal's reason as soon as it aborts; the work itself goes on for those who share it. */
function untilAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) return Promise.reject(signal.reason);
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener("abort", onAbort));
  });
}

interface Kept<T> {
  readonly answer: T;
  readonly atSeconds: number;
}

/**
 * Answers that several readers can use: equal reads under way at the same moment are one call, and an answer is
 * given again while it is young enough for whoever asks. A failure is given to all who waited and is never kept.
 */
export class SharedReads {
  readonly #now: () => number;
  readonly #kept = new Map<string, Kept<unknown>>();
  readonly #underWay = new Map<string, Promise<unknown>>();

  /** `now`: seconds on a clock that never jumps. */
  constructor(now: () => number) {
    this.#now = now;
  }

  read<T>(key: string, maxAgeSeconds: number, signal: AbortSignal, fetch: () => Promise<T>): Promise<T> {
    const kept = this.#kept.get(key) as Kept<T> | undefined;
    if (kept && this.#now() - kept.atSeconds < maxAgeSeconds)
      return untilAborted(Promise.resolve(kept.answer), signal);
    const joined = (this.#underWay.get(key) as Promise<T> | undefined) ?? this.#start(key, fetch);
    return untilAborted(joined, signal);
  }

  #start<T>(key: string, fetch: () => Promise<T>): Promise<T> {
    const atSeconds = this.#now();
    const work = fetch();
    this.#underWay.set(key, work);
    const current = () => this.#underWay.get(key) === work;
    work
      .then(
        (answer) => current() && this.#kept.set(key, { answer, atSeconds }),
        () => undefined,
      )
      .finally(() => current() && this.#underWay.delete(key));
    return work;
  }

  /** Makes a later read ask anew: neither a kept answer nor a call that is under way will do. */
  forget(key: string): void {
    this.#kept.delete(key);
    this.#underWay.delete(key);
  }
}
