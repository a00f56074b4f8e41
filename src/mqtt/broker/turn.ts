/** Maximum time spent on incoming messages before timers and other connections have their turn, in milliseconds. */
const LONGEST_MS = 10;

/** Divides a stream of incoming messages into turns of the event loop. */
export class Turn {
  #begun: number | undefined;

  /** Calls `next` now, or in the next turn when this one has lasted long enough. */
  pass(next: () => void): void {
    const now = performance.now();
    if (this.#begun === undefined) {
      this.#begun = now;
      setImmediate(() => {
        this.#begun = undefined;
      });
    }
    if (now - this.#begun < LONGEST_MS) next();
    else setImmediate(next);
  }
}
