const LOOK_MS = 500;
/** Later than this, the process was stopped or blocked, and not just busy. */
const LATE_MS = 1000;
/** What came meanwhile is read within so long. */
const CATCH_UP_MS = 1000;

/** Both clocks: the monotonic one stands still while a machine sleeps, and the wall clock may be set back. */
interface Moment {
  readonly monotonic: number;
  readonly wall: number;
}

const moment = (): Moment => ({ monotonic: performance.now(), wall: Date.now() });
const since = (from: Moment, to: Moment): number =>
  Math.max(to.monotonic - from.monotonic, to.wall - from.wall);

/**
 * Tells how long a message that is read now may have lain there: a process that was stopped, blocked or asleep finds what
 * came meanwhile all at once, and a message does not say when it came.
 */
export class Arrivals {
  #timer: NodeJS.Timeout | undefined;
  #lookedAt = moment();
  /** The last time that the process was held up. */
  #held: { readonly from: Moment; readonly until: number } | undefined;

  start(): void {
    this.#lookedAt = moment();
    this.#timer = setInterval(() => this.#look(), LOOK_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** Milliseconds, 0 as a rule. */
  get heldMs(): number {
    if (this.#timer) this.#look();
    const now = moment();
    return this.#held && now.monotonic < this.#held.until ? since(this.#held.from, now) : 0;
  }

  #look(): void {
    const now = moment();
    if (since(this.#lookedAt, now) > LOOK_MS + LATE_MS)
      this.#held = { from: this.#lookedAt, until: now.monotonic + CATCH_UP_MS };
    this.#lookedAt = now;
  }
}
