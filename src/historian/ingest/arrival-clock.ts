/** Times of arrival in microseconds since 1970 UTC, no two alike: values without a time of their own stay apart by them. */
export class ArrivalClock {
  readonly #now: () => Date;
  #last = Number.NEGATIVE_INFINITY;

  constructor(now: () => Date) {
    this.#now = now;
  }

  next(): number {
    const now = this.#now().getTime() * 1000;
    // Only within a millisecond: a clock that was set back is followed.
    this.#last = Math.floor(this.#last / 1000) * 1000 === now ? this.#last + 1 : now;
    return this.#last;
  }
}
