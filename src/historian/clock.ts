/** Time as the historian sees it; tests put their own in its place. */
export interface Clock {
  now(): Date;
  /** Calls once after so many milliseconds; the returned function prevents it. */
  after(milliseconds: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => new Date(),
  after(milliseconds, run) {
    const timer = setTimeout(run, milliseconds);
    return () => clearTimeout(timer);
  },
};
