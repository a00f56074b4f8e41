import { type Clock, TimeoutError } from "../../time/clock.ts";

/** A signal looks through all who listen to it whenever one comes or goes. */
const MOST = 32;

/** Scrapes that began in one moment and have equally long: one timer and one signal for all, where a fleet has so many. */
export class ScrapeBatch<T extends { readonly device: { readonly info: { readonly path: string } } }> {
  readonly ms: number;
  readonly #clock: Clock;
  readonly #giveUp: (scrape: T, reason: unknown) => void;
  readonly #controller = new AbortController();
  readonly #open = new Set<T>();
  #cancel: (() => void) | undefined;

  /** `giveUp` is called for each that has not ended after `ms`; whatever its call still does counts for nothing. */
  constructor(clock: Clock, ms: number, giveUp: (scrape: T, reason: unknown) => void) {
    this.#clock = clock;
    this.ms = ms;
    this.#giveUp = giveUp;
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Whether none is under way. */
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

  /** Whether it has not been given up. */
  isOpen(scrape: T): boolean {
    return this.#open.has(scrape);
  }

  /** Its call has ended. */
  end(scrape: T): void {
    this.#open.delete(scrape);
    if (this.done) this.#disarm();
  }

  /** Gives up all that are under way. */
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
