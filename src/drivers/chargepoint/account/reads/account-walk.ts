import { type Clock, secondsOn } from "../../../../time/clock.ts";
import type { Batch } from "./gathered-reads.ts";
import { concernsAll } from "./walk.ts";

/** Time before an account that shows much more than is read from it is walked again, in seconds. */
const COSTLY_SECONDS = 3600;

/**
 * Reads a batch by a walk over the whole account, or station by station where that takes fewer calls. A walk ends after as
 * many pages as there are stations, so that it never costs more than twice the minimum of calls.
 */
export class AccountWalk<A> {
  readonly #clock: Clock;
  readonly #alone: (stationID: string) => Promise<A>;
  /** The last number of stations for which a walk was not worth its calls, and until when that is assumed. */
  #costly = { stations: 0, until: 0 };

  constructor(clock: Clock, alone: (stationID: string) => Promise<A>) {
    this.#clock = clock;
    this.#alone = alone;
  }

  /**
   * Reads the batch; `walk` gets the maximum number of pages, answers the stations it finds, and returns undefined where
   * that maximum ended it.
   */
  async read(batch: Batch<A>, walk: (maxPages: number) => Promise<number | undefined>): Promise<void> {
    const costly = secondsOn(this.#clock) < this.#costly.until ? this.#costly.stations : 0;
    batch.fill(Number.POSITIVE_INFINITY);
    const stations = batch.missing().length;
    if (stations < 2 || stations <= costly) return this.#single(batch);
    try {
      const pages = await walk(stations);
      if (pages === undefined) this.#costly = { stations, until: secondsOn(this.#clock) + COSTLY_SECONDS };
    } catch (error) {
      if (concernsAll(error)) throw error;
      // A page that cannot be read fails only the stations without a pending read.
      const wanted = new Set(batch.wanted);
      for (const id of batch.missing()) if (!wanted.has(id)) batch.fail(id, error);
    }
    await this.#single(batch);
  }

  async #single(batch: Batch<A>): Promise<void> {
    const one = (id: string) =>
      this.#alone(id).then(
        (answer) => batch.answer(id, answer),
        (error: unknown) => batch.fail(id, error),
      );
    await Promise.all(batch.missing().map(one));
  }
}
