import { type Clock, secondsOn } from "../../../../time/clock.ts";
import type { Batch } from "./gathered-reads.ts";
import { concernsAll, type WalkEnd } from "./walk.ts";

/** So long an account that shows much more than is read from it is not walked again. */
const DEAR_SECONDS = 3600;

/**
 * Reads a batch by a walk over the whole account, or station by station where that takes fewer calls: a walk is given
 * up when it took as many pages as there are stations, so that it never costs more than twice the fewest calls.
 */
export class AccountWalk<A> {
  readonly #clock: Clock;
  readonly #alone: (stationID: string) => Promise<A>;
  /** A walk for no more stations than this was not worth it lately. */
  #dear = { stations: 0, until: 0 };

  constructor(clock: Clock, alone: (stationID: string) => Promise<A>) {
    this.#clock = clock;
    this.#alone = alone;
  }

  /** `walk` gets the most pages that it may take, and answers what it finds. */
  async read(batch: Batch<A>, walk: (mostPages: number) => Promise<WalkEnd>): Promise<void> {
    const dear = secondsOn(this.#clock) < this.#dear.until ? this.#dear.stations : 0;
    batch.fill(Number.POSITIVE_INFINITY);
    const stations = batch.missing().length;
    if (stations < 2 || stations <= dear) return this.#single(batch);
    try {
      const { complete } = await walk(stations);
      if (!complete) this.#dear = { stations, until: secondsOn(this.#clock) + DEAR_SECONDS };
    } catch (error) {
      if (concernsAll(error)) throw error;
      // A page that cannot be read costs those their answer that nobody waits for.
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
