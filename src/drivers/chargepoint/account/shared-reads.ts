import { untilAborted } from "../../until-aborted.ts";

/** A reader whose own rounds decide what is fresh enough for it: see {@link SharedReads.read}. */
export interface Round {
  /** Who reads: an answer counts once for each reader. */
  readonly reader: object;
  /** Most age that an answer may have that was fetched for others. */
  readonly seconds: number;
}

/** An answer that is on its way or there, and who had it. */
interface Shared<T> {
  work: Promise<T>;
  readonly atSeconds: number;
  /** The first reader; a station hardly ever has another. */
  takenBy: object | undefined;
  others: Set<object> | undefined;
  /** All who read the station in rounds had it. */
  spent: boolean;
}

export interface SpentAnswers<T> {
  /** Whether an answer of no age allowed that a reader had in its round is awaited by no other. */
  isSpent(key: string): boolean;
  /** What is kept of it; absent: nothing. */
  readonly remains?: ((answer: T) => T) | undefined;
}

/**
 * Answers that several readers can use: equal reads under way at the same moment are one call, and an answer is
 * given again while it is young enough for whoever asks. A failure is given to all who waited; it is kept only for
 * the round of those it was fetched for.
 */
export class SharedReads<T = unknown> {
  readonly #now: () => number;
  readonly #spent: SpentAnswers<T> | undefined;
  readonly #kept = new Map<string, Shared<T>>();
  readonly #failed = new Map<string, Shared<T>>();
  readonly #underWay = new Map<string, Shared<T>>();

  /** `now`: seconds on a clock that never jumps. */
  constructor(now: () => number, spent?: SpentAnswers<T>) {
    this.#now = now;
    this.#spent = spent;
  }

  /**
   * The answer of `key`, no older than `maxAgeSeconds`. A reader with a round takes an older one too, once, where it is
   * no older than its round allows: that is how one call serves the scrapes of a whole fleet, each with news.
   */
  read(
    key: string,
    maxAgeSeconds: number,
    signal: AbortSignal | undefined,
    fetch: () => Promise<T>,
    round?: Round,
  ): Promise<T> {
    const shared =
      this.#usable(key, this.#now(), maxAgeSeconds, round) ??
      this.#underWay.get(key) ??
      this.join(key, fetch());
    if (round) take(shared, round.reader);
    const { work } = shared;
    if (round && maxAgeSeconds <= 0 && !shared.spent && this.#spent?.isSpent(key)) {
      shared.spent = true;
      if (this.#kept.get(key) === shared) this.#spend(key, shared);
    }
    return signal ? untilAborted(work, signal) : work;
  }

  #spend(key: string, shared: Shared<T>): void {
    const remains = this.#spent?.remains;
    if (remains) shared.work = shared.work.then(remains);
    else this.#kept.delete(key);
  }

  /** Whether a read at that time would find its answer here, or on its way. */
  serves(key: string, atSeconds: number, maxAgeSeconds: number, round: Round): boolean {
    if (this.#underWay.has(key)) return true;
    return this.#usable(key, atSeconds, maxAgeSeconds, round) !== undefined;
  }

  #usable(
    key: string,
    atSeconds: number,
    maxAgeSeconds: number,
    round: Round | undefined,
  ): Shared<T> | undefined {
    const kept = this.#kept.get(key);
    if (kept && atSeconds - kept.atSeconds < maxAgeSeconds) return kept;
    if (kept && isNews(kept, atSeconds, round)) return kept;
    const failed = this.#failed.get(key);
    return failed && isNews(failed, atSeconds, round) ? failed : undefined;
  }

  /** Lets reads of `key` wait for work that is under way for others. */
  join(key: string, work: Promise<T>): Shared<T> {
    const shared: Shared<T> = {
      work,
      atSeconds: this.#now(),
      takenBy: undefined,
      others: undefined,
      spent: false,
    };
    this.#underWay.set(key, shared);
    const settle = (kept: Map<string, Shared<T>>) => {
      if (this.#underWay.get(key) !== shared) return;
      this.#underWay.delete(key);
      this.#failed.delete(key);
      kept.set(key, shared);
      if (shared.spent && kept === this.#kept) this.#spend(key, shared);
    };
    work.then(
      () => settle(this.#kept),
      () => settle(this.#failed),
    );
    return shared;
  }

  /** The last answer, whatever its age. */
  last(key: string): Promise<T> | undefined {
    return this.#kept.get(key)?.work;
  }

  /** Makes a later read join nothing that is under way, though a kept answer will do. */
  leave(key: string): void {
    this.#underWay.delete(key);
  }

  /** Makes a later read ask anew: neither a kept answer nor a call that is under way will do. */
  forget(key: string): void {
    this.#kept.delete(key);
    this.#failed.delete(key);
    this.#underWay.delete(key);
  }
}

function take(shared: Shared<unknown>, reader: object): void {
  shared.takenBy ??= reader;
  if (shared.takenBy === reader) return;
  shared.others ??= new Set();
  shared.others.add(reader);
}

/** Whether a reader has not had the answer yet, and it is young enough for its rounds. */
function isNews(shared: Shared<unknown>, atSeconds: number, round: Round | undefined): boolean {
  if (!round || shared.takenBy === round.reader || shared.others?.has(round.reader)) return false;
  return atSeconds - shared.atSeconds <= round.seconds;
}
