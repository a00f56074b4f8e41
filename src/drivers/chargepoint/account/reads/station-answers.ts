import { type Clock, secondsOn } from "../../../../time/clock.ts";
import type { AnswerKind } from "../answers.ts";

/** Who waits for an answer. Told once: in the turn in which it comes, or at once where it is there. Must not throw. */
export interface Waiter {
  /** `atSeconds`: when it was asked for, by the account's clock. */
  answered(kind: AnswerKind, answer: unknown, atSeconds: number): void;
  failed(kind: AnswerKind, error: unknown): void;
}

/** A reader whose own rounds decide what is fresh enough for it: an answer counts once for each. */
export interface RoundReader {
  /** Most age that an answer may have that was fetched for others. */
  readonly roundSeconds: number;
}

/** What becomes of an answer that all had who read its station in rounds. */
export interface SpentAnswers<A> {
  /** What is kept of it; absent: nothing. */
  readonly remains?: ((answer: A) => A) | undefined;
}

export interface AnswersOptions<A> {
  readonly kind: AnswerKind;
  readonly clock: Clock;
  /** Absent: an answer is kept whole until the next one. */
  readonly spent?: SpentAnswers<A> | undefined;
  /** Seconds for which a failed read is not repeated in rounds; 0: the next round asks again. */
  readonly retrySeconds: (error: unknown) => number;
  /** Failures of reads up to this time are not kept any more. */
  failuresEndAt: number;
}

/** One answer, on its way or there, for all who wait for it. */
export class SharedAnswer<A> {
  readonly of: StationAnswers<A>;
  readonly atSeconds: number;
  /** The first reader in rounds; a station hardly ever has another. */
  takenBy: RoundReader | undefined;
  others: Set<RoundReader> | undefined;
  /** All who read the station in rounds had it. */
  spent = false;
  /** Before it is there, undefined. */
  outcome: "answered" | "failed" | undefined;
  /** The answer or the error. */
  value: unknown;
  #waiter: Waiter | undefined;
  #more: Waiter[] | undefined;

  constructor(of: StationAnswers<A>, atSeconds: number) {
    this.of = of;
    this.atSeconds = atSeconds;
  }

  answered(answer: A): void {
    this.#settle("answered", answer);
  }

  failed(error: unknown): void {
    this.#settle("failed", error);
  }

  /** Tells the waiter, now or when it is there. */
  tell(waiter: Waiter): void {
    if (this.outcome !== undefined) this.#say(waiter);
    else if (this.#waiter === undefined) this.#waiter = waiter;
    else {
      this.#more ??= [];
      this.#more.push(waiter);
    }
  }

  #settle(outcome: "answered" | "failed", value: unknown): void {
    if (this.outcome !== undefined) return;
    this.outcome = outcome;
    this.value = value;
    this.of.settled(this);
    const first = this.#waiter;
    const more = this.#more;
    this.#waiter = undefined;
    this.#more = undefined;
    if (first) this.#say(first);
    if (more) for (const waiter of more) this.#say(waiter);
    if (this.spent) this.of.spend(this);
  }

  #say(waiter: Waiter): void {
    const { kind } = this.of.options;
    if (this.outcome === "answered") waiter.answered(kind, this.value, this.atSeconds);
    else waiter.failed(kind, this.value);
  }
}

/**
 * The answers of one kind for one station: equal reads under way at the same moment are one call, and an answer is given
 * again while it is young enough for whoever asks. A failure is given to all who waited; it is kept for the round of those
 * it was fetched for, and for rounds to come where the options say so. There is one of these for each station of a fleet and kind, for as long as it is read: a
 * round makes no more than the answers themselves.
 */
export class StationAnswers<A> {
  readonly stationID: string;
  readonly options: AnswersOptions<A>;
  #kept: SharedAnswer<A> | undefined;
  #failed: SharedAnswer<A> | undefined;
  #underWay: SharedAnswer<A> | undefined;

