import { type Clock, secondsOn } from "../../../../time/clock.ts";
import type { AnswerKind } from "../answers.ts";

/** Receives an answer, once: in the turn in which it arrives, or at once where it is there. Must not throw. */
export interface Waiter {
  /** `atSeconds`: when it was requested, on the account's clock. */
  answered(kind: AnswerKind, answer: unknown, atSeconds: number): void;
  failed(kind: AnswerKind, error: unknown): void;
}

/** A reader in rounds: it uses each answer once, and its rounds decide which answers are fresh enough. */
export interface RoundReader {
  /** Maximum age of an answer that was fetched for others. */
  readonly roundSeconds: number;
}

/** What happens to an answer once all rounds of its station have used it. */
export interface SpentAnswers<A> {
  /** Returns the part that is kept; absent: nothing is kept. */
  readonly remains?: ((answer: A) => A) | undefined;
}

export interface AnswersOptions<A> {
  readonly kind: AnswerKind;
  readonly clock: Clock;
  /** Absent: an answer is kept completely until the next one. */
  readonly spent?: SpentAnswers<A> | undefined;
  /** Seconds for which a failed read is not repeated in rounds; 0: the next round reads again. */
  readonly retrySeconds: (error: unknown) => number;
  /** Failures of reads up to this time are dropped. */
  failuresEndAt: number;
}

/** One answer, pending or received, shared by all that wait for it. */
export class SharedAnswer<A> {
  readonly of: StationAnswers<A>;
  readonly atSeconds: number;
  /** The first reader in rounds that used it; a station rarely has another. */
  takenBy: RoundReader | undefined;
  others: Set<RoundReader> | undefined;
  /** Whether all rounds of the station have used it. */
  spent = false;
  /** Undefined while it is pending. */
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

  /** Passes the answer to the waiter, now or when it arrives. */
  deliver(waiter: Waiter): void {
    if (this.outcome !== undefined) this.#pass(waiter);
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
    if (first) this.#pass(first);
    if (more) for (const waiter of more) this.#pass(waiter);
    if (this.spent) this.of.spend(this);
  }

  #pass(waiter: Waiter): void {
    const { kind } = this.of.options;
    if (this.outcome === "answered") waiter.answered(kind, this.value, this.atSeconds);
    else waiter.failed(kind, this.value);
  }
}

/**
 * The answers of one kind for one station. Concurrent reads share one call, and an answer is reused while it is young
 * enough for the reader. A failure goes to all waiting readers; it is kept for the round of the stations it was fetched
 * for, and for later rounds where the options say so. Every station of a fleet has one of these per kind, so a round
 * allocates only the answers.
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

  /**
   * Returns the answer that a read can use without a new call, pending or received. A reader in rounds then counts it as
   * used.
   */
  shared(maxAgeSeconds: number, reader?: RoundReader): SharedAnswer<A> | undefined {
    return this.#usable(secondsOn(this.options.clock), maxAgeSeconds, reader) ?? this.#underWay;
  }

  /** Returns whether a read at that time would find an answer here, pending or received. */
  serves(atSeconds: number, maxAgeSeconds: number, reader: RoundReader): boolean {
    return this.#underWay !== undefined || this.#usable(atSeconds, maxAgeSeconds, reader) !== undefined;
  }

  /** Starts an answer for a call to be sent, or reuses `again`, whose call was not sent yet. */
  begin(again?: SharedAnswer<A>): SharedAnswer<A> {
    this.#underWay = again ?? new SharedAnswer(this, secondsOn(this.options.clock));
    return this.#underWay;
  }

  /** The last answer, of any age. */
  get last(): SharedAnswer<A> | undefined {
    return this.#kept;
  }

  /** Drops the last failure, so that the next round reads again. */
  forgetFailure(): void {
    this.#failed = undefined;
  }

  /** Records that a reader used the answer in its round. `isOnly`: no other device reads the station in rounds. */
  take(shared: SharedAnswer<A>, maxAgeSeconds: number, reader: RoundReader, isOnly: boolean): void {
    shared.takenBy ??= reader;
    if (shared.takenBy !== reader) {
      shared.others ??= new Set();
      shared.others.add(reader);
    }
    if (maxAgeSeconds <= 0 && isOnly && this.options.spent) shared.spent = true;
  }

  /** Keeps later reads from joining a pending answer; a kept one may still be used. */
  leave(): void {
    this.#underWay = undefined;
  }

  /** Makes later reads ask again, using neither a kept nor a pending answer. */
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

  /** Releases what no round will use any more. */
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
    // What is left of a spent answer is enough to compare limits with, but not for the rows of another reader.
    const kept = this.#kept?.spent && reader ? undefined : this.#kept;
    if (kept && atSeconds - kept.atSeconds < maxAgeSeconds) return kept;
    if (kept && isNews(kept, atSeconds, reader)) return kept;
    const failed = this.#failed;
    return failed && reader && this.#keepsFailure(failed, atSeconds, reader) ? failed : undefined;
  }

  /** Returns whether a reader in rounds gets this failure instead of a new call. */
  #keepsFailure(failed: SharedAnswer<A>, atSeconds: number, reader: RoundReader): boolean {
    if (isNews(failed, atSeconds, reader)) return true;
    const { retrySeconds, failuresEndAt } = this.options;
    return failed.atSeconds > failuresEndAt && atSeconds - failed.atSeconds < retrySeconds(failed.value);
  }
}

/** Returns whether a reader has not used the answer yet and it is young enough for its rounds. */
function isNews<A>(shared: SharedAnswer<A>, atSeconds: number, reader: RoundReader | undefined): boolean {
  if (!reader || shared.takenBy === reader || shared.others?.has(reader)) return false;
  return atSeconds - shared.atSeconds <= reader.roundSeconds;
}
