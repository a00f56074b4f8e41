import { type Clock, TimeoutError } from "../../time/clock.ts";

/** Maximum number of scrapes in a batch: a signal iterates over all its listeners whenever one is added or removed. */
const MOST = 32;

/**
 * Scrapes that start at the same time with the same deadline share one timer and one signal, so that a fleet needs few of
 * them.
 */
export class ScrapeBatch<T extends { readonly device: { readonly info: { readonly path: string } } }> {
  readonly ms: number;
  readonly #clock: Clock;
  readonly #giveUp: (scrape: T, reason: unknown) => void;
  readonly #controller = new AbortController();
  readonly #open = new Set<T>();
  #cancel: (() => void) | undefined;

  /** `giveUp` is called for each scrape that has not ended after `ms`; the result of its call is then ignored. */
  constructor(clock: Clock, ms: number, giveUp: (scrape: T, reason: unknown) => void) {
    this.#clock = clock;
    this.ms = ms;
    this.#giveUp = giveUp;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether no scrape is running. */
  get done(): boolean {
    return this.#open.size === 0;
  }

  get full(): boolean {
    return this.#open.size >= MOST;
  }

  begin(scrape: T): void {
    this.#open.add(scrape);
    this.#cancel ??= this.#clock.after(this.ms, () => {
      const seconds = this.ms / 1000;
      const late = new TimeoutError(`a scrape took longer than ${seconds} s`);
      this.#endAll(
        late,
        ({ device }) => new TimeoutError(`the scrape of ${device.info.path} took longer than ${seconds} s`),
      );
    });
  }

  /** Returns whether the scrape has not been given up. */
  isOpen(scrape: T): boolean {
    return this.#open.has(scrape);
  }

  /** Called when the scrape's call has ended. */
  end(scrape: T): void {
    this.#open.delete(scrape);
    if (this.done) this.#disarm();
  }

  /** Gives up all running scrapes. */
  stop(reason: unknown): void {
    this.#disarm();
    this.#endAll(reason, () => reason);
  }

  #disarm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
  }

  #endAll(reason: unknown, reasonOf: (scrape: T) => unknown): void {
    const open = [...this.#open];
    this.#open.clear();
    this.#controller.abort(reason);
    for (const scrape of open) this.#giveUp(scrape, reasonOf(scrape));
  }
}
