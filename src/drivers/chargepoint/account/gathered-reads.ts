import { Audience } from "./audience.ts";
import { type Round, SharedReads, type SpentAnswers } from "./shared-reads.ts";

/** Stations whose answers are fetched in one go. Every one is answered or fails by itself. */
export interface Batch<A> {
  /** Those that somebody waits for. */
  readonly wanted: readonly string[];
  /** Takes up to so many more into the batch that will be asked for soon; before the first call only. */
  fill(room: number): string[];
  /** Takes a station into the batch where it will be asked for soon; whether it is in it. Before the first call only. */
  include(stationID: string): boolean;
  /** Stations whose answer is outstanding. */
  missing(): string[];
  isMissing(stationID: string): boolean;
  /** For a station that is not in the batch, this does nothing. */
  answer(stationID: string, answer: A): void;
  fail(stationID: string, error: unknown): void;
}

/** How the answers of one kind are fetched. */
export interface Source<A> {
  /** That of an answer which all had who read the station in rounds not all is kept: a fleet's pages are large. */
  readonly spent?: Pick<SpentAnswers<A>, "remains">;
  /** What a batch has to wait for; reads that come meanwhile go with it. Never rejects. */
  prepare?(): Promise<void>;
  /** Answers or fails the batch's stations; what it throws fails all that are left. */
  fetch(batch: Batch<A>): Promise<void>;
  /** One station past every cache, in the fewest calls. */
  fetchAlone(stationID: string): Promise<A>;
  /** What is known of the station no longer holds. */
  forget?(stationID: string): void;
}

export interface ReaderRound {
  /** Who reads. */
  readonly reader: object;
  /** Seconds between its scrapes. */
  readonly intervalSeconds: number;
}

export interface GatherOptions {
  /** Seconds on a clock that never jumps. */
  readonly now: () => number;
  /** Calls back when the present moment is over, so that all that was asked in it goes into one batch. */
  readonly gather: (then: () => void) => void;
}

/** Most age, in seconds, of an answer in a scrape that was fetched for another station's. */
const LONGEST_SHARE_SECONDS = 60;

interface Entry<A> {
  resolve(answer: A): void;
  reject(error: unknown): void;
}

/**
 * Reads of one kind of answer. What is asked in the same moment is one batch, and stations that will be asked for
 * within their interval go with it, so that a fleet whose scrapes are spread over the interval costs no more calls.
 */
export class GatheredReads<A> {
  readonly audience = new Audience();
  readonly #source: Source<A>;
  readonly #options: GatherOptions;
  readonly #shared: SharedReads<A>;
  #asked = new Map<string, Entry<A>>();

  constructor(source: Source<A>, options: GatherOptions) {
    this.#source = source;
    this.#options = options;
    const { spent } = source;
    const isSpent = (stationID: string) => !this.audience.hasSeveral(stationID);
    this.#shared = new SharedReads(options.now, spent && { isSpent, ...spent });
  }

  /** Counts on a reader that has not asked yet. */
  expect(stationID: string, maxAgeSeconds: number, round: ReaderRound): void {
    const { intervalSeconds } = round;
    this.audience.expect(
      stationID,
      { round: roundOf(round), intervalSeconds, maxAgeSeconds },
      this.#options.now(),
      0,
    );
  }

  read(
    stationID: string,
    maxAgeSeconds: number,
    signal: AbortSignal | undefined,
    reader?: ReaderRound,
  ): Promise<A> {
    const round = reader && roundOf(reader);
    if (round) {
      const { intervalSeconds } = reader;
      this.audience.expect(stationID, { round, intervalSeconds, maxAgeSeconds }, this.#options.now());
    }
    const fetch = () => (round ? this.#ask(stationID) : this.#source.fetchAlone(stationID));
    return this.#shared.read(stationID, maxAgeSeconds, signal, fetch, round);
  }

  /** The last answer, whatever its age. */
  last(stationID: string): Promise<A> | undefined {
    return this.#shared.last(stationID);
  }

  /** The next read joins no call that is under way. */
  leave(stationID: string): void {
    this.#shared.leave(stationID);
  }

  /** The next read asks the service, joining no call that is under way. */
  forget(stationID: string): void {
    this.#source.forget?.(stationID);
    this.#shared.forget(stationID);
  }

  #ask(stationID: string): Promise<A> {
    if (this.#asked.size === 0) this.#options.gather(() => void this.#prepared());
    const { work, entry } = outstanding<A>();
    // A station that was forgotten a moment ago can be in it already; the call is yet to be made, so it serves both.
    const before = this.#asked.get(stationID);
    if (before) void work.then(before.resolve, before.reject);
    this.#asked.set(stationID, entry);
    return work;
  }

  async #prepared(): Promise<void> {
    await this.#source.prepare?.();
    await this.#flush();
  }

  async #flush(): Promise<void> {
    const entries = this.#asked;
    this.#asked = new Map();
    const now = this.#options.now();
    const wanted = [...entries.keys()];
    const take = (stationID: string) => {
      const { work, entry } = outstanding<A>();
      const before = entries.get(stationID);
      if (before) void work.then(before.resolve, before.reject);
      entries.set(stationID, entry);
      this.#shared.join(stationID, work);
    };
    const batch: Batch<A> = {
      wanted,
      fill: (room) => {
        const more: string[] = [];
        if (room > 0) {
          for (const stationID of this.audience.due(this.#shared, now)) {
            more.push(stationID);
            if (more.length === room) break;
          }
        }
        more.forEach(take);
        return more;
      },
      include: (stationID) => {
        if (entries.has(stationID)) return true;
        if (!this.audience.isDue(this.#shared, stationID, now)) return false;
        take(stationID);
        return true;
      },
      missing: () => [...entries.keys()],
      isMissing: (stationID) => entries.has(stationID),
      answer: (stationID, answer) => {
        entries.get(stationID)?.resolve(answer);
        entries.delete(stationID);
      },
      fail: (stationID, error) => {
        entries.get(stationID)?.reject(error);
        entries.delete(stationID);
      },
    };
    try {
      await this.#source.fetch(batch);
      for (const stationID of batch.missing()) batch.fail(stationID, new Error(`no answer for ${stationID}`));
    } catch (error) {
      for (const stationID of batch.missing()) batch.fail(stationID, error);
    }
  }
}

function roundOf({ reader, intervalSeconds }: ReaderRound): Round {
  return { reader, seconds: Math.min(intervalSeconds, LONGEST_SHARE_SECONDS) };
}

/** Whoever makes one lets reads wait for it ({@link SharedReads.join}), so that no rejection goes unheard. */
function outstanding<A>(): { work: Promise<A>; entry: Entry<A> } {
  const { promise, resolve, reject } = Promise.withResolvers<A>();
  return { work: promise, entry: { resolve, reject } };
}