  constructor(stationID: string, options: AnswersOptions<A>) {
    this.stationID = stationID;
    this.options = options;
  }

  /** What a read can have without a new call, on its way or there. A reader with a round takes it as its own. */
  shared(maxAgeSeconds: number, reader?: RoundReader): SharedAnswer<A> | undefined {
    return this.#usable(secondsOn(this.options.clock), maxAgeSeconds, reader) ?? this.#underWay;
  }

  /** Whether a read at that time would find its answer here, or on its way. */
  serves(atSeconds: number, maxAgeSeconds: number, reader: RoundReader): boolean {
    return this.#underWay !== undefined || this.#usable(atSeconds, maxAgeSeconds, reader) !== undefined;
  }

  /** A call is to be made, or `again`: one that is yet to be made will do for whoever reads from now on. */
  begin(again?: SharedAnswer<A>): SharedAnswer<A> {
    this.#underWay = again ?? new SharedAnswer(this, secondsOn(this.options.clock));
    return this.#underWay;
  }

  /** The last answer, whatever its age. */
  get last(): SharedAnswer<A> | undefined {
    return this.#kept;
  }

  /** Makes the next round ask again, whatever the last failure was. */
  forgetFailure(): void {
    this.#failed = undefined;
  }

  /** A reader has it in its round. `isOnly`: no other reads the station in rounds. */
  take(shared: SharedAnswer<A>, maxAgeSeconds: number, reader: RoundReader, isOnly: boolean): void {
    shared.takenBy ??= reader;
    if (shared.takenBy !== reader) {
      shared.others ??= new Set();
      shared.others.add(reader);
    }
    if (maxAgeSeconds <= 0 && isOnly && this.options.spent) shared.spent = true;
  }

  /** Makes a later read join nothing that is under way, though a kept answer will do. */
  leave(): void {
    this.#underWay = undefined;
  }

  /** Makes a later read ask anew: neither a kept answer nor a call that is under way will do. */
  forget(): void {
    this.#kept = undefined;
    this.#failed = undefined;
    this.#underWay = undefined;
  }

  settled(shared: SharedAnswer<A>): void {
    if (this.#underWay !== shared) return;
    this.#underWay = undefined;
    this.#failed = undefined;
    if (shared.outcome === "answered") this.#kept = shared;
    else this.#failed = shared;
  }

  /** Lets go of what nobody will ask for any more. */
  spend(shared: SharedAnswer<A>): void {
    if (this.#kept !== shared) return;
    const remains = this.options.spent?.remains;
    if (remains) shared.value = remains(shared.value as A);
    else this.#kept = undefined;
  }

  #usable(
    atSeconds: number,
    maxAgeSeconds: number,
    reader: RoundReader | undefined,
  ): SharedAnswer<A> | undefined {
    const kept = this.#kept;
    if (kept && atSeconds - kept.atSeconds < maxAgeSeconds) return kept;
    if (kept && isNews(kept, atSeconds, reader)) return kept;
    const failed = this.#failed;
    return failed && reader && this.#stands(failed, atSeconds, reader) ? failed : undefined;
  }

  /** Whether a reader in rounds is to have this failure instead of a new call. */
  #stands(failed: SharedAnswer<A>, atSeconds: number, reader: RoundReader): boolean {
    if (isNews(failed, atSeconds, reader)) return true;
    const { retrySeconds, failuresEndAt } = this.options;
    return failed.atSeconds > failuresEndAt && atSeconds - failed.atSeconds < retrySeconds(failed.value);
  }
}

/** Whether a reader has not had the answer yet, and it is young enough for its rounds. */
function isNews<A>(shared: SharedAnswer<A>, atSeconds: number, reader: RoundReader | undefined): boolean {
  if (!reader || shared.takenBy === reader || shared.others?.has(reader)) return false;
  return atSeconds - shared.atSeconds <= reader.roundSeconds;
}
